"""`mxproof compare`."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from converters.shape import show

from ..outputs import differences, same_top
from ..report.sheet import Sheet
from ..runtimes.base import Array
from ..subject import UsageError
from .common import FAILED, PROVEN, console_of, say, writable, write_text
from .run import read_npy


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "compare",
        help="how far apart outputs are that `run` kept",
        description="Compare arrays with a reference: the largest absolute and the largest "
        "relative error (where the reference is not 0), and whether the largest number of each "
        "sample is the same one.",
    )
    parser.add_argument("reference", metavar="REF.npy")
    parser.add_argument("others", metavar="OTHER.npy", nargs="+")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there")
    for name, text in (("abs", "absolute"), ("rel", "relative")):
        parser.add_argument(
            f"--max-{name}",
            type=float,
            default=math.inf,
            metavar="X",
            help=f"exit code 1 where the {text} error is larger",
        )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    writable(args, "json", "markdown")
    reference = read_npy(Path(args.reference))
    record = [compared(args.reference, reference, Path(other)) for other in args.others]
    rows = [
        (row["file"], _number(row["max_abs"]), _number(row["max_rel"]), _yes(row["top1_equal"]))
        for row in record
    ]
    headings = ("file", "max absolute error", "max relative error", "largest is the same")
    sheet = Sheet(f"Against {args.reference}", headings, rows)
    document = {"schema": 1, "reference": args.reference, "files": record}
    write_text(args.json, json.dumps(document, indent=1))
    write_text(args.markdown, f"{sheet.markdown()}\n")
    console_of(args).print(sheet.terminal())
    far = [r for r in record if _exceeds(r, "abs", args) or _exceeds(r, "rel", args)]
    for row in far:
        say(
            f"{row['file']}: errors of {_number(row['max_abs'])} and {_number(row['max_rel'])} "
            f"(relative), allowed {args.max_abs:g} and {args.max_rel:g}.",
            stderr=True,
        )
    return FAILED if far else PROVEN


def _exceeds(row: Dict[str, Any], name: str, args: argparse.Namespace) -> bool:
    limit: float = getattr(args, f"max_{name}")
    error = row[f"max_{name}"]
    return limit < math.inf and (error is None or error > limit)


def compared(name: str, reference: Array, path: Path) -> Dict[str, Any]:
    """The row of one file; None where numbers that are not finite differ.

    Raises:
        UsageError: it has another shape.
    """
    array = read_npy(path)
    if array.shape != reference.shape:
        raise UsageError(
            f"{path} has shape {show(array.shape)}, {name} {show(reference.shape)}. Compare "
            "outputs of the same layer on the same input."
        )
    finite = np.isfinite(reference)
    alike = np.array_equal(array[~finite], reference[~finite], equal_nan=True)
    numbers: List[Any] = [None, None]
    if alike and np.isfinite(array[finite]).all():
        numbers = list(differences(array[finite], reference[finite]))
    ranked = array.ndim > 1 and array.size > 0
    top = same_top(array, reference, 1) if ranked else None
    return {"file": str(path), "max_abs": numbers[0], "max_rel": numbers[1], "top1_equal": top}


def _number(value: Any) -> str:
    return "not finite" if value is None else f"{value:.3g}"


def _yes(value: Any) -> str:
    return "–" if value is None else ("yes" if value else "no")
