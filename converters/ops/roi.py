"""Pooling over regions of interest: (number of the image, left, top, right, bottom) each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, List, Sequence, Tuple

import numpy as np

from ..errors import ShapeError
from ..shape import Dim, Dims, same, show
from .attributes import Ints, Single
from .computed import Computed
from .interpolation import (
    AtSample,
    Lines,
    Maps,
    clamped,
    mean_of_samples,
    of_images,
    of_parts,
    over_samples,
)
from .onnx_math import Formula
from .registry import operator

#: Opsets whose RoiAlign onnxruntime has; the older ones know no aligned regions.
ROI_ALIGN, ALIGNED, NO_ROI_ALIGN = 10, 16, 22
LOWEST = float(np.finfo(np.float32).min)  # what a maximum begins with


def pooled_shape(data: Dims, rois: Dims, columns: int, channels: Dim, size: Ints) -> Dims:
    """(R, channels, *size)

    Raises:
        ShapeError: data are no images, or rois no regions.
    """
    if len(data) != 4 or len(rois) != 2 or not same(rois[1], columns):
        given = f"{show(data)} and {show(rois)}"
        raise ShapeError(f"takes data of shape NxCxHxW and rois of shape Rx{columns}, got {given}")
    return (rois[0], channels, *size)


@dataclass(frozen=True)
class RegionPooling(Computed):
    """What these kinds share: (B, C, H, W), (R, columns) -> (R, C, *pooled_size)."""

    columns: ClassVar[int] = 5

    pooled_size: Ints
    spatial_scale: Single

    positional = ("pooled_size", "spatial_scale")
    allowed = (
        ("pooled_size", lambda size: len(size) == 2 and min(size) > 0, "two numbers above 0"),
    )

    def infer(self, data: Dims, rois: Dims) -> Dims:
        channels = data[1] if data else None
        return pooled_shape(data, rois, self.columns, channels, self.pooled_size)

    def scaled(self, rois: Formula, shift: float = 0) -> List[Formula]:
        """The four columns behind the image's number, in pixels of the map."""
        values = (rois.column(i) * self.spatial_scale for i in range(1, 5))
        return [of_regions(value - shift if shift else value) for value in values]

    def maps(self, data: Formula, image: Formula) -> Maps:
        """(B, C, H, W), and (R, 1, 1, 1) -> the map that each bin reads."""
        return of_images(data, image + image.array(np.zeros(self.pooled_size)))


# Along an axis of the result, which is 0 across and 1 downwards: numbers have the shape
# (R, groups, bins downwards, bins across), or 1 in place of any of them.


def of_regions(values: Formula) -> Formula:
    """(R) -> (R, 1, 1, 1)"""
    return values.unsqueeze(1, 2, 3)


def steps(like: Formula, bins: int, axis: int) -> Formula:
    """The numbers of the bins, real."""
    return like.array(np.arange(bins).reshape((-1, 1) if axis else (1, -1)))


def within(edges: Sequence[Formula], size: Formula) -> Tuple[Formula, Formula]:
    """int64: where bins begin, and what is behind them, in a map of that size."""
    first, behind = (edge.whole().maximum(0).minimum(size) for edge in edges)
    return first, behind


@dataclass(frozen=True)
class Samples:
    """Along one axis, the samples of which a bin is the mean.

    Attributes:
        begin, step: of each bin.
        number: of samples in it.
    """

    begin: Formula
    step: Formula
    number: Formula

    def place(self, sample: Formula) -> Formula:
        return self.begin + (sample + 0.5) * self.step / self.number

    def lines(self, sample: Formula, place: Formula, size: Formula) -> Lines:
        """A sample may lie up to one line outside of the map."""
        inside = (place >= -1) & (place <= size.real()) & (sample < self.number)
        return clamped(place, size, inside)


def samples(start: Formula, size: Formula, axis: int, pooled: Ints, ratio: int) -> Samples:
    """So many in each bin of regions, or as many as the bin has lines."""
    bins = pooled[1 - axis]
    step = size / bins
    number = size * 0 + ratio if ratio > 0 else step.op("Ceil")
    return Samples(start + steps(size, bins, axis) * step, step, number)


def means(maps: Maps, tall: Samples, wide: Samples, lines: AtSample) -> Formula:
    """(R, C, *pooled_size): see mean_of_samples."""
    most = tall.number.largest().whole(), wide.number.largest().whole()
    return mean_of_samples(maps, most, lines, tall.number * wide.number).squeeze(1)


