"""The results of all layers of one candidate in one precision."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from functools import cached_property
from typing import List, Optional, Sequence, Tuple

import numpy as np

from .results import LayerResult
from .tolerance import FLOAT32_LAYERS, FLOAT32_MEDIAN, ULP32, Budget

#: Culprits that a message names; more of them are one mistake made often.
NAMED = 5


@dataclass(frozen=True)
class TraceResult:
    """All layers of one candidate.

    Attributes:
        expected: the layers that there should be, in order.
        alone: each layer was given MXNet's results.
        stopped: the error that ended the run early.
        stopped_at: the layer that was to come then.
        mismatches: what is wrong beside the layers: the names or the order of outputs, or
            declarations that would excuse layers from being compared.
    """

    candidate: str
    precision: str
    checks: Tuple[LayerResult, ...]
    expected: Tuple[str, ...]
    alone: bool = False
    stopped: Optional[str] = None
    stopped_at: Optional[LayerResult] = None
    mismatches: Tuple[str, ...] = ()

    def __add__(self, other: TraceResult) -> TraceResult:
        """The same network on more inputs: maxima, and sums over all of them.

        The ratio of two roundings scatters where they are few; several inputs steady it.
        """
        if [c.layer for c in self.checks] != [c.layer for c in other.checks]:
            return self if self.problems else other  # one of them is not whole, and says so
        checks = tuple(a + b for a, b in zip(self.checks, other.checks))
        ended = self if self.stopped else other
        return replace(
            self,
            checks=checks,
            stopped=ended.stopped,
            stopped_at=ended.stopped_at,
            mismatches=self.mismatches or other.mismatches,
        )

    @property
    def problems(self) -> List[str]:
        """What no single layer can show: layers missing, misplaced, or all a bit too noisy."""
        return [*self.misplaced, *self.noisier]

    @property
    def function_problems(self) -> List[str]:
        """What no loss of precision explains, a phrase each."""
        differ = (c for c in self.failed if c.another_function)
        return [*self.misplaced, *(f"{c.op} {c.layer!r}: {c.problem}" for c in differ)]

    @cached_property
    def misplaced(self) -> List[str]:
        """Layers that are missing or come in another order than MXNet's."""
        seen = [c.layer for c in self.checks]
        problems = list(self.mismatches)
        if self.stopped:
            problems.append(f"{self.candidate} stopped after {len(seen)} layers: {self.stopped}")
        if not self.expected:
            problems.append("nothing was compared: the reference has no layers")
        missing = [name for name in self.expected if name not in set(seen)]
        if missing:
            problems.append(f"{len(missing)} of {len(self.expected)} layers missing: {missing[:5]}")
        elif seen != list(self.expected):
            problems.append("the layers come in another order than MXNet's, or more than once")
        return problems

    @property
    def _looked_closer(self) -> bool:
        """Is it known what rounding may do in most of the layers?"""
        spreads = [np.any(c.sums.spread) for c in self.checks if c.sums]
        return bool(2 * sum(spreads) > len(spreads))

    @cached_property
    def median_ratio(self) -> Optional[float]:
        """The median of the float32 errors, as it is judged; None where it is not: in float64, of
        few layers, and where the layers by themselves are judged and not the chain, or vice versa.

        In the chain layers share what they carry, and a median of shared errors is one layer's
        luck. So it only asks for a closer look, which then judges the layers by themselves.
        """
        # An error of so few ulps that it always passes is no more than MXNet's.
        few = (Budget().ulps * ULP32) ** 2
        ratios = [
            min(c.excess, 1.0) if c.sums.error.sum() <= few * c.sums.size.sum() else c.excess
            for c in self.checks
            if c.sums and c.excess is not None
        ]
        if len(ratios) < FLOAT32_LAYERS or self.alone != self._looked_closer:
            return None
        return statistics.median(ratios)

    @property
    def noisier(self) -> List[str]:
        """A median that only a systematic loss of precision explains."""
        median = self.median_ratio
        if median is None or median <= FLOAT32_MEDIAN:
            return []
        count = sum(c.excess is not None for c in self.checks)
        expected = "what rounding may do" if self._looked_closer else "MXNet's own"
        return [
            f"the median of the float32 error over {count} layers is {median:.2f} times "
            f"{expected}; allowed {FLOAT32_MEDIAN:.3g}"
        ]

    @property
    def failed(self) -> List[LayerResult]:
        return [c for c in self.checks if c.problem]

    @property
    def culprits(self) -> Tuple[LayerResult, ...]:
        """What failed; with the layer, if any, that ended the run."""
        return (*self.failed, *filter(None, [self.stopped_at]))

    @property
    def passed(self) -> bool:
        return not self.failed and not self.problems

    @property
    def unsettled(self) -> bool:
        """Have the layers to be judged by themselves as well?"""
        return not self.passed or any(check.magnified for check in self.checks)

    @property
    def worst(self) -> Optional[LayerResult]:
        """The layer with the largest relative error in float64, or float32 ratio."""
        key = "rel" if self.precision == "float64" else "ratio"
        judged = [c for c in self.checks if getattr(c, key) is not None]
        return max(judged, key=lambda c: float(getattr(c, key)), default=None)

    def first_nonfinite(self, kind: str) -> Optional[LayerResult]:
        """The first layer that holds "NaN", or an "infinity" and no NaN, in MXNet."""
        return next((c for c in self.checks if c.nonfinite[1] == kind), None)


def describe_failure(
    model: str,
    target: str,
    comparison: TraceResult,
    culprits: Sequence[LayerResult] = (),
    problems: Sequence[str] = (),
) -> str:
    """A paragraph: the culprits first, and how far they spread.

    Args:
        problems: beside those of the comparison.
    """
    failed, expected = comparison.failed, comparison.expected

    def sentence(check: LayerResult, verb: str) -> str:
        number = expected.index(check.layer) + 1 if check.layer in expected else 0
        where = f"layer {number} of {len(expected)}"
        return f"{check.op} {check.layer!r} {verb} ({where}): {check.problem}"

    parts = [sentence(c, "introduced the first difference") for c in culprits[:1]]
    parts += [sentence(c, "introduced another difference") for c in culprits[1:NAMED]]
    if len(culprits) > NAMED:
        parts.append(f"{len(culprits) - NAMED} more layers introduced differences")
    if failed and not culprits:
        parts.append(sentence(failed[0], "is the first to differ"))
    parts += [*comparison.problems, *problems, *_begins(comparison)]
    if failed:
        parts.append(f"{len(failed)} of {len(expected)} layers differ in the chain")
    return f"{model}/{target} {comparison.precision}: " + "; ".join(parts) + "."


def _begins(comparison: TraceResult) -> List[str]:
    """Where numbers that are not finite begin, on one side only."""
    for check in comparison.checks:
        ours, theirs = check.nonfinite
        if ours and not theirs:
            return [f"{ours} first appears in layer {check.layer!r}, where MXNet's is finite"]
        if theirs and not ours:
            return [f"{theirs} first appears in MXNet's layer {check.layer!r}; this one is finite"]
    return []
