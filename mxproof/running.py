"""A model in one of the runtimes, as its user runs it: a checkpoint, or a file made of one."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from safetensors import SafetensorError, safe_open

from converters import Value, load_checkpoint
from converters.preprocessing import KEY, Preprocessing
from converters.shape import Shape, compatible, show

from .runtimes.base import Array
from .runtimes.mxnet import MxnetProcess
from .subject import Subject, UsageError, load_for_run
from .targets import TARGETS, convert


@dataclass(frozen=True)
class Opened:
    """A model that is ready to run.

    Attributes:
        inputs: as the file states them.
        preprocessing: of pictures, where it is recorded.
        run: inputs -> outputs; MXNet takes a precision, too.
        outputs: their names, where the file has them.
    """

    inputs: Tuple[Value, ...]
    preprocessing: Optional[Preprocessing]
    run: Callable[..., List[Array]]
    outputs: Tuple[str, ...] = ()

    def restated(self, given: Mapping[str, Shape]) -> Opened:
        """With the shapes that the user states.

        Raises:
            UsageError: the model has no such input, or one of another shape.
        """
        known = {value.name: value for value in self.inputs}
        for name, shape in given.items():
            if name not in known or not compatible(known[name].shape, shape):
                takes = ", ".join(f"{n} {show(v.shape)}" for n, v in known.items())
                raise UsageError(f"--input {name} {show(shape)}: the model takes {takes}.")
        inputs = tuple(replace(v, shape=given.get(v.name) or v.shape) for v in self.inputs)
        return replace(self, inputs=inputs)

    def checked(self, arrays: Mapping[str, Array]) -> Dict[str, Array]:
        """The arrays, in the types that the inputs have; other inputs than these are refused.

        Raises:
            UsageError: one is missing, unknown, or has an impossible shape or type.
        """
        known = {value.name: value for value in self.inputs}
        for name in (*arrays, *known):
            if name not in known or name not in arrays:
                raise UsageError(
                    f"input {name!r}: the model takes {', '.join(map(repr, known))}, got "
                    f"{', '.join(map(repr, arrays)) or 'none'}. Give each: --npy NAME=FILE."
                )
        return {name: _typed(known[name], arrays[name]) for name in known}


def _typed(value: Value, array: Array) -> Array:
    wanted = np.dtype(value.type)
    if not compatible(value.shape, array.shape):
        takes, got = show(value.shape), show(array.shape)
    elif array.dtype.kind == "f" and wanted.kind != "f":
        takes, got = str(wanted), str(array.dtype)
    else:
        return np.ascontiguousarray(array, wanted)
    raise UsageError(f"input {value.name!r} takes {takes}, got {got}.")


@contextmanager
def open_model(
    model: str,
    runtime: str,
    *,
    given: Optional[Mapping[str, Shape]] = None,
    mxnet_python: Optional[str] = None,
    **reading: Any,
) -> Iterator[Opened]:
    """A model in a runtime, for as long as the block lasts.

    Args:
        model: a checkpoint's prefix, a name of the zoo, or a file that `convert` wrote.
        runtime: a name in RUNTIMES.
        given: shapes of inputs, as the user states them.
        reading: of a checkpoint, see `load_for_run`.

    Raises:
        UsageError: the runtime does not run such a file.
        RuntimeFailure: the runtime is not installed, or cannot load the model.
    """
    wanted, suffix = RUNTIMES[runtime], _suffix(model)
    if suffix and suffix != wanted.suffix:
        takes = f"a {wanted.suffix} file, or a checkpoint" if wanted.suffix else "a checkpoint"
        fitting = [name for name, other in RUNTIMES.items() if other.suffix == suffix]
        hint = f" {suffix} files run by --runtime {' or '.join(fitting)}." if fitting else ""
        raise UsageError(f"{model}: --runtime {runtime} takes {takes}.{hint}")
    if suffix and wanted.open:
        context = wanted.open(Path(model), mxnet_python)
    else:
        context = open_subject(load_for_run(model, given or {}, **reading), runtime, mxnet_python)
    with context as opened:
        yield opened.restated(given or {})


@contextmanager
def open_subject(
    subject: Subject, runtime: str, mxnet_python: Optional[str] = None
) -> Iterator[Opened]:
    """A checkpoint in a runtime; what is not MXNet's is converted first."""
    wanted, graph = RUNTIMES[runtime], subject.graph
    if wanted.open is None:
        with MxnetProcess(mxnet_python) as mxnet:
            network = mxnet.load(subject.prefix, subject.epoch, graph)
            names = tuple(graph.outputs)
            yield Opened(graph.inputs, subject.preprocessing, network.run, names)
        return
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        path = convert(graph, wanted.target, Path(folder))[0]
        with wanted.open(path, mxnet_python) as opened:
            yield opened


