"""Bilinear interpolation in ONNX at any places of a map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, Callable, List, Tuple

from .onnx_math import Formula

#: The two lines around a place along one axis: int64 indices, and how much each counts.
Lines = List[Tuple[Formula, Formula]]


@dataclass(frozen=True)
class Map:
    """Maps one below the other.

    Attributes:
        table: (maps * height * width, C).
        height, width: int64 (1,).
    """

    table: Formula
    height: Formula
    width: Formula

    @property
    def area(self) -> Formula:
        return self.height * self.width

    def sample(self, first: Formula, rows: Lines, columns: Lines) -> Formula:
        """The number of the map, int64 (*P), and lines of shape (*P) -> (*P, C)."""
        start = first * self.area
        terms = (
            self.table.op("Gather", start + row * self.width + column, axis=0)
            * (part * other).unsqueeze(-1)
            for row, part in rows
            for column, other in columns
        )
        return reduce(add, terms)


def of_images(data: Formula) -> Map:
    """(B, C, H, W) -> B maps."""
    table = data.op("Transpose", perm=(0, 2, 3, 1)).reshape(-1, data.size(1))
    return Map(table, data.size(2), data.size(3))


def clamped(place: Formula, size: Formula, inside: Formula) -> Lines:
    """Places that are `inside` though beyond the border are on it; others are 0."""
    clipped = place.maximum(0).minimum(size.real() - 1)
    floor = clipped.op("Floor")
    part = clipped - floor
    low = floor.whole()
    high = (low + 1).minimum(size - 1)
    return [(low, inside.where(1 - part, 0)), (high, inside.where(part, 0))]


def padded(place: Formula, size: Formula) -> Lines:
    """All around the map is 0."""
    floor = place.op("Floor")
    part = place - floor
    low = floor.maximum(-2).minimum(size.real()).whole()
    lines = []
    for line, weight in ((low, 1 - part), (low + 1, part)):
        inside = (line >= 0) & (line < size)
        lines.append((line.maximum(0).minimum(size - 1), inside.where(weight, 0)))
    return lines


def over_samples(
    state: Formula, down: Formula, across: Formula, step: Callable[..., Formula]
) -> Formula:
    """What becomes of the state over `down` times `across` samples, one at a time: all at once
    are too many.

    Args:
        down, across: int64 ().
        step: state, numbers of the sample downwards and across (int64 ()) -> the next state.
    """

    def body(i: Any, before: Any) -> List[Any]:
        number = replace(down, value=i)
        row = number / across
        return [step(replace(state, value=before), row, number - row * across).value]

    return replace(state, value=state.g.loop(body, state.value, trips=(down * across).value)[0])


def sum_of_samples(
    shape: Formula, down: Formula, across: Formula, sample: Callable[[Formula, Formula], Formula]
) -> Formula:
    """The sum over samples.

    Args:
        shape: int64, of the result.
        down, across: int64 ().
        sample: numbers of the sample downwards and across, real () -> the term.
    """
    zero = replace(shape, kind="float").number(0).op("Expand", shape)

    def step(total: Formula, row: Formula, column: Formula) -> Formula:
        return total + sample(row.real(), column.real())

    return over_samples(zero, down, across, step)


def steps(like: Formula, number: int) -> Formula:
    """0, 1, ... below `number`, real."""
    return like.array(tuple(range(number)))
