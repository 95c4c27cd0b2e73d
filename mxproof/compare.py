"""Judging a converted model, layer by layer, against MXNet."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import Graph

from .runtimes.base import Array, Candidate, Inputs, LayerTruth
from .tolerance import FLOAT32_MEDIAN, ULP32, Budget


@dataclass(frozen=True)
class Sums:
    """Sums of squares by channel, shape (C,), over `count` values each; they add up."""

    error: Array  # of x - t
    noise: Array  # of m - t
    size: Array  # of t
    count: int

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.error + other.error,
            self.noise + other.noise,
            self.size + other.size,
            self.count + other.count,
        )


@dataclass(frozen=True)
class Check:
    """One layer of one candidate in one precision.

    Attributes:
        rel: max|x - t| / max|t|.
        max_abs, max_rel: against MXNet in the candidate's own precision, as a user who runs
            both would see it; max_rel over the elements that are not 0 in MXNet.
        fault: what is wrong whatever the noise, in words.
        sums: for float32, what its noise is judged by.
    """

    layer: str
    op: str
    shape: Tuple[int, ...]
    rel: float
    max_abs: float
    max_rel: float
    fault: Optional[str]
    sums: Optional[Sums] = None
    budget: Budget = Budget()  # noqa: RUF009 - frozen

    @property
    def ratio(self) -> Optional[float]:
        """RMS(x - t) / RMS(m - t); None in float64, and where MXNet's float32 is exact."""
        if self.sums is None:
            return None
        noise = float(self.sums.noise.sum())
        return float(np.sqrt(self.sums.error.sum() / noise)) if noise else None

    @cached_property
    def problem(self) -> Optional[str]:
        """What is wrong, in words; None if nothing is."""
        if self.fault or self.sums is None:
            return self.fault
        return _same_precision(self.sums, self.budget)

    def __add__(self, other: Check) -> Check:
        """The same layer on more inputs."""
        both = self.sums + other.sums if self.sums and other.sums else None
        return replace(
            self,
            rel=max(self.rel, other.rel),
            max_abs=max(self.max_abs, other.max_abs),
            max_rel=max(self.max_rel, other.max_rel),
            fault=self.fault or other.fault,
            sums=both,
        )


