"""Bilinear interpolation in ONNX at any places of a map, and means of it over bins of regions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, Callable, List, Sequence, Tuple, Union

import numpy as np

from ..attributes import Ints
from .onnx_math import OnnxExpr, join

#: The two lines around a place along one axis: int64 indices, and how much each counts.
Lines = List[Tuple[OnnxExpr, OnnxExpr]]
#: Numbers of a sample downwards and across, real () -> the lines around it.
AtSample = Callable[[OnnxExpr, OnnxExpr], Tuple[Lines, Lines]]


@dataclass(frozen=True)
class Maps:
    """Maps one below the other, and which of them places are read from.

    Attributes:
        table: (maps * height * width, C).
        height, width: int64 (1,).
        start: int64 (*P): where in the table the map of each place begins.
    """

    table: OnnxExpr
    height: OnnxExpr
    width: OnnxExpr
    start: OnnxExpr

    def read(self, row: OnnxExpr, column: OnnxExpr) -> OnnxExpr:
        """Of shape (*P) -> (*P, C)."""
        return self.table.op("Gather", self.start + row * self.width + column, axis=0)

    def sample(self, rows: Lines, columns: Lines) -> OnnxExpr:
        """Lines of shape (*P) -> (*P, C)."""
        terms = (
            self.read(row, column) * (part * other).unsqueeze(-1)
            for row, part in rows
            for column, other in columns
        )
        return reduce(add, terms)

    def filled(self, number: float) -> OnnxExpr:
        """(*P, C): what a sum over samples, or a maximum, begins with."""
        shape = join([self.start.shape(), self.table.size(1)], 0)
        return self.table.array(number).op("Expand", shape)


def of_images(data: OnnxExpr, image: OnnxExpr) -> Maps:
    """(B, C, H, W), and the numbers of the images -> B maps."""
    height, width = data.size(2), data.size(3)
    table = data.transpose(0, 2, 3, 1).reshape(-1, data.size(1))
    return Maps(table, height, width, image * (height * width))


def of_parts(
    data: OnnxExpr, number: OnnxExpr, groups: Union[int, OnnxExpr], parts: int = 1
) -> Maps:
    """(B, groups * C * parts, H, W), and the numbers of the maps -> B * groups * parts maps."""
    height, width = data.size(2), data.size(3)
    area = height * width
    table = data.reshape(0, groups, -1, parts, area).transpose(0, 1, 3, 4, 2)
    return Maps(table.reshape(-1, table.size(4)), height, width, number * area)


def clamped(place: OnnxExpr, size: OnnxExpr, inside: OnnxExpr) -> Lines:
    """Places that are `inside` though beyond the border are on it; others are 0."""
    clipped = place.maximum(0).minimum(size.real() - 1)
    floor = clipped.op("Floor")
    part = clipped - floor
    low = floor.whole()
    high = (low + 1).minimum(size - 1)
    return [(low, inside.where(1 - part, 0)), (high, inside.where(part, 0))]


def padded(place: OnnxExpr, size: OnnxExpr) -> Lines:
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
    state: OnnxExpr, down: OnnxExpr, across: OnnxExpr, step: Callable[..., OnnxExpr]
) -> OnnxExpr:
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


def mean_of_samples(
    maps: Maps, most: Tuple[OnnxExpr, OnnxExpr], lines: AtSample, number: OnnxExpr
) -> OnnxExpr:
    """Maps that are read at (R, groups, P, P') -> (R, groups, C, P, P'): the mean of each bin.

    Args:
        most: int64 (), samples of a bin downwards and across.
        number: how many of them count in each bin.
    """

    def step(total: OnnxExpr, row: OnnxExpr, column: OnnxExpr) -> OnnxExpr:
        return total + maps.sample(*lines(row.real(), column.real()))

    total = over_samples(maps.filled(0), *most, step)
    return (total / number.unsqueeze(-1)).transpose(0, 1, 4, 2, 3)


# Along an axis of the result, which is 0 across and 1 downwards: numbers have the shape
# (R, groups, bins downwards, bins across), or 1 in place of any of them.


def of_regions(values: OnnxExpr) -> OnnxExpr:
    """(R) -> (R, 1, 1, 1)"""
    return values.unsqueeze(1, 2, 3)


def steps(like: OnnxExpr, bins: int, axis: int) -> OnnxExpr:
    """The numbers of the bins, real."""
    return like.array(np.arange(bins).reshape((-1, 1) if axis else (1, -1)))


def within(edges: Sequence[OnnxExpr], size: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
    """int64: where bins begin, and what is behind them, in a map of that size."""
    first, behind = (edge.whole().maximum(0).minimum(size) for edge in edges)
    return first, behind


def mean_of_bins(
    maps: Maps,
    regions: Sequence[Tuple[OnnxExpr, OnnxExpr]],
    pooled: Ints,
    ratio: int,
    moved: Callable[[OnnxExpr, OnnxExpr], Tuple[OnnxExpr, OnnxExpr]] = lambda y, x: (y, x),
) -> OnnxExpr:
    """(R, C, *pooled): the mean of interpolated samples, up to one line outside of the map.

    Args:
        regions: where they begin, downwards and across, and how long they are.
        ratio: samples of a bin along an axis; up to 0, as many as the bin has lines.
        moved: where a sample lies in an upright region -> where it is read.
    """
    begins, lengths, numbers = [], [], []
    for axis, (start, size), bins in zip((1, 0), regions, pooled):
        length = size / bins
        begins.append(start + steps(size, bins, axis) * length)
        lengths.append(length)
        numbers.append(size * 0 + ratio if ratio > 0 else length.op("Ceil"))

    def lines(*samples: OnnxExpr) -> Tuple[Lines, Lines]:
        upright = (b + (n + 0.5) * s / m for b, n, s, m in zip(begins, samples, lengths, numbers))
        found, sizes = [], (maps.height, maps.width)
        for place, size, sample, number in zip(moved(*upright), sizes, samples, numbers):
            inside = (place >= -1) & (place <= size.real()) & (sample < number)
            found.append(clamped(place, size, inside))
        return found[0], found[1]

    most = numbers[0].largest().whole(), numbers[1].largest().whole()
    return mean_of_samples(maps, most, lines, numbers[0] * numbers[1]).squeeze(1)
