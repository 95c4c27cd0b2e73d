"""`mxproof tables`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Dict, List

from fixtures.pictures import PHOTOGRAPH
from fixtures.zoo import ZOO

from ..pictures import picture_inputs
from ..report.sheet import Sheet
from ..runtimes.base import Array
from ..subject import Subject, load_for_run, parse_inputs
from ..tables import measure, sheets
from .common import (
    FAILED,
    PREFIX,
    PROVEN,
    console_of,
    preprocessing,
    preprocessing_of,
    progress_of,
    reading,
    reading_options,
    say,
    writable,
    write_text,
)


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "tables",
        help="errors of models in every runtime, on a photograph",
        description="Run each model in MXNet, as ONNX imported back into MXNet, in onnxruntime "
        "and in PyTorch, on the same picture, and print the largest errors of the final output: "
        "one table a runtime. Needs MXNet (in this or another interpreter), onnxruntime and "
        "PyTorch.",
    )
    parser.add_argument(
        "checkpoints", metavar="MODEL", nargs="*", help=f"{PREFIX} (default: all of these)"
    )
    reading_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write the numbers there")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there")
    parser.add_argument(
        "--limit",
        type=float,
        metavar="X",
        help="exit code 1 if an error against float64 is more than X times MXNet's own",
    )
    parser.add_argument(
        "--mxnet-python", metavar="PATH", help="the Python that has MXNet (default: this one)"
    )
    preprocessing(parser, files=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    writable(args, "json", "markdown")
    found = []
    with progress_of(args) as progress:
        for checkpoint in dict.fromkeys(args.checkpoints or ZOO):
            progress(f"reading {checkpoint}")
            subject = load_for_run(checkpoint, parse_inputs(args.input), **reading(args))
            inputs = pictured(args, subject)
            found.append(
                measure(subject, inputs, mxnet_python=args.mxnet_python, progress=progress)
            )
    tables = sheets(found)
    document = {"schema": 1, "models": [model.to_json() for model in found]}
    write_text(args.json, json.dumps(document, indent=1))
    write_text(args.markdown, _markdown(tables))
    console = console_of(args)
    for table in tables:
        console.print(table.terminal())
    far = [
        f"{model.model} in {runtime}: {row.error_ratio:.2f} times MXNet's own error"
        for model in found
        for runtime, row in model.rows.items()
        if args.limit is not None and not row.error_ratio <= args.limit
    ]
    for line in far:
        say(f"{line}; allowed {args.limit:g}.", stderr=True)
    return FAILED if far else PROVEN


def _markdown(tables: List[Sheet]) -> str:
    return "\n\n".join(table.markdown() for table in tables) + "\n"


def pictured(args: argparse.Namespace, subject: Subject) -> Dict[str, Array]:
    """The first picture of --image, or the photograph that comes with this package."""
    how = preprocessing_of(args, subject.preprocessing)
    if subject.model is not None and not args.image:
        shape = subject.model.output_input
        size = how.size if how else None
        return {"data": subject.model.picture((*shape[:-2], *(size or shape[-2:])))}
    files = [Path(f) for f in args.image] or [PHOTOGRAPH]
    return picture_inputs(subject, files, how, parse_inputs(args.input))[0]