@operator("_contrib_ROIAlign")
class ROIAlign(RegionPooling):
    """(B, C, H, W), (R, 5) -> (R, C, *pooled_size): means of interpolated samples.

    With `position_sensitive`, each bin reads channels of its own. A region of an image below 0
    is 0 (MXNet leaves it unset).  Source: src/operator/contrib/roi_align.cc.
    """

    sample_ratio: int = -1  # up to 0: as many samples as the bin is large
    position_sensitive: bool = False
    aligned: bool = False  # MXNet refuses empty regions then

    function = "roi_align"
    positional = (*RegionPooling.positional, "sample_ratio", "position_sensitive", "aligned")

    def infer(self, data: Dims, rois: Dims) -> Dims:
        if not self.position_sensitive or len(data) < 2:
            return super().infer(data, rois)
        channels, area = data[1], self.pooled_size[0] * self.pooled_size[1]
        if isinstance(channels, int):
            if channels % area:
                raise ShapeError(f"takes a multiple of {area} channels, got {channels}")
            channels = channels // area
        else:
            channels = None
        return pooled_shape(data, rois, 5, channels, self.pooled_size)

    def formula(self, data: Formula, rois: Formula) -> Formula:
        image = rois.column(0).whole()
        known = of_regions(image >= 0)
        image = image.maximum(0)
        since = ALIGNED if self.aligned else ROI_ALIGN
        native = since <= data.g.opset < NO_ROI_ALIGN and not self.position_sensitive
        return known.where((self._native if native else self._composed)(data, rois, image), 0)

    def _native(self, data: Formula, rois: Formula, image: Formula) -> Formula:
        modes = ("output_half_pixel", "half_pixel")
        return data.op(
            "RoiAlign",
            rois.slice(1, 1, 5),
            image,
            output_height=self.pooled_size[0],
            output_width=self.pooled_size[1],
            spatial_scale=self.spatial_scale,
            sampling_ratio=max(self.sample_ratio, 0),
            coordinate_transformation_mode=modes[self.aligned] if data.g.opset >= ALIGNED else None,
        )

    def _composed(self, data: Formula, rois: Formula, image: Formula) -> Formula:
        """As the sum over the samples of a bin."""
        left, top, right, bottom = self.scaled(rois, 0.5 * self.aligned)
        width, height = right - left, bottom - top
        if not self.aligned:
            width, height = width.maximum(1), height.maximum(1)
        tall = samples(top, height, 1, self.pooled_size, self.sample_ratio)
        wide = samples(left, width, 0, self.pooled_size, self.sample_ratio)
        maps = self.maps(data, of_regions(image))

        def lines(down: Formula, across: Formula) -> Tuple[Lines, Lines]:
            rows = tall.lines(down, tall.place(down), maps.height)
            return rows, wide.lines(across, wide.place(across), maps.width)

        return means(maps, tall, wide, lines)

    def maps(self, data: Formula, image: Formula) -> Maps:
        if not self.position_sensitive:
            return super().maps(data, image)
        area = self.pooled_size[0] * self.pooled_size[1]
        own = image.array(np.arange(area).reshape(self.pooled_size))
        return of_parts(data, image * area + own, 1, area)


@operator("ROIPooling")
class ROIPooling(RegionPooling):
    """(B, C, H, W), (R, 5) -> (R, C, *pooled_size): the largest number of each bin.

    Corners are rounded, and bins widened, to whole lines. Empty bins and those of an image that
    there is not are 0.  Source: src/operator/roi_pooling.cc.
    """

    function = "roi_pooling"
    hidden_outputs = 1

    def formula(self, data: Formula, rois: Formula) -> Formula:
        image = of_regions(rois.column(0).whole())
        known = (image >= 0) & (image < data.size(0))
        maps = self.maps(data, known.where(image, 0))
        left, top, right, bottom = (corner.rounded() for corner in self.scaled(rois))
        row, behind_row = self._lines(top, bottom, 1, maps.height)
        column, behind_column = self._lines(left, right, 0, maps.width)

        def step(largest: Formula, down: Formula, across: Formula) -> Formula:
            y = (row + down).minimum(behind_row - 1).maximum(0)
            x = (column + across).minimum(behind_column - 1).maximum(0)
            return largest.maximum(maps.read(y, x))

        most = [n.largest().maximum(0) for n in (behind_row - row, behind_column - column)]
        pooled = over_samples(maps.filled(LOWEST), most[0], most[1], step)
        filled = (behind_row > row) & (behind_column > column) & known
        return filled.unsqueeze(4).where(pooled, 0).squeeze(1).transpose(0, 3, 1, 2)

    def _lines(
        self, begin: Formula, end: Formula, axis: int, size: Formula
    ) -> Tuple[Formula, Formula]:
        """int64: the first line of each bin, and the one behind its last."""
        bins = self.pooled_size[1 - axis]
        step, number = (end - begin + 1).maximum(1) / bins, steps(begin, bins, axis)
        edges = (number * step).op("Floor"), ((number + 1) * step).op("Ceil")
        return within([begin + edge for edge in edges], size)
