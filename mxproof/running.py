"""Run a model in a runtime as its user does: a checkpoint, or a converted file."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import onnx
from google.protobuf.message import DecodeError
from safetensors import SafetensorError, safe_open

from converters import ShapeError, UnsupportedError, Value, load_checkpoint
from converters.ir.shapes import Shape, may_equal, show
from converters.preprocessing import KEY, Preprocessing

from .errors import UsageError
from .inputs.chosen import sizes_of, typed
from .model import Model, load_for_run
from .runtimes.base import Array, RuntimeFailure
from .runtimes.mxnet.client import MxnetProcess
from .runtimes.registry import TARGETS, convert

#: Runtime -> the target whose files it runs; "" for MXNet, which runs checkpoints.
RUNTIMES = {"mxnet": "", "onnxruntime": "onnx", "pytorch": "pytorch", "mxnet-onnx": "onnx"}
PACKAGES = {"onnxruntime": "onnxruntime", "pytorch": "torch"}
#: What messages say of where their C++ stopped.
INTERNAL = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .*? failed:|\S+\.(?:cc|h):\d+ .*?\) "
)
SUFFIXES = {name: target and TARGETS[target].suffix for name, target in RUNTIMES.items()}
#: Inputs, preprocessing as it is recorded ("": none is) and outputs' names of a file, and what it
#: says of its weights.
Described = Tuple[Tuple[Value, ...], str, Tuple[str, ...], str]


#: Key of a file's metadata: which weights these are.
STATED = "mxproof.weights"


@dataclass(frozen=True)
class Opened:
    """A model that is ready to run.

    Attributes:
        inputs: as the file states them.
        recorded: the preprocessing of pictures, as its text; "" where none is.
        run: inputs -> outputs; MXNet takes a precision, too.
        outputs: their names, where the file has them.
        weights: where they come from, for a model of the zoo.
    """

    inputs: Tuple[Value, ...]
    recorded: str
    run: Callable[..., List[Array]]
    outputs: Tuple[str, ...] = ()
    weights: str = ""

    @property
    def preprocessing(self) -> Optional[Preprocessing]:
        """Of pictures, where it is recorded.

        Raises:
            CheckpointError: what is recorded cannot be read.
        """
        return Preprocessing.from_text(self.recorded) if self.recorded else None

    def restated(self, given: Mapping[str, Shape]) -> Opened:
        """With the shapes that the user states.

        Raises:
            UsageError: the model has no such input, or one of another shape.
        """
        known = {value.name: value for value in self.inputs}
        for name, shape in given.items():
            if name not in known or not may_equal(known[name].shape, shape):
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
        found = {name: typed(known[name], arrays[name]) for name in known}
        sizes_of(self.inputs, found)
        return found


@contextmanager
def open_model(
    model: str,
    runtime: str,
    *,
    given: Optional[Mapping[str, Shape]] = None,
    shapes: Optional[Mapping[str, Shape]] = None,
    mxnet_python: Optional[str] = None,
    **reading: Any,
) -> Iterator[Opened]:
    """A model in a runtime, for as long as the block lasts.

    Args:
        model: a checkpoint, a name of the zoo, or a file that `convert` wrote.
        runtime: a name in RUNTIMES.
        given: shapes of inputs, as the user states them.
        shapes: of the arrays that a checkpoint is to be run on, where it needs them.
        reading: of a checkpoint, see `load_for_run`.

    Raises:
        UsageError: the runtime does not run such a file.
        RuntimeFailure: the runtime is not installed, or cannot load the model.
    """
    wanted, suffix = SUFFIXES[runtime], _suffix(model)
    if suffix and suffix != wanted:
        takes = f"a {wanted} file, or a checkpoint" if wanted else "a checkpoint"
        fitting = [name for name, other in SUFFIXES.items() if other == suffix]
        hint = f" {suffix} files run by --runtime {' or '.join(fitting)}." if fitting else ""
        raise UsageError(f"{model}: --runtime {runtime} takes {takes}.{hint}")
    if suffix and not Path(model).is_file():
        raise UsageError(f"{model}: no such file.")
    if suffix:
        context = open_file(Path(model), runtime, mxnet_python)
    else:
        subject = _load(model, given or {}, shapes or {}, **reading)
        context = open_checkpoint(subject, runtime, mxnet_python)
    with context as opened:
        yield opened.restated(given or {})


def _load(
    model: str, given: Mapping[str, Shape], shapes: Mapping[str, Shape], **reading: Any
) -> Model:
    """A checkpoint, with the arrays' shapes stated where it needs them or takes them only so."""
    if not shapes:
        return load_for_run(model, given, **reading)
    subject = None
    with suppress(ShapeError, UnsupportedError):
        subject = load_for_run(model, given, **reading)
        inputs = subject.graph.inputs
        if all(v.shape and may_equal(v.shape, shapes.get(v.name)) for v in inputs):
            return subject
    try:
        return load_for_run(model, {**shapes, **given}, **reading)
    except (ShapeError, UnsupportedError):
        if subject is None:
            raise
        return subject


