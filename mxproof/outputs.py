"""Final outputs: how far apart, and whether the largest agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Tuple

import numpy as np

from .runtimes.base import Array, Layer
from .tolerance import ULP32, Budget

EQUAL, UNDECIDED, DIFFERS = "equal", "undecided", "differs"


def differences(value: Array, reference: Array) -> Tuple[float, float]:
    """(max |x - r|, max |x - r| / |r| where r is not 0), in float64."""
    wide = reference.astype(np.float64)
    delta = np.abs(value.astype(np.float64) - wide)
    nonzero = wide != 0
    relative = delta[nonzero] / np.abs(wide[nonzero])
    return float(delta.max(initial=0)), float(relative.max(initial=0))


def same_top(value: Array, reference: Array, k: int) -> bool:
    """Are the k largest of every sample the same ones, in the same order?"""
    flat, other = (a.reshape(len(a), -1) for a in (value, reference))
    return bool((np.argsort(-flat)[:, :k] == np.argsort(-other)[:, :k]).all())


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
    budget, peak = Budget(), np.abs(truth.float64).max(initial=0)
    allowed = budget.float64_rel * peak
    if precision == "float32":
        noise = np.abs(truth.float32 - truth.float64).max(initial=0)
        allowed = max(budget.float32_ratio * noise, budget.ulps * ULP32 * peak)
    result = TopK(EQUAL)
    ours, theirs = (a.reshape(len(a), -1) for a in (value, truth.float64))
    for sample, (x, t) in enumerate(zip(ours, theirs)):
        top = zip(np.argsort(-x, kind="stable")[:k], np.argsort(-t, kind="stable")[:k])
        for rank, (i, j) in enumerate(top, 1):
            gap = abs(t[i] - t[j])
            where = f"sample {sample}: number {rank} is class {i}, in MXNet {j}; {gap:.1e} apart"
            if gap > 2 * allowed or not np.isfinite(x).all():
                return TopK(DIFFERS, f"{where}, more than rounding ({2 * allowed:.1e})")
            if i != j and result.verdict == EQUAL:
                result = TopK(UNDECIDED, f"{where}, within rounding ({2 * allowed:.1e})")
    return result
