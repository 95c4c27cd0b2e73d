"""Pooling over regions in which each bin reads channels of its own: R-FCN's layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..shape import Dims, same, show
from .attributes import Single, single
from .interpolation import Lines, Map, clamped, steps, sum_of_samples
from .onnx_math import Formula, count, formula, join, result
from .registry import OnnxBuilder, Operator, TorchBuilder, operator
from .roi import pooled_shape

#: Numbers of a sample downwards and across -> the lines around it.
Sample = Callable[[Formula, Formula], Tuple[Lines, Lines]]

LEAST = 0.1  # of a region's height and width


def above_0(*names: str) -> Tuple[Tuple[str, Callable[[Any], bool], str], ...]:
    """See Operator.allowed."""
    return tuple((name, lambda number: number > 0, "numbers above 0") for name in names)


@dataclass(frozen=True)
class PositionSensitive(Operator):
    """What both kinds share: (B, output_dim * group_size ** 2, H, W), (R, 5) ->
    (R, output_dim, pooled_size, pooled_size).
    """

    spatial_scale: Single
    output_dim: int
    pooled_size: int
    group_size: int

    allowed = above_0("output_dim", "pooled_size", "group_size")

    def infer(self, data: Dims, rois: Dims) -> Dims:
        shape = pooled_shape(data, rois, 5, self.output_dim, (self.pooled_size,) * 2)
        channels = self.output_dim * self.group_size**2
        if not same(data[1], channels):
            raise ShapeError(f"takes {channels} channels, got {data[1]}")
        return shape

    def region(self, rois: Formula, axis: int, shift: float) -> Tuple[Formula, Formula]:
        """Where regions start along an axis (0 is across), and their sizes: (R, 1) each."""
        begin = rois.column(1 + axis).rounded() * self.spatial_scale - shift
        end = (rois.column(3 + axis).rounded() + 1) * self.spatial_scale - shift
        size = (end - begin).maximum(LEAST)
        return begin.unsqueeze(1), size.unsqueeze(1)

    def maps(self, data: Formula, classes: Formula) -> Map:
        """A map for each image, class and part: the channels of a class are consecutive."""
        height, width, area = data.size(2), data.size(3), self.group_size**2
        split = data.reshape(0, classes, -1, area, height * width)
        table = split.op("Transpose", perm=(0, 1, 3, 4, 2))
        return Map(table.reshape(-1, table.size(4)), height, width)

    def numbers(self, rois: Formula, classes: Formula) -> Formula:
        """int64 (R, classes, pooled_size, pooled_size): of the map that each bin reads."""
        image = rois.column(0).whole().unsqueeze(1, 2, 3)
        number = image * classes + count(rois, classes).unsqueeze(1, 2)
        bins = np.arange(self.pooled_size) * self.group_size // self.pooled_size
        part = bins[:, None] * self.group_size + bins
        return number * self.group_size**2 + image.array(part)

    def summed(
        self, maps: Map, first: Formula, down: Formula, across: Formula, sample: Sample
    ) -> Formula:
        """The sum over samples: (R, classes, pooled_size, pooled_size, C)."""
        shape = join([first.shape(), maps.table.size(1)], 0)

        def term(row: Formula, column: Formula) -> Formula:
            return maps.sample(first, *sample(row, column))

        return sum_of_samples(shape, down, across, term)

    def pooled(self, total: Formula, number: Formula) -> Any:
        """The mean over so many samples, or 0 of none."""
        mean = total / number.maximum(1).unsqueeze(-1)
        channels = mean.op("Transpose", perm=(0, 1, 4, 2, 3))
        return result(channels.reshape(0, self.output_dim, *(self.pooled_size,) * 2))


@operator("_contrib_PSROIPooling")
class PSROIPooling(PositionSensitive):
    """The mean of each bin, widened to whole lines; an empty one is 0.

    Source: src/operator/contrib/psroi_pooling.cc.
    """

    group_size: int = 0  # that of pooled_size

    limits = "as many channels as are read, output_dim * group_size ** 2"

    def __post_init__(self) -> None:
        object.__setattr__(self, "group_size", self.group_size or self.pooled_size)
        super().__post_init__()

    def to_onnx(self, g: OnnxBuilder, data: Any, rois: Any) -> Any:
        regions = formula(g, rois)
        one = regions.ints((1,))
        maps = self.maps(formula(g, data), one)
        row, behind_row = self._lines(regions, 1, maps.height)
        column, behind_column = self._lines(regions, 0, maps.width)

        def sample(down: Formula, across: Formula) -> Tuple[Lines, Lines]:
            line = _line(row + down.whole(), behind_row)
            return [line], [_line(column + across.whole(), behind_column)]

        lines = behind_row - row, behind_column - column
        most = [size.reshape(-1).reduced("ReduceMax", 0) for size in lines]
        total = self.summed(maps, self.numbers(regions, one), most[0], most[1], sample)
        return self.pooled(total, (lines[0] * lines[1]).real())

    def _lines(self, rois: Formula, axis: int, size: Formula) -> Tuple[Formula, Formula]:
        """int64: the first line of each bin, and the one behind its last."""
        start, length = self.region(rois, axis, 0)
        step, number = length / self.pooled_size, steps(rois, self.pooled_size)
        first = (number * step + start).op("Floor")
        behind = ((number + 1) * step + start).op("Ceil")
        others = (1, 3) if axis == 1 else (1, 2)
        lines = [edge.whole().maximum(0).minimum(size) for edge in (first, behind)]
        return lines[0].unsqueeze(*others), lines[1].unsqueeze(*others)

    def to_pytorch(self, m: TorchBuilder, data: str, rois: str) -> str:
        sizes = f"{self.pooled_size}, {self.group_size}"
        return f"{m.function('psroi_pooling')}({data}, {rois}, {self.spatial_scale}, {sizes})"


def _line(line: Formula, behind: Formula) -> Tuple[Formula, Formula]:
    """A line, and 1 if it is one of a bin's."""
    return line.minimum(behind - 1).maximum(0), (line < behind).real()


