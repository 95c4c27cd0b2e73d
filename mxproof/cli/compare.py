"""Compare arrays with a reference: the largest absolute and the largest relative error (where the
reference is not 0), and whether the largest number of each sample is the same one."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any, Dict, Optional

import numpy as np

from converters.ir.shapes import show

from ..errors import UsageError
from ..proof.outputs.agreement import differences, same_top
from ..reports.sheet import Sheet
from ..runtimes.base import Array
from . import common
from .run import read_npy


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="REF.npy")
    parser.add_argument("others", metavar="OTHER.npy", nargs="+")
    common.table_options(parser)
    for name, kind in (("abs", "absolute"), ("rel", "relative")):
        text = f"exit code 1 where the {kind} error is larger"
        parser.add_argument(f"--max-{name}", type=float, default=math.inf, metavar="X", help=text)
    common.quiet(parser)


def run(args: argparse.Namespace) -> int:
    reference = read_npy(Path(args.reference))
    record = [compared(args.reference, reference, Path(other)) for other in args.others]
    yes = {None: "–", True: "yes", False: "no"}
    rows = [
        (r["file"], _number(r["max_abs"]), _number(r["max_rel"]), yes[r["top1_equal"]])
        for r in record
    ]
    headings = ("file", "max absolute error", "max relative error", "largest is the same")
    sheet = Sheet(f"Against {args.reference}", headings, rows)
    document = {"schema": 1, "reference": args.reference, "files": record}
    common.show_tables(args, document, [sheet])
    limits = {"max_abs": args.max_abs, "max_rel": args.max_rel}
    far = [
        f"{row['file']}: errors of {_number(row['max_abs'])} and {_number(row['max_rel'])} "
        f"(relative), allowed {args.max_abs:g} and {args.max_rel:g}."
        for row in record
        if any(
            limit < math.inf and (row[key] is None or row[key] > limit)
            for key, limit in limits.items()
        )
    ]
    common.say(*far, stderr=True)
    return common.FAILED if far else common.PROVEN


def compared(name: str, reference: Array, path: Path) -> Dict[str, Any]:
    """The row of one file; None where numbers that are not finite differ, and where none is finite.

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
    known = alike and finite.any() and np.isfinite(array[finite]).all()
    gap, relative = differences(array[finite], reference[finite]) if known else (None, None)
    ranked = array.ndim > 1 and array.size > 0
    top = same_top(array, reference, 1) if ranked else None
    return {"file": str(path), "max_abs": gap, "max_rel": relative, "top1_equal": top}


def _number(value: Optional[float]) -> str:
    return "not finite" if value is None else f"{value:.3g}"