@dataclass(frozen=True)
class Comparison:
    """All layers of one candidate.

    Attributes:
        expected: the layers that there should be, in order.
        outputs: what the traced run returned.
        alone: each layer was given MXNet's results.
        stopped: the error that ended the run early.
    """

    candidate: str
    precision: str
    checks: Tuple[Check, ...]
    expected: Tuple[str, ...]
    outputs: Tuple[Array, ...] = ()
    alone: bool = False
    stopped: Optional[str] = None

    def __add__(self, other: Comparison) -> Comparison:
        """The same network on more inputs: maxima, and sums over all of them.

        The ratio of two roundings scatters where they are few; several inputs steady it.
        """
        if [c.layer for c in self.checks] != [c.layer for c in other.checks]:
            return self if self.problems else other  # one of them is not whole, and says so
        checks = tuple(a + b for a, b in zip(self.checks, other.checks))
        return replace(self, checks=checks, outputs=(), stopped=self.stopped or other.stopped)

    @cached_property
    def problems(self) -> List[str]:
        """What no single layer can show: layers missing, misplaced, or all a bit too noisy."""
        seen = [c.layer for c in self.checks]
        problems = []
        if self.stopped:
            problems.append(f"{self.candidate} stopped after {len(seen)} layers: {self.stopped}")
        if not self.expected:
            problems.append("nothing was compared: the reference has no layers")
        missing = [name for name in self.expected if name not in set(seen)]
        if missing:
            problems.append(f"{len(missing)} of {len(self.expected)} layers missing: {missing[:5]}")
        elif seen != list(self.expected):
            problems.append("the layers come in another order than MXNet's, or more than once")
        median = self.median_ratio
        if median is not None and median > FLOAT32_MEDIAN and not self.alone:
            problems.append(
                f"the median of the float32 error over {len(seen)} layers is {median:.2f} times "
                f"MXNet's own; allowed {FLOAT32_MEDIAN}"
            )
        return problems

    @property
    def failed(self) -> List[Check]:
        return [c for c in self.checks if c.problem]

    @property
    def passed(self) -> bool:
        return not self.failed and not self.problems

    @property
    def worst(self) -> Optional[Check]:
        """The layer with the largest relative error in float64, or float32 ratio."""
        key = "rel" if self.precision == "float64" else "ratio"
        return max(self.checks, key=lambda c: getattr(c, key) or 0.0, default=None)

    @property
    def median_ratio(self) -> Optional[float]:
        ratios = [c.ratio for c in self.checks if c.ratio is not None]
        return statistics.median(ratios) if ratios else None


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

    outputs: Sequence[Array] = ()
    stopped = None
    try:
        with np.errstate(all="ignore"):  # what overflows shows in the values
            outputs = candidate.trace(inputs, visit)
    except Exception as error:  # whatever a converted model does wrong is a failed proof
        stopped = f"{type(error).__name__}: {error}"
    return Comparison(
        candidate.name,
        candidate.precision,
        tuple(checks),
        tuple(expected),
        tuple(outputs),
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


def differences(value: Array, reference: Array) -> Tuple[float, float]:
    """(max |x - r|, max |x - r| / |r| where r is not 0), in float64."""
    wide = reference.astype(np.float64)
    delta = np.abs(value.astype(np.float64) - wide)
    nonzero = wide != 0
    relative = delta[nonzero] / np.abs(wide[nonzero])
    return float(delta.max(initial=0)), float(relative.max(initial=0))


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


def _same_precision(sums: Sums, budget: Budget) -> Optional[str]:
    """The layer as a whole, then each channel."""
    channels = len(sums.error)
    error, noise, size = (
        float(np.sqrt(s.sum() / (sums.count * channels)))
        for s in (sums.error, sums.noise, sums.size)
    )
    allowed = max(budget.float32_ratio * noise, budget.ulps * ULP32 * size)
    if error > allowed:
        return f"float32 error {error:.1e} RMS, allowed {allowed:.1e} (MXNet's own: {noise:.1e})"
    errors, noises, sizes = (np.sqrt(s / sums.count) for s in (sums.error, sums.noise, sums.size))
    limits = np.maximum(
        budget.channel_ratio * np.maximum(noises, noise),
        budget.ulps * ULP32 * np.maximum(sizes, size),
    )
    if (errors > limits).any():
        c = int((errors - limits).argmax())
        return (
            f"float32 error of channel {c} is {errors[c]:.1e} RMS, allowed {limits[c]:.1e} "
            f"(MXNet's own: {noises[c]:.1e}, over all channels {noise:.1e})"
        )
    return None


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


def first_introduced(
    truth: Sequence[LayerTruth], candidate: Candidate, inputs: Inputs, graph: Graph
) -> Optional[Check]:
    """The first layer that differs although it is given MXNet's own inputs."""
    failed = compare(truth, candidate, inputs, graph, alone=True).failed
    return failed[0] if failed else None


def describe_failure(
    model: str, target: str, comparison: Comparison, introduced: Optional[Check]
) -> str:
    """A paragraph: the culprit first, and how far it spread."""
    count = len(comparison.checks)
    head = f"{model}/{target} {comparison.precision}: "
    positions: Mapping[str, int] = {c.layer: i for i, c in enumerate(comparison.checks, 1)}
    parts = list(comparison.problems)
    culprit = introduced or (comparison.failed[0] if comparison.failed else None)
    if culprit:
        verb = "introduced the first difference" if introduced else "is the first to differ"
        where = f"layer {positions.get(culprit.layer, 0)} of {count}"
        parts.insert(0, f"{culprit.op} {culprit.layer!r} {verb} ({where}): {culprit.problem}")
        parts.append(f"{len(comparison.failed)} of {count} layers differ in the chain")
    return head + "; ".join(parts) + "."
