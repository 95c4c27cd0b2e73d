"""The command line: `mxproof convert`, `verify`, `inspect`.

Exit codes: 0 proven or done, 1 a proof failed, 2 usage, unreadable or unsupported input.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from rich.console import Console
from rich.markup import escape

from converters import (
    DEFAULT_OPSET,
    SUPPORTED_OPSETS,
    ConversionError,
    UnusedParametersWarning,
    __version__,
)
from converters.files import atomic_write
from converters.shape import show
from fixtures.downloads import DownloadError
from fixtures.zoo import ZOO

from .report.terminal import graph_table, proof_table
from .runtimes.base import RuntimeFailure
from .subject import UsageError, load_for_run, load_subject, parse_inputs
from .targets import TARGETS, convert

PROVEN, FAILED, BAD_INPUT = 0, 1, 2


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command line; returns the exit code."""
    args = _parser().parse_args(arguments)
    errors = Console(stderr=True)
    warnings.simplefilter("always", UnusedParametersWarning)
    warnings.showwarning = lambda message, *_, **__: errors.print(
        f"warning: {escape(str(message))}", highlight=False, soft_wrap=True
    )
    try:
        code: int = args.run(args)
        return code
    except (ConversionError, DownloadError, RuntimeFailure, UsageError) as error:
        errors.print(
            f"mxproof {args.command}: {escape(str(error))}", highlight=False, soft_wrap=True
        )
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        errors.print(f"mxproof {args.command}: {escape(where)}{error.strerror}.", soft_wrap=True)
    return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mxproof",
        description="Move models off Apache MXNet, with proof: convert a checkpoint to ONNX and "
        "PyTorch, and show layer by layer that all three compute the same.",
        epilog="Exit codes: 0 proven or done, 1 a proof failed, 2 usage, unreadable or "
        "unsupported input.",
    )
    parser.add_argument("--version", action="version", version=f"mxproof {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _convert_parser(commands)
    _verify_parser(commands)
    _inspect_parser(commands)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="a prefix (model/resnet-50 means model/resnet-50-symbol.json and "
        f"model/resnet-50-0000.params), or a model by name: {', '.join(ZOO)}",
    )
    parser.add_argument("--epoch", type=int, default=0, help="which .params file (default: 0)")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=SHAPE",
        help="shape of an input, e.g. data=Nx3xHxW; a letter is a size left free. "
        "Guessed from the first layers where left out. Repeat for several inputs",
    )
    parser.add_argument(
        "--weights",
        choices=("auto", "pretrained", "seeded"),
        default="auto",
        help="for models by name: the published weights, seeded random ones in the same "
        "format, or (auto, the default) the published if they can be had",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _targets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        action="append",
        choices=tuple(TARGETS),
        help=f"what to convert to; repeat for several (default: {' and '.join(TARGETS)})",
    )


def _convert_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "convert",
        help="write a checkpoint as ONNX and PyTorch",
        description="Write DIR/NAME.onnx, and DIR/NAME.py with DIR/NAME.safetensors. "
        "Needs neither MXNet nor PyTorch.",
    )
    _common(parser)
    _targets(parser)
    parser.add_argument("-o", "--output", metavar="DIR", default=".", help="where to (default: .)")
    parser.add_argument(
        "--opset",
        type=int,
        default=DEFAULT_OPSET,
        help=f"ONNX opset, {SUPPORTED_OPSETS[0]} to {SUPPORTED_OPSETS[-1]} "
        f"(default: {DEFAULT_OPSET})",
    )
    parser.set_defaults(run=_convert)


