"""Proving a converted network equal to MXNet's, and the record of the proof."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import Graph, __version__

from .compare import check, compare
from .localise import describe_failure, first_introduced
from .outputs import differences, same_top
from .runtimes.base import Array, Candidate, Inputs, LayerTruth
from .runtimes.mxnet import MxnetProcess
from .subject import Subject
from .targets import TARGETS, convert
from .tolerance import Budget
from .verdict import Check, Comparison

SCHEMA = 1
PRECISIONS = ("float64", "float32")
SHIPPED = "shipped"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class TargetProof:
    """One target's comparisons, and its final output as its user gets it.

    Attributes:
        comparisons: of all layers by precision, and under SHIPPED of the final outputs of an
            untraced run, which may be fused and optimised otherwise.
        max_abs, max_rel: of the final outputs, float32 against MXNet's float32.
        top1_equal: whether the largest output of every sample is the same one in both.
    """

    target: str
    comparisons: Mapping[str, Comparison]
    introduced: Optional[Check]
    max_abs: float
    max_rel: float
    top1_equal: bool

    @property
    def passed(self) -> bool:
        return all(c.passed for c in self.comparisons.values())

    def __add__(self, other: TargetProof) -> TargetProof:
        """The same target on more inputs."""
        return TargetProof(
            self.target,
            {p: c + other.comparisons[p] for p, c in self.comparisons.items()},
            self.introduced or other.introduced,
            max(self.max_abs, other.max_abs),
            max(self.max_rel, other.max_rel),
            self.top1_equal and other.top1_equal,
        )

    def explain(self, model: str) -> List[str]:
        """A paragraph for every precision that failed, or else for the untraced run."""
        failed = {name: c for name, c in self.comparisons.items() if not c.passed}
        if len(failed) > 1:
            failed.pop(SHIPPED, None)
        return [
            describe_failure(
                model, self.target, c, self.introduced if c.precision == "float64" else None
            )
            for c in failed.values()
        ]


@dataclass(frozen=True)
class Proof:
    """The verification of one network on one input."""

    model: str
    weights: str
    shapes: Mapping[str, Tuple[int, ...]]
    targets: Mapping[str, TargetProof]
    versions: Mapping[str, str]

    @property
    def passed(self) -> bool:
        return bool(self.targets) and all(t.passed for t in self.targets.values())

    def to_json(self) -> Dict[str, Any]:
        """The record, in the form that CLI users read."""
        return {
            "schema": SCHEMA,
            "model": self.model,
            "input": {name: list(shape) for name, shape in self.shapes.items()},
            "weights": self.weights,
            "versions": dict(self.versions),
            "targets": {name: _target_json(t) for name, t in self.targets.items()},
        }


def _target_json(proof: TargetProof) -> Dict[str, Any]:
    doubles, singles = (proof.comparisons[p] for p in PRECISIONS)
    by_layer = {c.layer: c for c in singles.checks}
    layers = []
    for double in doubles.checks:
        single = by_layer.get(double.layer)
        bad = double.problem or single is None or single.problem
        layers.append(
            {
                "name": double.layer,
                "op": double.op,
                "shape": list(double.shape),
                "float64_rel": _number(double.rel),
                "float32_ratio": _number(single.ratio) if single else None,
                "max_abs": _number(single.max_abs) if single else None,
                "max_rel": _number(single.max_rel) if single else None,
                "verdict": "fail" if bad else "pass",
            }
        )
    return {
        "verdict": "pass" if proof.passed else "fail",
        "first_introduced": proof.introduced.layer if proof.introduced else None,
        "problems": [p for c in proof.comparisons.values() for p in c.problems],
        "output": {
            "max_abs": _number(proof.max_abs),
            "max_rel": _number(proof.max_rel),
            "top1_equal": proof.top1_equal,
        },
        "layers": layers,
    }


def _number(value: Optional[float]) -> Optional[float]:
    """JSON has no infinity; null stands for a number that could not be had."""
    return value if value is not None and math.isfinite(value) else None


def verify(
    subject: Subject,
    targets: Sequence[str],
    shapes: Mapping[str, Tuple[int, ...]],
    mxnet: MxnetProcess,
    folder: Path,
    *,
    seed: int = 0,
    samples: int = 1,
    progress: Progress = lambda _: None,
) -> Proof:
    """Convert, run everything on the same inputs, compare every layer.

    Args:
        folder: where the converted files go; what is verified is those files.
        seed, samples: the inputs are those of `samples` seeds from `seed` on.

    Raises:
        ConversionError, RuntimeFailure: the question could not be put.
    """
    candidates: Dict[str, List[Candidate]] = {}
    for target in targets:
        progress(f"{subject.name}: converting to {target}")
        path = convert(subject.graph, target, folder)[0]
        candidates[target] = [TARGETS[target].open(path, p) for p in PRECISIONS]
    proofs: Dict[str, TargetProof] = {}
    model = mxnet.load(subject.prefix, subject.epoch, subject.graph)
    try:
        for sample in range(seed, seed + samples):
            inputs = subject.inputs(shapes, sample)
            progress(f"{subject.name}: MXNet, input {sample - seed + 1} of {samples}")
            truth, expected = list(model.layers(inputs)), model.run(inputs)
            for target in targets:
                progress(f"{subject.name}: {target}, input {sample - seed + 1} of {samples}")
                proof = _prove(subject, target, candidates[target], inputs, truth, expected)
                proofs[target] = proofs[target] + proof if target in proofs else proof
    finally:
        model.close()
    return Proof(subject.name, subject.weights, dict(shapes), proofs, _versions(mxnet))


def _versions(mxnet: MxnetProcess) -> Dict[str, str]:
    """What the proof was made with; NumPy and Python are those of the worker."""
    mine = {name: version(name) for name in ("onnx", "onnxruntime", "torch") if _installed(name)}
    return {"mxproof": __version__, **mxnet.versions, **mine}


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _prove(
    subject: Subject,
    target: str,
    candidates: Sequence[Candidate],
    inputs: Inputs,
    truth: Sequence[LayerTruth],
    expected: Sequence[Array],
) -> TargetProof:
    """One target on one input."""
    comparisons = {c.precision: compare(truth, c, inputs, subject.graph) for c in candidates}
    introduced = None
    for candidate in candidates:
        if candidate.precision == "float64" and comparisons["float64"].failed:
            introduced = first_introduced(truth, candidate, inputs, subject.graph)
        if candidate.precision == "float32":
            found = _by_name(subject.graph, _shipped_outputs(candidate, inputs))
            comparisons[SHIPPED] = _compare_outputs(candidate, found, truth, subject.graph)
    wanted = _by_name(subject.graph, expected)
    alike = {n: a.shape for n, a in found.items()} == {n: e.shape for n, e in wanted.items()}
    actual, expected = list(found.values()), list(wanted.values())
    pairs = [differences(a, e) for a, e in zip(actual, expected)] if alike else []
    return TargetProof(
        target,
        comparisons,
        introduced,
        max_abs=max((p[0] for p in pairs), default=math.inf),
        max_rel=max((p[1] for p in pairs), default=math.inf),
        top1_equal=alike and all(same_top(a, e, 1) for a, e in zip(actual, expected)),
    )


def _shipped_outputs(candidate: Candidate, inputs: Inputs) -> Sequence[Array]:
    """What its user gets; nothing where the model does not run (the comparison says why)."""
    try:
        with np.errstate(all="ignore"):
            return candidate.run(inputs)
    except Exception:
        return []


def _by_name(graph: Graph, outputs: Sequence[Array]) -> Dict[str, Array]:
    """ONNX lists an output once, though MXNet may list it twice."""
    once = list(dict.fromkeys(graph.outputs))
    return dict(zip(once if len(outputs) == len(once) else graph.outputs, outputs))


def _compare_outputs(
    candidate: Candidate, found: Mapping[str, Array], truth: Sequence[LayerTruth], graph: Graph
) -> Comparison:
    """The untraced run's outputs, as layers (an output that is an input needs no proof)."""
    layers = {t.name: t for t in truth if t.name in graph.outputs}
    checks = [
        check("output", found[name], layer, candidate.precision, Budget())
        for name, layer in layers.items()
        if name in found
    ]
    return Comparison(candidate.name, candidate.precision, tuple(checks), tuple(layers), alone=True)
