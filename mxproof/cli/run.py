"""Run a checkpoint, or a file that `mxproof convert` wrote, and keep its output as .npy. A
checkpoint that is run elsewhere than in MXNet is converted first. mxnet-onnx imports the ONNX model
back into MXNet."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import CheckpointError
from converters.files import atomic_write
from converters.preprocessing import Preprocessing
from converters.progress import report
from converters.shape import show

from ..chosen_inputs import by_input, read_npz
from ..report.sheet import Sheet
from ..running import RUNTIMES, Opened, open_model, runtime_for
from ..runtimes.base import Array
from ..subject import UsageError, parse_inputs
from ..writable import writable_folder
from . import common
from .picture_options import preprocessing, preprocessing_of


def add_options(parser: argparse.ArgumentParser) -> None:
    text = f"an .onnx or .py file of `mxproof convert`; {common.PREFIX}"
    parser.add_argument("checkpoint", metavar="MODEL", help=text)
    text = "what runs it (default: onnxruntime for .onnx, pytorch for .py, else mxnet)"
    parser.add_argument("--runtime", choices=tuple(RUNTIMES), help=text)
    common.reading_options(parser)
    text = "an input as an array. Repeat for several inputs"
    common.repeatable(parser, "--npy", "[NAME=]FILE", text)
    text = "inputs as arrays, by name (numpy.savez)"
    parser.add_argument("--npz", metavar="FILE", help=text)
    text = "where the output goes, e.g. out.npy"
    parser.add_argument("-o", "--output-file", metavar="FILE", help=text)
    text = "names of the classes, one a line, for the largest outputs"
    parser.add_argument("--labels", metavar="FILE", help=text)
    text = "show the N largest of each sample's outputs (default: 5)"
    parser.add_argument("--top", type=common.count, default=5, metavar="N", help=text)
    common.mxnet_python(parser)
    preprocessing(parser, files=True)


def run(args: argparse.Namespace) -> int:
    runtime = args.runtime or runtime_for(args.checkpoint)
    arrays = arrays_of(args)
    if not args.image and not arrays:
        raise UsageError("nothing to run it on: give --image FILE, --npy FILE or --npz FILE.")
    labels = Path(args.labels).read_text(encoding="utf-8").splitlines() if args.labels else []
    output = Path(args.output_file or "out.npy")
    if output.suffix != ".npy":
        raise UsageError(f"-o {output}: name an .npy file.")
    if args.output_file:
        writable_folder(f"-o {output}", output.absolute().parent)
    how: Dict[str, Any] = {"mxnet_python": args.mxnet_python, **common.reading(args)}
    with common.progress_of(args):
        report(f"opening {args.checkpoint} in {runtime}")
        shapes = {name: array.shape for name, array in arrays.items() if name}
        how.update(given=parse_inputs(args.input), shapes=shapes)
        with open_model(args.checkpoint, runtime, **how) as opened:
            inputs = opened.checked(inputs_of(args, opened, arrays))
            report(f"running {args.checkpoint} in {runtime}")
            with np.errstate(all="ignore"):
                outputs = opened.run(inputs)
    names = opened.outputs or tuple(f"output {i}" for i in range(len(outputs)))
    title = f"{Path(args.checkpoint).name} in {runtime}"
    title += f", {opened.weights}" if opened.weights else ""
    sheet = results(title, names, outputs, args.top, labels)
    common.console_of(args).print(sheet)
    for number, array in enumerate(outputs if args.output_file else ()):
        path = output if len(outputs) == 1 else output.with_suffix(f".{number}.npy")
        with atomic_write(path) as file:
            np.save(file, array, allow_pickle=False)
        common.say(f"wrote {path}", quiet=args.quiet)
    return common.PROVEN


def arrays_of(args: argparse.Namespace) -> Dict[str, Array]:
    """Of --npz and --npy, by name; "" is that of the first input."""
    arrays = read_npz(Path(args.npz)) if args.npz else {}
    for text in args.npy:
        name, _, file = text.rpartition("=")
        arrays[name] = read_npy(Path(file))
    return arrays


def inputs_of(
    args: argparse.Namespace, opened: Opened, given: Mapping[str, Array]
) -> Dict[str, Array]:
    """Arrays as given; pictures of --image for inputs that are left."""
    from ..pictures import picture_input

    arrays = {name or opened.inputs[0].name: array for name, array in given.items()}
    left = {value.name: value for value in opened.inputs if value.name not in arrays}
    if args.image and not left:
        raise UsageError("--image and --npy give the same input. Leave one of the two out.")
    for name, files in by_input(args.image, list(left)).items():
        how = preprocessing_of(args, known_to(args, opened)) or Preprocessing()
        pixels, dtype = picture_input(files, how, name, left[name].shape), left[name].type
        arrays[name] = pixels if "float" in dtype else pixels.astype(dtype)
    return arrays


def known_to(args: argparse.Namespace, opened: Opened) -> Optional[Preprocessing]:
    """The preprocessing on record, which the user may state where it cannot be read."""
    try:
        return opened.preprocessing
    except CheckpointError:
        if preprocessing_of(args, None) is None:
            raise
        return None


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