def _verify_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "verify",
        help="convert and prove every layer equal to MXNet",
        description="Convert, run MXNet and the converted models on the same input, and compare "
        "every layer: in float64 to 1e-12, in float32 to MXNet's own precision. Needs MXNet "
        "(in this or another interpreter), onnxruntime and PyTorch.",
    )
    _common(parser)
    _targets(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the random input (default: 0)")
    parser.add_argument(
        "--samples",
        type=int,
        default=4,
        help="how many random inputs; float32 noise is judged over all of them (default: 4)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the whole record there")
    parser.add_argument(
        "--mxnet-python", metavar="PATH", help="the Python that has MXNet (default: this one)"
    )
    parser.set_defaults(run=_verify)


def _inspect_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "inspect",
        help="show what a checkpoint holds",
        description="List inputs, outputs, layers and parameters, and what cannot be converted.",
    )
    _common(parser)
    parser.set_defaults(run=_inspect)


@contextmanager
def _progress(args: argparse.Namespace) -> Iterator[Any]:
    """A spinner with the step under way; silent where nobody watches."""
    console = Console(stderr=True, quiet=args.quiet)
    if not console.is_terminal or args.quiet:
        yield lambda text: None
        return
    with console.status("") as status:
        yield lambda text: status.update(escape(text))


def _convert(args: argparse.Namespace) -> int:
    console = Console(quiet=args.quiet)
    with _progress(args) as progress:
        progress(f"reading {args.checkpoint}")
        subject = load_subject(
            args.checkpoint,
            epoch=args.epoch,
            weights=args.weights,
            inputs=parse_inputs(args.input),
        )
        for target in dict.fromkeys(args.to or TARGETS):
            progress(f"{subject.name}: converting to {target}")
            for path in convert(subject.graph, target, Path(args.output), args.opset):
                console.print(f"wrote {escape(str(path))}", highlight=False, soft_wrap=True)
    if subject.weights != "user":
        console.print(f"weights: {subject.weights}; {escape(subject.why)}", soft_wrap=True)
    return PROVEN


def _verify(args: argparse.Namespace) -> int:
    from .runtimes.mxnet import MxnetProcess
    from .verify import verify

    given = parse_inputs(args.input)
    with _progress(args) as progress, tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        progress(f"reading {args.checkpoint}")
        subject = load_for_run(args.checkpoint, given, epoch=args.epoch, weights=args.weights)
        shapes = subject.concrete(given)
        progress("starting MXNet")
        with MxnetProcess(args.mxnet_python) as mxnet:
            proof = verify(
                subject,
                tuple(dict.fromkeys(args.to or TARGETS)),
                shapes,
                mxnet,
                Path(folder),
                seed=args.seed,
                samples=args.samples,
                progress=progress,
            )
    if args.json:
        with atomic_write(Path(args.json)) as file:
            file.write(json.dumps(proof.to_json(), indent=1).encode())
    console = Console(quiet=args.quiet)
    console.print(proof_table(proof))
    for target in proof.targets.values():
        for paragraph in target.explain(proof.model):
            Console(stderr=True).print(escape(paragraph), highlight=False, soft_wrap=True)
    return PROVEN if proof.passed else FAILED


def _inspect(args: argparse.Namespace) -> int:
    console = Console(quiet=args.quiet)
    given = parse_inputs(args.input)
    subject = load_subject(args.checkpoint, epoch=args.epoch, weights=args.weights, inputs=given)
    graph = subject.graph
    console.print(graph_table(graph))
    facts: Dict[str, str] = {
        "inputs": ", ".join(f"{v.name}={show(v.shape)}" for v in graph.inputs),
        "labels cut away": ", ".join(graph.labels) or "none",
        "outputs": ", ".join(f"{o}={show(graph.shapes[o])}" for o in graph.outputs),
        "parameters": f"{len(graph.params)} arrays, "
        f"{sum(a.size for a in graph.params.values()):,} numbers, "
        f"{sum(a.nbytes for a in graph.params.values()):,} bytes",
        "weights": subject.why,
        **graph.source,
    }
    for key, value in facts.items():
        console.print(f"{key}: {escape(value)}", highlight=False, soft_wrap=True)
    return PROVEN