@contextmanager
def open_checkpoint(
    subject: Model, runtime: str, mxnet_python: Optional[str] = None
) -> Iterator[Opened]:
    """A checkpoint in a runtime; what is not MXNet's is converted first."""
    target, graph = RUNTIMES[runtime], subject.graph
    if not target:
        with MxnetProcess(mxnet_python) as mxnet:
            network = mxnet.load(subject.files, None, graph)
            names, weights = tuple(graph.outputs), graph.source.get("weights", "")
            yield Opened(graph.inputs, graph.source.get(KEY, ""), network.run, names, weights)
        return
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        path = convert(graph, target, Path(folder))[0]
        with open_file(path, runtime, mxnet_python, subject.name) as opened:
            yield opened


def runtime_for(model: str) -> str:
    """What a model runs in where the user names no runtime: a file's own, else MXNet."""
    suffix = _suffix(model)
    return next((name for name, other in SUFFIXES.items() if other == suffix), "mxnet")


def _suffix(model: str) -> str:
    """Of a file that is no checkpoint's; "" for a checkpoint, and for a name."""
    suffix = Path(model).suffix
    known = Path(model).is_file() or suffix in SUFFIXES.values()
    return suffix if known and suffix not in (".json", ".params") else ""


@contextmanager
def reported(who: str, runtime: str, doing: str, remedy: str) -> Iterator[None]:
    """Report what a runtime raises, of whatever kind, in one paragraph.

    Raises:
        RuntimeFailure: the runtime cannot load or run the model.
    """
    try:
        yield
    except (RuntimeFailure, MemoryError):
        raise
    except Exception as error:
        package = import_module(PACKAGES[runtime])
        said = " ".join(INTERNAL.sub("", str(error)).split()) or type(error).__name__
        raise RuntimeFailure(
            f"{who}: {package.__name__} {package.__version__} cannot {doing}: {said.rstrip('.')}. "
            f"{remedy}, or install another {package.__name__}."
        ) from error


@contextmanager
def open_file(
    path: Path, runtime: str, mxnet_python: Optional[str], who: str = ""
) -> Iterator[Opened]:
    """A file of the runtime's target; mxnet-onnx imports it back into MXNet.

    Args:
        who: the network, where the user knows it by another name than the file's.
    """
    target = RUNTIMES[runtime]
    inputs, recorded, outputs, weights = READERS[target](path)
    if runtime != "mxnet-onnx":
        who = who or str(path)
        with reported(who, runtime, "load it", "Convert the checkpoint again"):
            candidate = TARGETS[target].open(path, "float32")
            _ = getattr(candidate, "session" if target == "onnx" else "model")  # which is loaded

        def run(arrays: Mapping[str, Array]) -> List[Array]:
            shapes = ", ".join(f"{n} of shape {show(a.shape)}" for n, a in arrays.items())
            with reported(who, runtime, f"run it on {shapes}", "Give inputs of another shape"):
                return candidate.run(arrays)

        yield Opened(inputs, recorded, run, outputs, weights)
        return
    from converters.onnx.to_mxnet import from_onnx, save_mxnet

    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        prefix = Path(folder) / "imported"
        save_mxnet(from_onnx(path), prefix)
        graph = load_checkpoint(prefix, inputs={v.name: v.shape for v in inputs})
        with MxnetProcess(mxnet_python) as mxnet:
            run_back = mxnet.load(prefix, 0, graph).run
            yield Opened(inputs, recorded, run_back, outputs, weights)


def _read_onnx(path: Path) -> Described:
    """Inputs, preprocessing and outputs' names of an .onnx file.

    Raises:
        UsageError: the file is not an ONNX model.
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
    names = tuple(output.name for output in model.graph.output)
    recorded, weights = metadata.get(f"mxproof.{KEY}", ""), metadata.get(STATED, "")
    return tuple(inputs), recorded, names, weights


def _read_pytorch(path: Path) -> Described:
    """The same of a converted module, from the metadata of its weights.

    Raises:
        UsageError: its weights are missing, or were not written by this project.
    """
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
    inputs = (
        Value(n, tuple(shapes[n]) if shapes.get(n) else None, types.get(n, "float32"))
        for n in names
    )
    outputs = json.loads(metadata.get("mxproof.outputs", "[]"))
    recorded, said = metadata.get(f"mxproof.{KEY}", ""), metadata.get(STATED, "")
    return tuple(inputs), recorded, tuple(outputs), said


READERS: Mapping[str, Callable[[Path], Described]] = {"onnx": _read_onnx, "pytorch": _read_pytorch}
