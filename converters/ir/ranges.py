"""Arithmetic on the ranges of numbers, forwards and backwards."""

from __future__ import annotations

import operator
from itertools import product
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np

from ..operators.registry import Limits

#: The least and the largest number.
Range = Tuple[float, float]
COMPUTE: Dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
}


def plain(limits: Limits) -> Limits:
    """Limits that hold in every row."""
    return Limits(np.max(limits.low), np.min(limits.high), limits.optional)


def combined(kind: str, a: Range, b: Range) -> Optional[Range]:
    """The range of a sum, a difference, … of numbers in two ranges."""
    if kind == "div" and b[0] <= 0 <= b[1]:
        return None
    ends = [COMPUTE[kind](x, y) for x, y in product(a, b)]
    return min(ends), max(ends)


def inverse(kind: str, place: int, limits: Limits, other: Optional[Range]) -> Optional[Limits]:
    """Limits of a result -> those of the operand at `place`; None where there are none.

    Args:
        other: the range of the other operand; where it is not known, each gets half of the room.
    """
    low, high, optional, _ = limits
    if other is None:
        return _shared(kind, place, limits)
    if kind == "add":
        return Limits(low - other[0], high - other[1], optional)
    if kind == "sub" and place == 0:
        return Limits(low + other[1], high + other[0], optional)
    if kind == "sub":
        return Limits(other[1] - high, other[0] - low, optional)
    if kind == "div":
        if place == 1 or other[0] <= 0:
            return None
        return Limits(low * other[1], high * other[0], optional)
    if other[1] <= 0 or other[0] < 0:
        return None
    # A factor may be 0: what it is multiplied with is limited by its largest value.
    return Limits(low / (other[0] or other[1]), high / other[1], optional)


def _shared(kind: str, place: int, limits: Limits) -> Optional[Limits]:
    low, high, optional, _ = plain(limits)
    if kind == "add":
        return Limits(low / 2, high / 2, optional)
    if kind == "mul":
        return Limits(max(low, 0) ** 0.5, max(high, 0) ** 0.5, optional)
    if kind == "sub":  # the first is large, the second is small
        middle = (low + high) / 2
        return Limits(middle, high, optional) if place == 0 else Limits(0, middle - low, optional)
    return None
