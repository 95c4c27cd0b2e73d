"""`mxproof convert`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, List

from converters import DEFAULT_OPSET, SUPPORTED_OPSETS

from ..subject import load_subject, parse_inputs
from ..targets import TARGETS, convert
from .common import PROVEN, all_or_nothing, common, progress_of, reading, say, targets


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "convert",
        help="write a checkpoint as ONNX and PyTorch",
        description="Write DIR/NAME.onnx, and DIR/NAME.py with DIR/NAME.safetensors. "
        "Needs neither MXNet nor PyTorch.",
    )
    common(parser)
    targets(parser)
    parser.add_argument(
        "-o", "--output-dir", metavar="DIR", default=".", help="where to (default: .)"
    )
    parser.add_argument(
        "--float16",
        action="store_true",
        help="keep float16 numbers and casts; they become float32 otherwise",
    )
    parser.add_argument(
        "--opset",
        type=int,
        default=DEFAULT_OPSET,
        help=f"ONNX opset, {SUPPORTED_OPSETS[0]} to {SUPPORTED_OPSETS[-1]} "
        f"(default: {DEFAULT_OPSET})",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    output = Path(args.output_dir)
    with progress_of(args) as progress, all_or_nothing(output) as folder:
        progress(f"reading {args.checkpoint}")
        subject = load_subject(
            args.checkpoint,
            inputs=parse_inputs(args.input),
            half=args.float16,
            **reading(args),
        )
        written: List[Path] = []
        for target in dict.fromkeys(args.to or TARGETS):
            progress(f"{subject.name}: converting to {target}")
            written += convert(subject.graph, target, folder, args.opset)
    for path in written:
        say(f"wrote {output / path.name}", quiet=args.quiet)
    if subject.weights != "user":
        say(f"weights: {subject.weights}; {subject.why}", quiet=args.quiet)
    return PROVEN