@operator("_contrib_DeformablePSROIPooling")
class DeformablePSROIPooling(PositionSensitive):
    """data, rois, trans (R, 2 * classes, part_size, part_size) -> the mean of interpolated
    samples of each bin, which trans moves across and down, by parts of the region's size.

    Samples more than half a line outside do not count.
    Source: src/operator/contrib/deformable_psroi_pooling.cc.
    """

    part_size: int = 0  # that of pooled_size
    sample_per_part: int = 1
    trans_std: Single = single(0)
    no_trans: bool = False

    limits = (
        "as many channels as are read, output_dim * group_size ** 2; classes must divide output_dim"
    )

    hidden_outputs = 1
    allowed = (*PositionSensitive.allowed, *above_0("part_size", "sample_per_part"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "part_size", self.part_size or self.pooled_size)
        super().__post_init__()

    def input_names(self) -> Tuple[str, ...]:
        return ("data", "rois") if self.no_trans else ("data", "rois", "trans")

    def infer(self, data: Dims, rois: Dims, trans: Dims = ()) -> Dims:
        shape = super().infer(data, rois)
        if self.no_trans:
            return shape
        wanted = (shape[0], None, self.part_size, self.part_size)
        if len(trans) != 4 or not all(map(same, trans, wanted)):
            raise ShapeError(f"takes trans of shape {show(wanted)}, got {show(trans)}")
        moves = trans[1]
        if isinstance(moves, int) and (moves % 2 or not moves or self.output_dim % (moves // 2)):
            raise ShapeError(
                f"takes 2 channels of trans for each class, and output_dim={self.output_dim} a "
                f"multiple of the classes; got {moves} channels"
            )
        return shape

    def to_onnx(self, g: OnnxBuilder, data: Any, rois: Any, trans: Any = None) -> Any:
        regions, moved = formula(g, rois), None if trans is None else formula(g, trans)
        classes = regions.ints((1,)) if moved is None else moved.size(1) / 2
        maps = self.maps(formula(g, data), classes)
        moves = (None, None) if moved is None else self._moves(moved, classes)
        down = Samples(*self._samples(regions, 1, moves[1]), maps.height)
        across = Samples(*self._samples(regions, 0, moves[0]), maps.width)
        most = regions.ints((self.sample_per_part,)).squeeze(0)

        def sample(row: Formula, column: Formula) -> Tuple[Lines, Lines]:
            return down.lines(row), across.lines(column)

        total = self.summed(maps, self.numbers(regions, classes), most, most, sample)
        number = down.number(self.sample_per_part) * across.number(self.sample_per_part)
        return self.pooled(total, number)

    def _samples(
        self, rois: Formula, axis: int, move: Optional[Formula]
    ) -> Tuple[Formula, Formula]:
        """Along an axis (0 is across), (R, classes | 1, P | 1, P | 1): where the first sample of
        each bin lies, and how far apart its samples are."""
        begin, size = self.region(rois, axis, 0.5)
        step = size / self.pooled_size
        others = (1, 3) if axis == 1 else (1, 2)
        start = (steps(rois, self.pooled_size) * step + begin).unsqueeze(*others)
        if move is not None:
            start = start + move * size.unsqueeze(2, 3)
        return start, (step / self.sample_per_part).unsqueeze(2, 3)

    def _moves(self, trans: Formula, classes: Formula) -> List[Formula]:
        """(R, classes, P, P): across and down, by parts of the region's size."""
        number = steps(trans, self.pooled_size)
        part = (number / self.pooled_size * self.part_size).op("Floor").whole()
        split = trans.reshape(0, classes, 2, self.part_size, self.part_size)
        of_bins = split.op("Gather", part, axis=3).op("Gather", part, axis=4) * self.trans_std
        return [of_bins.slice(2, axis, axis + 1).squeeze(2) for axis in (0, 1)]

    def to_pytorch(self, m: TorchBuilder, data: str, rois: str, trans: Optional[str] = None) -> str:
        sizes = f"{self.pooled_size}, {self.group_size}, {self.sample_per_part}"
        more = "" if trans is None else f", {trans}, {self.trans_std}"
        function = m.function("deformable_psroi_pooling")
        return f"{function}({data}, {rois}, {self.spatial_scale}, {sizes}{more})"


@dataclass(frozen=True)
class Samples:
    """Samples of bins along one axis, which count if they are at most half a line outside.

    Attributes:
        start, step: (*P): of each bin.
        size: int64 (1,): of the map.
    """

    start: Formula
    step: Formula
    size: Formula

    def inside(self, place: Formula) -> Formula:
        return (place >= -0.5) & (place <= self.size.real() - 0.5)

    def lines(self, number: Formula) -> Lines:
        place = self.start + number * self.step
        return clamped(place, self.size, self.inside(place))

    def number(self, most: int) -> Formula:
        """(*P): how many of the samples count."""
        place = self.start.unsqueeze(-1) + steps(self.start, most) * self.step.unsqueeze(-1)
        return self.inside(place).real().reduced("ReduceSum", -1)
