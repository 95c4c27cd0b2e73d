"""Judging a converted model, layer by layer, against MXNet."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence

import numpy as np

from converters import Graph

from .outputs import differences
from .runtimes.base import Array, Candidate, Inputs, LayerTruth
from .tolerance import Budget
from .verdict import Check, Comparison, Sums


def compare(
    truth: Sequence[LayerTruth],
    candidate: Candidate,
    inputs: Inputs,
    graph: Graph,
    budget: Budget = Budget(),  # noqa: B008 - frozen
    *,
    alone: bool = False,
) -> Comparison:
    """Run the candidate and judge every layer.

    Args:
        truth: the same inputs in MXNet.
        alone: feed each layer MXNet's results instead of the candidate's own, so that a
            difference shows where it is introduced and nowhere else.
    """
    expected: Dict[str, LayerTruth] = {t.name: t for t in truth}
    ops = {name: node.op for node in graph.nodes for name in node.outputs}
    checks: List[Check] = []

    def visit(layer: str, value: Array) -> Optional[Array]:
        reference = expected.get(layer)
        if reference is None:
            return None
        checks.append(check(ops[layer], value, reference, candidate.precision, budget))
        return reference.float64 if alone else None

    stopped = None
    try:
        with np.errstate(all="ignore"):  # what overflows shows in the values
            candidate.trace(inputs, visit)
    except Exception as error:  # whatever a converted model does wrong is a failed proof
        stopped = f"{type(error).__name__}: {error}"
    return Comparison(
        candidate.name,
        candidate.precision,
        tuple(checks),
        tuple(expected),
        alone,
        stopped,
    )


def check(op: str, value: Array, truth: LayerTruth, precision: str, budget: Budget) -> Check:
    """One layer's result against MXNet's."""
    reference = truth.float64 if precision == "float64" else truth.float32
    wrong = _structural_problem(value, reference, precision)
    if not wrong and not np.isfinite(truth.float64).all():
        wrong = "holds values in MXNet's float64 that are not finite: nothing to judge"
    if wrong:
        bad = float("inf")
        return Check(truth.name, op, value.shape, bad, bad, bad, wrong, budget=budget)
    error = np.abs(value.astype(np.float64) - truth.float64)
    size = np.abs(truth.float64)
    fault = sums = None
    if precision == "float64":
        fault = _same_function(error, size, budget)
    else:
        noise = truth.float32.astype(np.float64) - truth.float64
        e, n, s = (np.square(by_channel(a)).sum(axis=1) for a in (error, noise, size))
        sums = Sums(error=e, noise=n, size=s, count=by_channel(size).shape[1])
    peak, worst = float(size.max()), float(error.max())
    rel = worst / peak if peak else (float("inf") if worst else 0.0)
    max_abs, max_rel = differences(value, reference)
    return Check(truth.name, op, value.shape, rel, max_abs, max_rel, fault, sums, budget)


def _structural_problem(value: Array, reference: Array, precision: str) -> Optional[str]:
    if value.dtype != np.dtype(precision):
        return f"is {value.dtype}, not {precision}"
    if value.shape != reference.shape:
        return f"has shape {value.shape}, MXNet {reference.shape}"
    if not value.size:
        return "has no elements: nothing was compared"
    bad, expected = ~np.isfinite(value), ~np.isfinite(reference)
    if bad.any() or expected.any():
        if not expected.any():
            return f"holds {int(bad.sum())} values that are not finite; MXNet holds none"
        return f"holds {int(expected.sum())} values in MXNet that are not finite: nothing to judge"
    return None


def by_channel(array: Array) -> Array:
    """(N, C, *S) -> (C, N * prod(S)); fewer dimensions are one channel."""
    if array.ndim < 2:
        return array.reshape(1, -1)
    return np.moveaxis(array, 1, 0).reshape(array.shape[1], -1)


def _same_function(error: Array, magnitude: Array, budget: Budget) -> Optional[str]:
    peak = float(magnitude.max(initial=0))
    scale = np.maximum(by_channel(magnitude).max(axis=1), budget.channel_floor * peak)
    by_axis = scale.reshape(-1, *(1,) * (error.ndim - 2)) if error.ndim > 1 else scale[0]
    allowed = np.broadcast_to(budget.float64_rel * by_axis, error.shape)
    excess = error > allowed
    if not excess.any():
        return None
    worst = int(np.where(excess, error, -1).argmax())
    at = tuple(int(i) for i in np.unravel_index(worst, error.shape))
    return (
        f"{int(excess.sum())} of {error.size} values, worst {error[at]:.1e} at {at}, "
        f"allowed {allowed[at]:.1e}"
    )
