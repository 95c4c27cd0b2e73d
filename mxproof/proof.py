"""The record of a proof: what was compared, what was found."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .localise import describe_failure
from .outputs import DIFFERS, TopK, worst_top
from .verdict import Check, Comparison

SCHEMA = 1
PRECISIONS = ("float64", "float32")
SHIPPED = "shipped"


@dataclass(frozen=True)
class OutputProof:
    """Final outputs as their user gets them: float32 of an untraced run, against MXNet's float32.

    Attributes:
        checks: each output held to the budget; an untraced run may be fused and optimised
            otherwise than a traced one.
        max_abs, max_rel: over all of them; max_rel where MXNet's is not 0.
        top1_equal: whether the largest output of every sample is the same one in both.
        top1: the same against the truth, and undecided where the margin is within the noise.
    """

    checks: Comparison
    max_abs: float
    max_rel: float
    top1_equal: bool
    top1: TopK

    @property
    def passed(self) -> bool:
        return self.checks.passed and self.top1.verdict != DIFFERS

    def __add__(self, other: OutputProof) -> OutputProof:
        return OutputProof(
            self.checks + other.checks,
            max(self.max_abs, other.max_abs),
            max(self.max_rel, other.max_rel),
            self.top1_equal and other.top1_equal,
            worst_top([self.top1, other.top1]),
        )


@dataclass(frozen=True)
class TargetProof:
    """One target: all layers by precision, and the final output.

    Attributes:
        introduced: precision -> the layers that differ although they are given MXNet's inputs.
    """

    target: str
    comparisons: Mapping[str, Comparison]
    output: OutputProof
    introduced: Mapping[str, Tuple[Check, ...]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        chains = all(c.passed for c in self.comparisons.values())
        return chains and self.output.passed and not any(self.introduced.values())

    @property
    def culprits(self) -> Tuple[Check, ...]:
        """The layers that introduced a difference, by the sharpest comparison that saw any;
        where no layer is to blame, the outputs that differ."""
        for precision in PRECISIONS:
            if self.introduced.get(precision):
                return self.introduced[precision]
        chain = [c for p in PRECISIONS for c in self.comparisons[p].culprits[:1]]
        return tuple(chain[:1] or self.output.checks.culprits)

    def __add__(self, other: TargetProof) -> TargetProof:
        """The same target on more inputs."""
        return TargetProof(
            self.target,
            {p: c + other.comparisons[p] for p, c in self.comparisons.items()},
            self.output + other.output,
        )

    def explain(self, model: str) -> List[str]:
        """A paragraph for every precision that failed, or else for the untraced run."""
        failed = {
            p: c for p, c in self.comparisons.items() if not c.passed or self.introduced.get(p)
        }
        paragraphs = [
            describe_failure(model, self.target, c, self.introduced.get(p, ()))
            for p, c in failed.items()
        ]
        if not failed and not self.output.checks.passed:
            paragraphs.append(describe_failure(model, self.target, self.output.checks))
        if not paragraphs and self.output.top1.verdict == DIFFERS:
            paragraphs.append(f"{model}/{self.target}: top-1: {self.output.top1.note}.")
        return paragraphs


@dataclass(frozen=True)
class Proof:
    """The verification of one network.

    Attributes:
        shapes: of the first input.
        targets: their proofs, by name.
        reference: "mxnet", or the file that was recorded from it.
    """

    model: str
    weights: str
    shapes: Mapping[str, Tuple[int, ...]]
    targets: Mapping[str, TargetProof]
    versions: Mapping[str, str]
    reference: str = "mxnet"

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
            "reference": self.reference,
            "versions": dict(self.versions),
            "targets": {name: _target_json(t) for name, t in self.targets.items()},
        }


def _target_json(proof: TargetProof) -> Dict[str, Any]:
    doubles, singles = (proof.comparisons[p] for p in PRECISIONS)
    by_layer = {c.layer: c for c in singles.checks}
    culprits = [] if proof.passed else [c.layer for c in proof.culprits]
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
    output = proof.output
    compared = (*proof.comparisons.values(), output.checks)
    return {
        "verdict": "pass" if proof.passed else "fail",
        "first_introduced": culprits[0] if culprits else None,
        "introduced": culprits,
        "problems": [p for c in compared for p in c.problems],
        "output": {
            "max_abs": _number(output.max_abs),
            "max_rel": _number(output.max_rel),
            "top1_equal": output.top1_equal,
            "top1": output.top1.verdict,
            "top1_note": output.top1.note,
        },
        "layers": layers,
    }


def _number(value: Optional[float]) -> Optional[float]:
    """JSON has no infinity; null stands for a number that could not be had."""
    return value if value is not None and math.isfinite(value) else None