def runtime_for(model: str) -> str:
    """What a model runs in where the user names no runtime: a file's own, else MXNet."""
    suffix = _suffix(model)
    return next((name for name, r in RUNTIMES.items() if r.suffix == suffix), "mxnet")


def _suffix(model: str) -> str:
    """Of a file; "" for the prefix of a checkpoint, and for a name."""
    return Path(model).suffix if Path(model).is_file() else ""


def _read_onnx(path: Path) -> Tuple[Tuple[Value, ...], Optional[Preprocessing], Tuple[str, ...]]:
    """Inputs, preprocessing and outputs' names of an .onnx file.

    Raises:
        UsageError: it is none.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise UsageError(f"{path}: not an ONNX model ({error}). Convert it again.") from None
    stored = {tensor.name for tensor in model.graph.initializer}
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    inputs = []
    for given in (g for g in model.graph.input if g.name not in stored):
        tensor = given.type.tensor_type
        dims = [d.dim_value if d.HasField("dim_value") else d.dim_param for d in tensor.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        inputs.append(Value(given.name, tuple(d or None for d in dims), str(dtype)))
    return tuple(inputs), _recorded(metadata), tuple(output.name for output in model.graph.output)


def _recorded(metadata: Mapping[str, str]) -> Optional[Preprocessing]:
    text = metadata.get(f"mxproof.{KEY}")
    return Preprocessing.from_text(text) if text else None


@contextmanager
def _onnxruntime(path: Path, mxnet_python: Optional[str]) -> Iterator[Opened]:
    inputs, preprocessing, outputs = _read_onnx(path)
    yield Opened(inputs, preprocessing, TARGETS["onnx"].open(path, "float32").run, outputs)


@contextmanager
def _mxnet_onnx(path: Path, mxnet_python: Optional[str]) -> Iterator[Opened]:
    """The ONNX model, imported back into MXNet."""
    from converters.mxnet_symbol import from_onnx, save_mxnet

    inputs, preprocessing, outputs = _read_onnx(path)
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        prefix = Path(folder) / "imported"
        save_mxnet(from_onnx(path), prefix)
        graph = load_checkpoint(prefix, inputs={v.name: v.shape for v in inputs})
        with MxnetProcess(mxnet_python) as mxnet:
            yield Opened(inputs, preprocessing, mxnet.load(prefix, 0, graph).run, outputs)


@contextmanager
def _pytorch(path: Path, mxnet_python: Optional[str]) -> Iterator[Opened]:
    weights = path.with_suffix(".safetensors")
    try:
        with safe_open(weights, framework="np") as file:
            metadata: Dict[str, str] = file.metadata() or {}
        names = json.loads(metadata["mxproof.inputs"])
    except FileNotFoundError:
        raise UsageError(f"{weights}: no such file. It belongs beside {path.name}.") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise UsageError(f"{weights}: not written by `mxproof convert` ({error}).") from None
    types = json.loads(metadata.get("mxproof.types", "{}"))
    shapes = json.loads(metadata.get("mxproof.shapes", "{}"))
    inputs = [
        Value(n, tuple(shapes[n]) if shapes.get(n) else None, types.get(n, "float32"))
        for n in names
    ]
    outputs = tuple(json.loads(metadata.get("mxproof.outputs", "[]")))
    run = TARGETS["pytorch"].open(path, "float32").run
    yield Opened(tuple(inputs), _recorded(metadata), run, outputs)


@dataclass(frozen=True)
class Runtime:
    """
    Attributes:
        suffix: of the files that it runs; "" for MXNet's checkpoints.
        target: what a checkpoint is first converted to.
        open: a file, and the Python that has MXNet -> a context that holds the file open; None
            for MXNet.
    """

    suffix: str = ""
    target: str = ""
    open: Optional[Callable[[Path, Optional[str]], ContextManager[Opened]]] = None


RUNTIMES: Dict[str, Runtime] = {
    "mxnet": Runtime(),
    "onnxruntime": Runtime(".onnx", "onnx", _onnxruntime),
    "pytorch": Runtime(".py", "pytorch", _pytorch),
    "mxnet-onnx": Runtime(".onnx", "onnx", _mxnet_onnx),
}
