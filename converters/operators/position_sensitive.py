"""Pooling over regions in which each bin reads channels of its own: R-FCN's layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, ClassVar, Dict, List, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape
from .attributes import Single, single
from .emit.computed import Called, takes
from .emit.interpolation import (
    AtSample,
    Lines,
    Maps,
    clamped,
    mean_of_samples,
    of_parts,
    of_regions,
    steps,
    within,
)
from .emit.onnx_math import OnnxExpr, count
from .registry import Allowed, Limits, TorchBuilder, operator
from .roi import pooled_shape, region_limits

LEAST = 0.1  # of a region's height and width


def above_0(*names: str) -> Allowed:
    """Only such numbers are supported."""
    return tuple((name, lambda number: number > 0, "numbers above 0") for name in names)


@dataclass(frozen=True)
class PositionSensitive(Called):
    """What both kinds share: (B, output_dim * group_size ** 2, H, W), (R, 5) ->
    (R, output_dim, pooled_size, pooled_size).
    """

    spatial_scale: Single
    output_dim: int
    pooled_size: int
    group_size: int

    positional: ClassVar[Tuple[str, ...]] = ("spatial_scale", "pooled_size", "group_size")
    allowed = above_0("output_dim", "pooled_size", "group_size")

    def infer(self, data: Dims, rois: Dims) -> Dims:
        shape = pooled_shape(data, rois, 5, self.output_dim, (self.pooled_size,) * 2)
        takes("data", data, ("N", self.output_dim * self.group_size**2, "H", "W"))
        return shape

    def implied_shapes(self, data: Shape) -> Dict[str, Dims]:
        """Any number of regions."""
        return {"rois": ("R", 5)}

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return region_limits(shapes, self.spatial_scale)

    def bins(self, rois: OnnxExpr, axis: int, shift: float) -> Tuple[OnnxExpr, OnnxExpr, OnnxExpr]:
        """Where regions start along an axis (0 is across), their sizes, and those of bins."""
        begin = rois.column(1 + axis).rounded() * self.spatial_scale - shift
        end = (rois.column(3 + axis).rounded() + 1) * self.spatial_scale - shift
        size = of_regions((end - begin).maximum(LEAST))
        return of_regions(begin), size, size / self.pooled_size

    def maps(self, data: OnnxExpr, rois: OnnxExpr, classes: OnnxExpr) -> Maps:
        """A map for each image, class and part: the channels of a class are consecutive."""
        number = of_regions(rois.column(0).whole()) * classes + count(rois, classes).unsqueeze(1, 2)
        bins = np.arange(self.pooled_size) * self.group_size // self.pooled_size
        part, parts = bins[:, None] * self.group_size + bins, self.group_size**2
        return of_parts(data, number * parts + number.array(part), classes, parts)

    def pooled(
        self, maps: Maps, most: Tuple[OnnxExpr, OnnxExpr], lines: AtSample, number: OnnxExpr
    ) -> OnnxExpr:
        """See mean_of_samples; 0 of none."""
        means = mean_of_samples(maps, most, lines, number.maximum(1))
        return means.reshape(0, self.output_dim, *(self.pooled_size,) * 2)


@operator("_contrib_PSROIPooling")
class PSROIPooling(PositionSensitive):
    """The mean of each bin, widened to whole lines; an empty one is 0.

    Source: src/operator/contrib/psroi_pooling.cc.
    """

    group_size: int = 0  # that of pooled_size

    function = "psroi_pooling"
    limits = "as many channels as are read, output_dim * group_size ** 2"

    def __post_init__(self) -> None:
        object.__setattr__(self, "group_size", self.group_size or self.pooled_size)
        super().__post_init__()

    def formula(self, data: OnnxExpr, rois: OnnxExpr) -> OnnxExpr:
        maps = self.maps(data, rois, rois.ints((1,)))
        row, behind_row = self._lines(rois, 1, maps.height)
        column, behind_column = self._lines(rois, 0, maps.width)

        def lines(down: OnnxExpr, across: OnnxExpr) -> Tuple[Lines, Lines]:
            line = _line(row + down.whole(), behind_row)
            return [line], [_line(column + across.whole(), behind_column)]

        tall, wide = behind_row - row, behind_column - column
        return self.pooled(maps, (tall.largest(), wide.largest()), lines, (tall * wide).real())

    def _lines(self, rois: OnnxExpr, axis: int, size: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
        """int64: the first line of each bin, and the one behind its last."""
        start, _, step = self.bins(rois, axis, 0)
        number = steps(rois, self.pooled_size, axis)
        edges = number * step + start, (number + 1) * step + start
        return within([edges[0].op("Floor"), edges[1].op("Ceil")], size)


def _line(line: OnnxExpr, behind: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
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

    function = "deformable_psroi_pooling"
    positional = (*PositionSensitive.positional, "sample_per_part")
    limits = f"{PSROIPooling.limits}; classes must divide output_dim"
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
        takes("trans", trans, (shape[0], None, self.part_size, self.part_size))
        moves = trans[1]
        if isinstance(moves, int) and (moves % 2 or not moves or self.output_dim % (moves // 2)):
            raise ShapeError(
                f"takes 2 channels of trans for each class, and output_dim={self.output_dim} a "
                f"multiple of the classes; got {moves} channels"
            )
        return shape

    def formula(self, data: OnnxExpr, rois: OnnxExpr, trans: Optional[OnnxExpr] = None) -> OnnxExpr:
        classes = rois.ints((1,)) if trans is None else trans.size(1) / 2
        maps = self.maps(data, rois, classes)
        moves = (None, None) if trans is None else self._moves(trans, classes)
        rows, tall = self._samples(rois, 1, moves[1], maps.height)
        columns, wide = self._samples(rois, 0, moves[0], maps.width)
        most = rois.ints((self.sample_per_part,)).squeeze(0)
        return self.pooled(maps, (most, most), lambda y, x: (rows(y), columns(x)), tall * wide)

    def _samples(
        self, rois: OnnxExpr, axis: int, move: Optional[OnnxExpr], size: OnnxExpr
    ) -> Tuple[Callable[[OnnxExpr], Lines], OnnxExpr]:
        """The lines around the sample of a number, and how many samples of each bin count."""
        begin, length, step = self.bins(rois, axis, 0.5)
        start = steps(rois, self.pooled_size, axis) * step + begin
        start = start if move is None else start + move * length
        step = step / self.sample_per_part

        def inside(place: OnnxExpr) -> OnnxExpr:
            return (place >= -0.5) & (place <= size.real() - 0.5)

        def lines(number: OnnxExpr) -> Lines:
            place = start + number * step
            return clamped(place, size, inside(place))

        numbers = start.array(range(self.sample_per_part))
        all_of_them = inside(start.unsqueeze(-1) + numbers * step.unsqueeze(-1))
        return lines, all_of_them.real().reduced("ReduceSum", -1)

    def _moves(self, trans: OnnxExpr, classes: OnnxExpr) -> List[OnnxExpr]:
        """(R, classes, P, P): across and down, by parts of the region's size."""
        number = trans.array(range(self.pooled_size))
        part = (number / self.pooled_size * self.part_size).op("Floor").whole()
        split = trans.reshape(0, classes, 2, self.part_size, self.part_size)
        of_bins = split.op("Gather", part, axis=3).op("Gather", part, axis=4) * self.trans_std
        return [of_bins.slice(2, axis, axis + 1).squeeze(2) for axis in (0, 1)]

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        data, rois, *trans = inputs
        call = super().to_pytorch(m, data, rois)
        return f"{call[:-1]}, {trans[0]}, {self.trans_std})" if trans else call
