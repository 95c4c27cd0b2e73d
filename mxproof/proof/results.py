"""The result of one layer: measurements, and whether they are within budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from operator import add
from typing import Any, Iterator, Optional, Tuple, Union

import numpy as np

from ..runtimes.base import Array
from .tolerance import (
    FLOAT32_COARSE,
    LOWER_TYPE,
    ULP32,
    UNDERFLOW,
    Budget,
    ToleranceOverride,
)


@dataclass(frozen=True)
class Sums:
    """Sums of squares by channel, shape (C,), over `count` values each; they add up."""

    error: Array  # of x - t
    noise: Array  # of m - t
    size: Array  # of t
    count: int
    spread: Union[Array, float] = 0.0  # of what rounding alone may do, where that was measured

    def __add__(self, other: Sums) -> Sums:
        """Results whose second axis differs in length, such as time, have no channels in common:
        each is taken as a whole."""
        alike = len(self.error) == len(other.error)
        pair = (self, other) if alike else (self._as_one_channel(), other._as_one_channel())
        return Sums(*map(add, *(vars(sums).values() for sums in pair)))

    def _as_one_channel(self) -> Sums:
        error, noise, size = (a.sum(keepdims=True) for a in (self.error, self.noise, self.size))
        return Sums(error, noise, size, len(self.error) * self.count, np.sum(self.spread))

    def rms(self) -> Iterator[Tuple[Array, float]]:
        """Of the error, of what is to be expected, and of the size: over each channel, and over
        all of them."""
        for total in (self.error, np.maximum(self.noise, self.spread), self.size):
            by_channel = np.sqrt(total / self.count)
            yield by_channel, float(np.sqrt(np.mean(by_channel * by_channel)))


@dataclass(frozen=True)
class LayerResult:
    """One layer of one candidate in one precision.

    Attributes:
        rel: max|x - t| / max|t|; None where no numbers were compared.
        max_abs, max_rel: against MXNet in the candidate's own precision, as a user who runs
            both would see it; max_rel over the elements that are not 0 in MXNet. None likewise.
        fault: what is wrong whatever the noise, in words.
        sums: for float32, what its noise is judged by.
        row: the budget of its own that it has.
        beyond_standard: in float64, more than is allowed without the row's looser limits.
        part64: in float64, how much of the budget is used up.
        rel64: in float64, what `rel` may be over the layer (a channel's limit may be less).
        magnified: in float64, within what is carried from the layers before only: by itself it
            has yet to be judged.
        nonfinite: what the candidate holds and what MXNet holds: "NaN", "infinity" or "".
        note: what a reader has to know of a layer that passed.
    """

    layer: str
    op: str
    shape: Tuple[int, ...]
    rel: Optional[float]
    max_abs: Optional[float]
    max_rel: Optional[float]
    fault: Optional[str]
    sums: Optional[Sums] = None
    row: Optional[ToleranceOverride] = None
    beyond_standard: bool = False
    part64: float = 0.0
    rel64: float = 0.0
    magnified: bool = False
    nonfinite: Tuple[str, str] = ("", "")
    note: Optional[str] = None

    @staticmethod
    def broken(
        layer: str, op: str, fault: str, shape: Tuple[int, ...] = (), **known: Any
    ) -> LayerResult:
        """A result that cannot be compared."""
        bad = float("inf")
        return LayerResult(layer, op, shape, bad, bad, bad, fault, **known)

    @staticmethod
    def form_only(
        layer: str, op: str, shape: Tuple[int, ...], note: Optional[str] = None, **known: Any
    ) -> LayerResult:
        """A result of which type and shape are MXNet's; its numbers were not compared."""
        return LayerResult(layer, op, shape, None, None, None, None, note=note, **known)

    @property
    def budget(self) -> Budget:
        return self.row.budget if self.row else Budget()

    @property
    def uses_row(self) -> bool:
        """Does its row make a difference? A looser limit does where it alone lets the layer pass;
        a stricter one wherever it is held."""
        if self.row is None:
            return False
        if not self.row.looser:
            return self.row.stricter("float32" if self.sums else "float64")
        sums, budget = self.sums, self.row.without_looser
        needed = self.beyond_standard or bool(sums and _worst_part(sums, budget)[0] > 1)
        return needed and not self.problem

    @property
    def ratio(self) -> Optional[float]:
        """RMS(x - t) / RMS(m - t); None in float64, and where MXNet's float32 is exact."""
        noise = float(self.sums.noise.sum()) if self.sums else 0.0
        return float(np.sqrt(self.sums.error.sum() / noise)) if self.sums and noise else None

    @property
    def limit(self) -> Optional[float]:
        """What the ratio, or in float64 `rel`, may be over the layer; None if nothing says."""
        if self.sums is None:
            return self.rel64 or None
        own = _own(self.sums)[1]
        return float32_limits(self.sums, self.budget)[0] / own if own else None

    @property
    def excess(self) -> Optional[float]:
        """RMS of the error over what is to be expected; None in float64, and where that is 0."""
        if self.sums is None:
            return None
        expected = float(np.maximum(self.sums.noise, self.sums.spread).sum())
        return float(np.sqrt(self.sums.error.sum() / expected)) if expected else None

    @property
    def digits_lost(self) -> float:
        """Decimal digits fewer than MXNet's float32 has, where what rounding may do excuses that;
        0 elsewhere."""
        ratio = self.ratio or 0.0
        if self.problem or self.sums is None or ratio <= self.budget.float32_ratio:
            return 0.0
        excused = _worst_part(replace(self.sums, spread=0.0), self.budget)[0] > 1
        return math.log10(ratio) if excused else 0.0

    @property
    def coarse(self) -> bool:
        """In float32, is so much allowed that a lower type's rounding could hide in it?"""
        if self.sums is None:
            return False
        size = float(np.sqrt((self.sums.size / self.sums.count).mean()))
        return bool(float32_limits(self.sums, self.budget)[0] > FLOAT32_COARSE * size)

    @property
    def part(self) -> float:
        """How much of its budget the layer uses up; more than 1 is too much."""
        return float("inf") if self.fault else self.used or 0.0

    @property
    def used(self) -> Optional[float]:
        """The same in numbers for what failed; None if there are none."""
        part64 = self.part64 if self.rel is not None and np.isfinite(self.rel) else None
        return self._worst[0] if self.sums else part64

    @cached_property
    def _worst(self) -> Tuple[float, str]:
        return _worst_part(self.sums, self.budget) if self.sums else (0.0, "")

    @property
    def problem(self) -> Optional[str]:
        """What is wrong, in words; None if nothing is."""
        part, words = self._worst
        said = self.fault or (words if part > 1 else None)
        limited = said and self.row and self.used is not None  # and not a result of another form
        return f"{said}, limited by the row for {self.row}" if limited else said

    @property
    def another_function(self) -> bool:
        """Does it differ in a way that no loss of precision explains?

        In float64 whatever fails does. In float32 a result of another form does, and an error
        beyond what bfloat16 would make, or as large as the result itself.
        """
        if self.sums is None or not self.problem:
            return bool(self.problem)
        (_, error), _, (_, size) = self.sums.rms()
        return _worst_part(self.sums, Budget())[0] > LOWER_TYPE or error >= size

    def __add__(self, other: LayerResult) -> LayerResult:
        """The same layer on more inputs."""
        largest = ("rel", "max_abs", "max_rel", "beyond_standard", "part64", "magnified")
        both = {name: (getattr(self, name), getattr(other, name)) for name in largest}
        most: Any = {
            name: max((n for n in pair if n is not None), default=None)
            for name, pair in both.items()
        }
        return replace(
            self,
            **most,
            fault=self.fault or other.fault,
            sums=self.sums + other.sums if self.sums and other.sums else None,
            rel64=(self if (self.rel or 0.0) >= (other.rel or 0.0) else other).rel64,
            nonfinite=self.nonfinite if any(self.nonfinite) else other.nonfinite,
            note=self.note or other.note,
        )


def float32_limits(sums: Sums, budget: Budget) -> Tuple[float, Array]:
    """RMS(x - t) that is allowed over the layer, and over each channel (C,)."""
    _, (noises, noise), (sizes, size) = sums.rms()
    # In a softmax most of the error is that of the few large values, and MXNet's may be small
    # there by luck; what is usual for a value of that size is known from the others. Those that
    # are next to nothing are not asked: what underflows is wrong by all of itself.
    live = sizes > size / 1024
    usual = float(np.median(noises[live] / sizes[live])) if live.any() else 0.0
    owns, own = _own(sums)
    by_layer, by_channel = budget.strict_ratios

    def limit(ratio: float, strict: bool, expected: Any, own: Any, size: Any) -> Array:
        ulps = budget.ulps if strict else budget.ulps or Budget.ulps
        allowed: Array = np.maximum(ratio * (own if strict else expected), ulps * ULP32 * size)
        return np.maximum(allowed, UNDERFLOW)

    expected = np.maximum(np.maximum(noises, usual * sizes), noise)
    noisier, larger = np.maximum(owns, own), np.maximum(sizes, size)
    channels = limit(budget.channel_ratio, by_channel, expected, noisier, larger)
    layer = limit(budget.float32_ratio, by_layer, max(noise, usual * size), own, size)
    return float(layer), channels


def _own(sums: Sums) -> Tuple[Array, float]:
    """RMS of MXNet's own error, by channel (C,) and over all channels."""
    by_channel = np.sqrt(sums.noise / sums.count)
    return by_channel, float(np.sqrt(np.square(by_channel).mean()))


def _worst_part(sums: Sums, budget: Budget) -> Tuple[float, str]:
    """How much of the float32 budget is used up, by the layer as a whole or by its worst channel,
    and what is to be said of it."""
    (errors, error), *_ = sums.rms()
    owns, own = _own(sums)
    allowed, limits = float32_limits(sums, budget)
    found, most = np.append(errors, error), np.append(limits, allowed)
    parts = np.divide(found, most, out=np.where(found > 0, np.inf, 0.0), where=most > 0)
    whole, c = float(parts[-1]), int(np.argmax(parts[:-1]))
    if whole > 1 or whole >= parts[c]:
        words = f"float32 error {error:.1e} RMS, allowed {allowed:.1e} (MXNet's own: {own:.1e})"
        return whole, words
    return float(parts[c]), (
        f"float32 error of channel {c} is {errors[c]:.1e} RMS, allowed {limits[c]:.1e} "
        f"(MXNet's own: {owns[c]:.1e}, over all channels {own:.1e})"
    )
