"""What a change of the network costs in its outputs, measured against the network as it was."""

from __future__ import annotations

import importlib.util
import runpy
import tempfile
from pathlib import Path
from typing import Any, List

import numpy as np

from converters import ConversionError

from ..outputs import differences
from ..runtimes.base import Array, Inputs
from ..subject import UsageError
from ..targets import TARGETS, convert
from .parcel import Parcel

NEEDS = {"onnx": "onnxruntime", "pytorch": "torch"}
SEED = 1
HALF_MAX = float(np.finfo(np.float16).max)


def measured(parcel: Parcel, what: str) -> List[str]:
    """A sentence for each target that can be run here.

    Args:
        what: "float16", or another word for the change.

    Raises:
        UsageError: float16 has not the range that a layer needs.
    """
    ready = [t for t in parcel.models if importlib.util.find_spec(NEEDS[t])]
    sentences = [
        f"{what}: what it costs in {target} was not measured, {NEEDS[target]} is not installed."
        for target in parcel.models
        if target not in ready
    ]
    try:
        shapes = parcel.subject.concrete({})
    except (ConversionError, UsageError) as error:
        return [*sentences, f"{what}: what it costs was not measured: {error}"]
    inputs = parcel.subject.inputs(shapes, SEED)
    if ready and parcel.graph is not parcel.single:
        _check_range(parcel, ready[0], inputs)
    return sentences + [
        f"{what}, {target}: {_compared(parcel, target, inputs)}" for target in ready
    ]


def _compared(parcel: Parcel, target: str, inputs: Inputs) -> str:
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        before = convert(parcel.plain, target, Path(folder), parcel.opset)[0]
        expected = _run(target, before, inputs)
    types = {v.name: v.type for v in parcel.graph.inputs}
    given = {n: a.astype(types[n]) if a.dtype.kind == "f" else a for n, a in inputs.items()}
    found = _run(target, parcel.models[target], given)
    gaps = [differences(f.astype(e.dtype), e) for f, e in zip(found, expected)]
    largest = max(float(np.abs(e).max(initial=0)) for e in expected)
    return (
        f"outputs differ from the unchanged network's by {max(g[0] for g in gaps):.1e} at most "
        f"(relative {max(g[1] for g in gaps):.1e}; the largest output is {largest:.1e}), on one "
        "sample input."
    )


def _run(target: str, path: Path, inputs: Inputs) -> List[Array]:
    """As the file stands, in its own types."""
    if target == "onnx":
        return TARGETS[target].open(path, "float32").run(inputs)
    import torch

    with torch.inference_mode():
        found = load(path)(*(torch.from_numpy(np.array(a)) for a in inputs.values()))
    return [t.numpy() for t in (found if isinstance(found, tuple) else (found,))]


def load(path: Path) -> Any:
    """The module that `load()` of a written .py returns."""
    return runpy.run_path(str(path))["load"]()


def _check_range(parcel: Parcel, target: str, inputs: Inputs) -> None:
    """No layer makes numbers that float16 has not.

    The layers of the float32 network tell: on this machine a runtime may compute in float32 what
    the file says in float16, and overflow on another.

    Raises:
        UsageError: one does.
    """

    def visit(layer: str, value: Array) -> None:
        numbers = value[np.isfinite(value)] if value.dtype.kind == "f" else np.zeros(0)
        largest = float(np.abs(numbers).max(initial=0))
        if largest > HALF_MAX:
            raise UsageError(
                f"--float16: on a sample input layer {layer!r} makes {largest:.3g}; float16 ends "
                f"at {HALF_MAX:.0f}. Leave --float16 out; where it is before a batch norm: --fuse."
            )

    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        before = convert(parcel.single, target, Path(folder), parcel.opset)[0]
        TARGETS[target].open(before, "float32").trace(inputs, visit)
