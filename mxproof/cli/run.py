"""`mxproof run`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from converters.files import atomic_write
from converters.preprocessing import Preprocessing
from converters.progress import report
from converters.shape import show

from ..report.sheet import Sheet
from ..running import RUNTIMES, Opened, open_model, runtime_for
from ..runtimes.base import Array
from ..subject import UsageError, parse_inputs
from .common import (
    PREFIX,
    PROVEN,
    console_of,
    count,
    mxnet_python,
    progress_of,
    reading,
    reading_options,
    say,
)
from .picture_options import preprocessing, preprocessing_of


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        help="run a model on a picture or an array, in any of the runtimes",
        description="Run a checkpoint, or a file that `mxproof convert` wrote, and keep its output "
        "as .npy. A checkpoint that is run elsewhere than in MXNet is converted first. "
        "mxnet-onnx imports the ONNX model back into MXNet.",
    )
    parser.add_argument(
        "checkpoint", metavar="MODEL", help=f"an .onnx or .py file of `mxproof convert`; {PREFIX}"
    )
    parser.add_argument(
        "--runtime",
        choices=tuple(RUNTIMES),
        help="what runs it (default: onnxruntime for .onnx, pytorch for .py, else mxnet)",
    )
    reading_options(parser)
    parser.add_argument(
        "--npy",
        action="append",
        default=[],
        metavar="[NAME=]FILE",
        help="an input as an array. Repeat for several inputs",
    )
    parser.add_argument(
        "-o", "--output-file", metavar="FILE", help="where the output goes, e.g. out.npy"
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="names of the classes, one a line, for the largest outputs"
    )
    parser.add_argument(
        "--top",
        type=partial(count, least=0),
        default=5,
        metavar="N",
        help="show the N largest of each sample's outputs (default: 5)",
    )
    mxnet_python(parser)
    preprocessing(parser, files=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    runtime = args.runtime or runtime_for(args.checkpoint)
    if not args.image and not args.npy:
        raise UsageError("nothing to run it on: give --image FILE or --npy FILE.")
    labels = read_labels(args.labels)
    check_place(args.output_file)
    with progress_of(args):
        report(f"opening {args.checkpoint} in {runtime}")
        with open_model(
            args.checkpoint,
            runtime,
            given=parse_inputs(args.input),
            mxnet_python=args.mxnet_python,
            **reading(args),
        ) as opened:
            inputs = opened.checked(inputs_of(args, opened))
            report(f"running {args.checkpoint} in {runtime}")
            with np.errstate(all="ignore"):
                outputs = opened.run(inputs)
    names = opened.outputs or tuple(f"output {i}" for i in range(len(outputs)))
    console = console_of(args)
    title = f"{Path(args.checkpoint).name} in {runtime}"
    console.print(results(title, names, outputs, args.top, labels).terminal())
    for path, array in zip(files_of(args.output_file, len(outputs)), outputs):
        with atomic_write(path) as file:
            np.save(file, array, allow_pickle=False)
        say(f"wrote {path}", quiet=args.quiet)
    return PROVEN


def inputs_of(args: argparse.Namespace, opened: Opened) -> Dict[str, Array]:
    """Arrays of --npy; pictures of --image for the one input that is left."""
    from ..pictures import picture_input

    names = [value.name for value in opened.inputs]
    arrays: Dict[str, Array] = {}
    for text in args.npy:
        name, _, file = text.rpartition("=")
        arrays[name or names[0]] = read_npy(Path(file))
    left = [value for value in opened.inputs if value.name not in arrays]
    if args.image:
        if not left:
            raise UsageError("--image and --npy give the same input. Leave one of the two out.")
        how = preprocessing_of(args, opened.preprocessing) or Preprocessing()
        value = left[0]
        pixels = picture_input([Path(f) for f in args.image], how, value.name, value.shape)
        arrays[value.name] = pixels if "float" in value.type else pixels.astype(value.type)
    return arrays


def read_npy(path: Path) -> Array:
    """An array without pickles.

    Raises:
        UsageError: no such file, or not one array.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file.") from None
    except (ValueError, EOFError) as error:
        raise UsageError(f"{path}: not an .npy file of numbers ({error}).") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise UsageError(f"{path}: not an .npy file of numbers.")
    return array


def read_labels(path: Any) -> List[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if path else []


def check_place(output: Optional[str]) -> None:
    """Before anything is run: can the file be written?

    Raises:
        UsageError: another suffix, or no such folder.
    """
    path = Path(output or "out.npy")
    if path.suffix != ".npy" or not path.absolute().parent.is_dir():
        raise UsageError(f"-o {output}: name an .npy file, in a folder that is there.")


def files_of(output: Optional[str], number: int) -> List[Path]:
    """out.npy; for several outputs out.0.npy, out.1.npy, …"""
    if not output:
        return []
    path = Path(output)
    return [path] if number == 1 else [path.with_suffix(f".{i}.npy") for i in range(number)]


def results(
    title: str, names: Sequence[str], outputs: Sequence[Array], top: int, labels: Sequence[str]
) -> Sheet:
    """A row for each output; the largest of vectors with at least twice as many numbers."""
    rows: List[Tuple[str, ...]] = []
    for name, array in zip(names, outputs):
        finite = array.size and bool(np.isfinite(array).all())
        extent = f"{array.min():.6g} … {array.max():.6g}" if finite else "not all finite"
        classes = array.ndim == 2 and array.shape[1] >= 2 * top > 0
        largest = [_largest(sample, top, labels) for sample in array] if classes else []
        row = (name, show(array.shape), str(array.dtype), extent if array.size else "empty")
        rows.append((*row, "; ".join(largest)))
    headings = ("output", "shape", "type", "from … to", "largest")
    kept = len(headings) if any(row[-1] for row in rows) else len(headings) - 1
    return Sheet(title, headings[:kept], [row[:kept] for row in rows])


def _largest(sample: Array, top: int, labels: Sequence[str]) -> str:
    order = np.argsort(-sample, kind="stable")[:top]
    named = (labels[i] if i < len(labels) else str(i) for i in order)
    return ", ".join(f"{name} {sample[i]:.4g}" for name, i in zip(named, order))
