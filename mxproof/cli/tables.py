"""Run each model in MXNet, as ONNX imported back into MXNet, in onnxruntime and in PyTorch, on the
same picture, and print the largest errors of the final output: one table a runtime. Needs MXNet (in
this or another interpreter), onnxruntime and PyTorch."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Dict, List

from converters.progress import report
from mxproof.zoo.models import ZOO

from ..model import Model, load_for_run, parse_inputs
from ..runtimes.base import Array
from ..tables import measure, sheets
from ..zoo.pictures import PHOTOGRAPH
from . import common
from .input_options import inputs_of
from .picture_options import preprocessing, preprocessing_of

VIEWS = 8


def add_options(parser: argparse.ArgumentParser) -> None:
    text = f"{common.PREFIX} (default: all of these)"
    parser.add_argument("checkpoints", metavar="MODEL", nargs="*", help=text)
    common.reading_options(parser)
    common.table_options(parser)
    text = (
        "exit code 1 where an error against MXNet in float64 is more than X times that of MXNet in "
        "float32: RMS, or largest relative"
    )
    parser.add_argument("--limit", type=float, metavar="X", help=text)
    text = f"how many views of the photograph that comes along (default: {VIEWS})"
    parser.add_argument("--views", type=common.positive, default=VIEWS, metavar="N", help=text)
    common.mxnet_python(parser)
    preprocessing(parser, files=True)


def run(args: argparse.Namespace) -> int:
    found = []
    with common.progress_of(args):
        for checkpoint in dict.fromkeys(args.checkpoints or ZOO):
            report(f"reading {checkpoint}")
            subject = load_for_run(checkpoint, parse_inputs(args.input), **common.reading(args))
            found.append(measure(subject, pictured(args, subject), args.mxnet_python))
    document = {"schema": 1, "models": [asdict(model) for model in found]}
    common.show_tables(args, document, sheets(found))
    far = [
        f"{model.model} in {runtime}: {row.worst_ratio:.2f} times MXNet's own error; "
        f"allowed {args.limit:g}."
        for model in found
        for runtime, row in model.rows.items()
        if args.limit is not None and not row.worst_ratio <= args.limit
    ]
    common.say(*far, stderr=True)
    return common.FAILED if far else common.PROVEN


def pictured(args: argparse.Namespace, subject: Model) -> List[Dict[str, Array]]:
    """The pictures of --image, or views of the photograph that comes with this package."""
    if subject.model is None or args.image:
        return inputs_of(args, subject, PHOTOGRAPH) or []
    how = preprocessing_of(args, subject.preprocessing)
    shape = subject.model.output_input
    size = how.size if how and how.size else shape[-2:]
    views = subject.model.picture((args.views, *shape[1:-2], *size))
    return [{"data": view[None]} for view in views]
