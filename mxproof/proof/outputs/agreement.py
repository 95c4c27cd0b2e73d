"""The distance between final outputs, and whether their largest numbers agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Tuple

import numpy as np

from ...runtimes.base import Array, Layer, RoundedLayer
from ..tolerance import ULP32, Budget

EQUAL, UNDECIDED, DIFFERS = "equal", "undecided", "differs"


def apart(x: Array, y: Array) -> Array:
    """|x - y| in float64: 0 where both are the same infinity or both no number, and infinite where
    only one of them is finite."""
    wide, other = (a.astype(np.float64) for a in (x, y))
    with np.errstate(invalid="ignore", over="ignore"):
        delta = np.abs(wide - other)
    same = (wide == other) | (np.isnan(wide) & np.isnan(other))
    return np.where(same, 0.0, np.where(np.isnan(delta), np.inf, delta))


def differences(value: Array, reference: Array) -> Tuple[float, float]:
    """(max |x - r|, max |x - r| / |r| where r is finite and not 0), in float64."""
    wide, delta = np.abs(reference.astype(np.float64)), apart(value, reference)
    comparable = (wide != 0) & np.isfinite(wide)
    relative = delta[comparable] / wide[comparable]
    return float(delta.max(initial=0)), float(relative.max(initial=0))


def ranks(rows: Array, k: int) -> Array:
    """(N, ...) -> (N, k), the places of the k largest of each sample; what is no number is last."""
    return np.argsort(-rows.reshape(len(rows), -1).astype(np.float64), kind="stable")[:, :k]


def same_top(value: Array, reference: Array, k: int) -> bool:
    """Are the k largest of every sample the same ones, in the same order?"""
    return bool((ranks(value, k) == ranks(reference, k)).all())


@dataclass(frozen=True)
class TopK:
    """
    Attributes:
        verdict: EQUAL, DIFFERS, or UNDECIDED: the order is not the same, but those that changed
            places are closer than the noise, so that neither order is right.
        note: the ranks in question, in words; empty where all is equal.
    """

    verdict: str
    note: str = ""


def worst_top(results: Iterable[TopK]) -> TopK:
    """The gravest of several; EQUAL if there are none."""
    order = (EQUAL, UNDECIDED, DIFFERS)
    return max(results, key=lambda r: order.index(r.verdict), default=TopK(EQUAL))


def top_k(value: Array, truth: Layer, precision: str, k: int) -> TopK:
    """Are the k largest of each sample those of the truth, in order?

    Two classes may change places only where the budget lets both move past each other: a gap
    of twice the allowed error. Everything else is a difference.
    """
    if value.shape != truth.float64.shape:
        return TopK(DIFFERS, f"has shape {value.shape}, MXNet {truth.float64.shape}")
    budget = Budget()
    wide = np.where(np.isfinite(truth.float64), truth.float64, 0.0)
    allowed = budget.float64_rel * float(np.abs(wide).max(initial=0))
    if precision == "float32":
        noise = apart(truth.float32, truth.float64)
        noise = noise[np.isfinite(noise)]
        spread = truth.rounding.largest if isinstance(truth, RoundedLayer) else 0.0
        floor = budget.ulps * ULP32 * float(np.abs(wide).max(initial=0))
        allowed = max(budget.float32_ratio * float(noise.max(initial=spread)), floor)
    result = TopK(EQUAL)
    theirs, single = (a.reshape(len(value), -1) for a in (truth.float64, truth.float32))
    for sample, places in enumerate(zip(ranks(value, k), ranks(truth.float64, k))):
        for rank, (i, j) in enumerate(zip(*places), 1):
            gap = float(apart(theirs[sample, i], theirs[sample, j]))
            where = f"sample {sample}: number {rank} is class {i}, in MXNet {j}; {gap:.1e} apart"
            tied = precision == "float32" and single[sample, i] == single[sample, j]
            if gap > 2 * allowed and not tied:  # as two are that are beyond float32's range
                return TopK(DIFFERS, f"{where}, more than rounding ({2 * allowed:.1e})")
            if i != j and result.verdict == EQUAL:
                result = TopK(UNDECIDED, f"{where}, within rounding ({2 * allowed:.1e})")
    return result
