"""The command line: `mxproof convert`, `verify`, `inspect`.

Exit codes: 0 proven or done, 1 a proof failed, 2 usage, unreadable or unsupported input.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
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

from .report.terminal import graph_table, plain, proof_table
from .runtimes.base import RuntimeFailure
from .subject import UsageError, load_for_run, load_subject, parse_inputs
from .targets import TARGETS, convert

PROVEN, FAILED, BAD_INPUT = 0, 1, 2


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command line; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no name is worth a crash
    args = _parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("always", UnusedParametersWarning)
        warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}", stderr=True)
        try:
            code: int = args.run(args)
            return code
        except (ConversionError, DownloadError, RuntimeFailure, UsageError) as error:
            problem = str(error)
        except MemoryError as error:
            problem = f"not enough memory: {error}. Give a smaller --input."
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            problem = f"{where}{error.strerror or error}."
    _say(f"mxproof {args.command}: {problem}", stderr=True)
    return BAD_INPUT


def _say(text: str, *, stderr: bool = False, quiet: bool = False) -> None:
    """A line that no terminal breaks."""
    Console(stderr=stderr, quiet=quiet).print(plain(text), soft_wrap=True)


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


def _count(text: str, least: int = 0) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
    return int(text)


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
    parser.add_argument("--seed", type=_count, default=0, help="of the random input (default: 0)")
    parser.add_argument(
        "--samples",
        type=lambda text: _count(text, 1),
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
    output = Path(args.output)
    with _progress(args) as progress, _all_or_nothing(output) as folder:
        progress(f"reading {args.checkpoint}")
        subject = load_subject(
            args.checkpoint,
            epoch=args.epoch,
            weights=args.weights,
            inputs=parse_inputs(args.input),
        )
        written: List[Path] = []
        for target in dict.fromkeys(args.to or TARGETS):
            progress(f"{subject.name}: converting to {target}")
            written += convert(subject.graph, target, folder, args.opset)
    for path in written:
        _say(f"wrote {output / path.name}", quiet=args.quiet)
    if subject.weights != "user":
        _say(f"weights: {subject.weights}; {subject.why}", quiet=args.quiet)
    return PROVEN


@contextmanager
def _all_or_nothing(output: Path) -> Iterator[Path]:
    """A folder whose files go to `output` together, when the block ends well."""
    parent = next(p for p in (output, *output.absolute().parents) if p.exists())
    if not parent.is_dir():
        raise UsageError(f"--output {output}: {parent} is a file. Name a folder.")
    with tempfile.TemporaryDirectory(prefix=".mxproof-", dir=parent) as folder:
        yield Path(folder)
        output.mkdir(parents=True, exist_ok=True)
        for path in Path(folder).iterdir():
            os.replace(path, output / path.name)


def _verify(args: argparse.Namespace) -> int:
    from .runtimes.mxnet import MxnetProcess
    from .verify import verify

    given = parse_inputs(args.input)
    if args.json and not Path(args.json).absolute().parent.is_dir():
        raise UsageError(f"--json {args.json}: there is no such folder. Make it first.")
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
            _say(paragraph, stderr=True)
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
        _say(f"{key}: {value}", quiet=args.quiet)
    return PROVEN
