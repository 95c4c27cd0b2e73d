"""Final outputs: how far apart, and whether the largest agree."""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np

from .runtimes.base import Array, LayerTruth
from .tolerance import Budget


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


def top_k_problem(
    value: Array,
    truth: LayerTruth,
    precision: str,
    k: int,
    budget: Budget = Budget(),  # noqa: B008
) -> Optional[str]:
    """Do the k largest of each sample agree with the truth, in order? None if so.

    Two classes may change places only where the budget lets both move past each other: a gap
    of twice the allowed error. Everything else is a difference.
    """
    if value.shape != truth.float64.shape:
        return f"has shape {value.shape}, MXNet {truth.float64.shape}"
    if precision == "float64":
        allowed = budget.float64_rel * np.abs(truth.float64).max()
    else:
        allowed = budget.float32_ratio * np.abs(truth.float32 - truth.float64).max()
    ours, theirs = (a.reshape(len(a), -1) for a in (value, truth.float64))
    for sample, (x, t) in enumerate(zip(ours, theirs)):
        top = zip(np.argsort(-x, kind="stable")[:k], np.argsort(-t, kind="stable")[:k])
        for rank, (i, j) in enumerate(top, 1):
            if abs(t[i] - t[j]) > 2 * allowed:
                return (
                    f"sample {sample}: number {rank} is class {i}, in MXNet {j}; "
                    f"{abs(t[i] - t[j]):.1e} apart, more than rounding ({2 * allowed:.1e})"
                )
    return None
