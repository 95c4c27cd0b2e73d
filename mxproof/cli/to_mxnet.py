"""Write PREFIX-symbol.json and PREFIX-0000.params, which MXNet 1.9.1 loads. For what `mxproof
convert` exports, and other models of the same operators. Needs no MXNet."""

from __future__ import annotations

import argparse
from pathlib import Path

from converters.onnx.to_mxnet import from_onnx, save_mxnet
from converters.progress import report

from ..errors import UsageError
from ..model import parse_inputs
from . import common


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL.onnx")
    parser.add_argument("-o", "--output-prefix", metavar="PREFIX", required=True, help="where to")
    text = "fix the sizes of an input, where an operator needs them: data=1x3x224x224"
    common.repeatable(parser, "--input", "NAME=SHAPE", text)
    common.quiet(parser)


def run(args: argparse.Namespace) -> int:
    prefix, given = Path(args.output_prefix), parse_inputs(args.input)
    if not Path(args.model).is_file():
        raise UsageError(f"{args.model}: no such file.")
    with common.progress_of(args), common.all_or_nothing(prefix.parent) as folder:
        report(f"reading {args.model}")
        written = save_mxnet(from_onnx(args.model, inputs=given), folder / prefix.name)
    common.say(*(f"wrote {prefix.parent / path.name}" for path in written), quiet=args.quiet)
    return common.PROVEN
