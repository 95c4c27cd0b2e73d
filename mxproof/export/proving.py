"""Prove the converted files before they are handed over, and measure what each change cost."""

from __future__ import annotations

import importlib.util
import json
import runpy
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, List, Mapping, Sequence

import numpy as np

from converters import ConversionError
from converters.ir.shapes import Shape
from converters.passes.fuse_batch_norm import fuse

from ..errors import UsageError
from ..proof.outputs.agreement import differences
from ..proof.outputs.order import by_name
from ..proof.proof import Proof
from ..proof.tolerance import Budgets
from ..proof.verify import Prover
from ..reports.record import FAIL, PASS, proof_record
from ..reports.wording import loss_words
from ..runtimes.base import Array, Inputs
from ..runtimes.operator_kinds import random_layers
from ..runtimes.registry import TARGETS, convert
from ..verification import reference_for
from .result import ConversionResult

NEEDS = {"onnx": "onnxruntime", "pytorch": "torch"}
SEED = 1
HALF_MAX = float(np.finfo(np.float16).max)
FUSED = (
    "batch norms are folded in this network, so the layers that they went into have no result of "
    "their own; all others and the outputs are judged. In float64 the folded weights are judged "
    "before they are rounded to float32, in float32 as they are in the files."
)


def missing(targets: Sequence[str]) -> str:
    """The runtimes that a proof needs and that are not installed here, in words; "" where nothing
    is missing."""
    absent = [t for t in targets if importlib.util.find_spec(NEEDS[t]) is None]
    names = " and ".join(NEEDS[t] for t in absent)
    return (
        f"{names}: not installed here: pip install 'mxproof[{','.join(absent)}]'." if absent else ""
    )


def prove(parcel: ConversionResult, given: Mapping[str, Shape], **drawn: Any) -> Proof:
    """MXNet and the written files on the same inputs, every layer compared.

    Args:
        given, drawn: see `reference_for`.

    Raises:
        ConversionError, RuntimeFailure: the question could not be put.
    """
    evidence = reference_for(parcel.subject, given, **drawn)
    prover = Prover(parcel.graph, parcel.models, Budgets())
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder, evidence as truths:
        if parcel.graph is not parcel.plain:  # weights as they were before they were rounded
            graph = fuse(parcel.plain, wide=True)[0]
            wide = {t: convert(graph, t, Path(folder), parcel.opset)[0] for t in parcel.models}
            prover = Prover(parcel.graph, parcel.models, Budgets(), wide)
            truths = replace(truths, survey=None)  # MXNet has no layers that compute what is folded
        return prover.proof(parcel.subject.weights, truths)


def record(parcel: ConversionResult, proof: Proof) -> str:
    """NAME.proof.json: the record of `mxproof verify --json`, and which files it is on."""
    fused = {"fused": FUSED} if parcel.graph is not parcel.plain else {}
    return json.dumps({**proof_record(proof), "files": parcel.written(), **fused}, indent=1) + "\n"


def losses(proof: Proof) -> List[str]:
    """A sentence for each target that is the same function and less precise than MXNet."""
    sentences = []
    for name, target in proof_record(proof)["targets"].items():
        if target["function"] == PASS and target["precision"] == FAIL:
            why = [] if target["less_precise"] else target["explanation"]
            sentences.append(" ".join([f"{proof.model}/{name}: {loss_words(target)}.", *why]))
    return sentences


def cost_of_fusing(proof: Proof) -> str:
    """How far folding took the outputs, in MXNet's own float32 error."""
    worst = {name: target.output.checks.worst for name, target in proof.targets.items()}
    parts = [f"{n} {w.ratio:.2f}" for n, w in worst.items() if w and w.ratio is not None]
    if not parts:
        return "folding: what it costs is not known: no output was compared in numbers."
    return (
        "folding: the outputs' RMS error against MXNet in float64, as a multiple of MXNet's own in "
        f"float32: {', '.join(parts)}."
    )


def measured(parcel: ConversionResult, what: str) -> List[str]:
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


def _compared(parcel: ConversionResult, target: str, inputs: Inputs) -> str:
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        before = convert(parcel.plain, target, Path(folder), parcel.opset)[0]
        expected = run_file(target, before, inputs)
    types = {v.name: v.type for v in parcel.graph.inputs}
    given = {n: a.astype(types[n]) if a.dtype.kind == "f" else a for n, a in inputs.items()}
    found = run_file(target, parcel.models[target], given)
    ours, theirs = (by_name(parcel.graph, arrays) for arrays in (found, expected))
    pairs = [(ours[name], theirs[name]) for name in ours.keys() - random_layers(parcel.graph)]
    if not pairs:
        return "outputs are drawn at random: what the change costs was not measured."
    gaps = [differences(f.astype(e.dtype), e) for f, e in pairs]
    largest = max(float(np.abs(e).max(initial=0)) for _, e in pairs)
    return (
        f"outputs differ from the unchanged network's by {max(g[0] for g in gaps):.1e} at most "
        f"(relative {max(g[1] for g in gaps):.1e}; the largest output is {largest:.1e}), on one "
        "sample input."
    )


def run_file(target: str, path: Path, inputs: Inputs) -> List[Array]:
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


def _check_range(parcel: ConversionResult, target: str, inputs: Inputs) -> None:
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
