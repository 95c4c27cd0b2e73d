"""Pooling over regions of interest: (number of the image, left, top, right, bottom) each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Tuple

import numpy as np

from ..errors import ShapeError
from ..python_text import literal
from ..shape import Dim, Dims, Shape, same, show
from .attributes import Ints, Single
from .interpolation import Map, clamped, of_images, over_samples, steps, sum_of_samples
from .onnx_math import Formula, formula, join, result
from .registry import OnnxBuilder, Operator, TorchBuilder, operator

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


#: A height and a width.
POOLED_SIZES = (
    ("pooled_size", lambda size: len(size) == 2 and min(size) > 0, "two numbers above 0"),
)


@dataclass(frozen=True)
class Bins:
    """One axis of regions cut into bins, each of which is sampled.

    Attributes:
        start, size: (R, 1): of the region.
        number: of bins.
        samples: (R, 1): in each bin.
    """

    start: Formula
    size: Formula
    number: int
    samples: Formula

    def places(self, sample: Formula) -> Formula:
        """Number of the sample, real () -> (R, number): where it lies in each bin."""
        bin_size = self.size / self.number
        begin = self.start + steps(self.start, self.number) * bin_size
        return begin + (sample + 0.5) * bin_size / self.samples

    def most(self) -> Formula:
        """int64 (): the largest number of samples."""
        return self.samples.reshape(-1).reduced("ReduceMax", 0).whole()


def bins(start: Formula, size: Formula, number: int, ratio: int) -> Bins:
    """With `ratio` samples each, or as many as the bin has lines."""
    samples = size * 0 + ratio if ratio > 0 else (size / number).op("Ceil")
    return Bins(start, size, number, samples)


def result_shape(regions: Formula, size: Ints, maps: Map) -> Formula:
    """int64 (4,): R, *size, C."""
    return join([regions.size(0), maps.height.array(size), maps.table.size(1)], 0)


def mean_of_samples(
    shape: Formula, tall: Bins, wide: Bins, sample: Callable[[Formula, Formula], Formula]
) -> Formula:
    """Real (R, C, *size): the mean of each bin's samples (see sum_of_samples)."""
    total = sum_of_samples(shape, tall.most(), wide.most(), sample)
    count = (tall.samples * wide.samples).unsqueeze(2, 3)
    return total.op("Transpose", perm=(0, 3, 1, 2)) / count


@operator("_contrib_ROIAlign")
class ROIAlign(Operator):
    """(B, C, H, W), (R, 5) -> (R, C, *pooled_size): means of interpolated samples.

    With `position_sensitive`, each bin reads channels of its own. A region of an image below 0
    is 0 (MXNet leaves it unset).  Source: src/operator/contrib/roi_align.cc.
    """

    pooled_size: Ints
    spatial_scale: Single
    sample_ratio: int = -1  # up to 0: as many samples as the bin is large
    position_sensitive: bool = False
    aligned: bool = False  # MXNet refuses empty regions then

    allowed = POOLED_SIZES

    @property
    def area(self) -> int:
        return self.pooled_size[0] * self.pooled_size[1]

    def infer(self, data: Dims, rois: Dims) -> Shape:
        channels = data[1] if data else None
        if self.position_sensitive and isinstance(channels, int):
            if channels % self.area:
                raise ShapeError(f"takes a multiple of {self.area} channels, got {channels}")
            channels = channels // self.area
        elif self.position_sensitive:
            channels = None
        return pooled_shape(data, rois, 5, channels, self.pooled_size)

    def to_onnx(self, g: OnnxBuilder, data: Any, rois: Any) -> Any:
        regions = formula(g, rois)
        image = regions.column(0).whole()
        known = (image >= 0).unsqueeze(1, 2, 3)
        image = image.maximum(0)
        since = ALIGNED if self.aligned else ROI_ALIGN
        if since <= g.opset < NO_ROI_ALIGN and not self.position_sensitive:
            pooled = self._native(g, formula(g, data), regions, image)
        else:
            pooled = self._composed(formula(g, data), regions, image)
        return result(known.where(pooled, 0))

    def _native(self, g: OnnxBuilder, data: Formula, regions: Formula, image: Formula) -> Formula:
        modes = ("output_half_pixel", "half_pixel")
        return data.op(
            "RoiAlign",
            regions.slice(1, 1, 5),
            image,
            output_height=self.pooled_size[0],
            output_width=self.pooled_size[1],
            spatial_scale=self.spatial_scale,
            sampling_ratio=max(self.sample_ratio, 0),
            coordinate_transformation_mode=modes[self.aligned] if g.opset >= ALIGNED else None,
        )

    def _composed(self, data: Formula, regions: Formula, image: Formula) -> Formula:
        """As the sum over the samples of a bin."""
        left, top, right, bottom = (
            (regions.column(i) * self.spatial_scale - 0.5 * self.aligned).unsqueeze(1)
            for i in range(1, 5)
        )
        width, height = right - left, bottom - top
        if not self.aligned:
            width, height = width.maximum(1), height.maximum(1)
        tall = bins(top, height, self.pooled_size[0], self.sample_ratio)
        wide = bins(left, width, self.pooled_size[1], self.sample_ratio)
        maps, first = self._maps(data, image)

        def sample(down: Formula, across: Formula) -> Formula:
            lines, height, width = [], maps.height, maps.width
            for axis, number, size, place in ((2, down, height, tall), (1, across, width, wide)):
                at = place.places(number)
                inside = (at >= -1) & (at <= size.real()) & (number < place.samples)
                found = clamped(at, size, inside)
                lines.append([(line.unsqueeze(axis), part.unsqueeze(axis)) for line, part in found])
            return maps.sample(first, *lines)

        return mean_of_samples(result_shape(regions, self.pooled_size, maps), tall, wide, sample)

    def _maps(self, data: Formula, image: Formula) -> Tuple[Map, Formula]:
        """The maps, and the number of the map that each bin reads: int64 (R, PH | 1, PW | 1)."""
        image = image.unsqueeze(1, 2)
        if not self.position_sensitive:
            return of_images(data), image
        height, width = data.size(2), data.size(3)
        split = data.reshape(data.size(0), -1, self.area, height * width)
        table = split.op("Transpose", perm=(0, 2, 3, 1))
        own = image.array(tuple(range(self.area))).reshape(*self.pooled_size)
        return Map(table.reshape(-1, table.size(3)), height, width), image * self.area + own

    def to_pytorch(self, m: TorchBuilder, data: str, rois: str) -> str:
        more = f", {self.sample_ratio}, {self.position_sensitive}, {self.aligned}"
        size = literal(self.pooled_size)
        return f"{m.function('roi_align')}({data}, {rois}, {size}, {self.spatial_scale}{more})"


@operator("ROIPooling")
class ROIPooling(Operator):
    """(B, C, H, W), (R, 5) -> (R, C, *pooled_size): the largest number of each bin.

    Corners are rounded, and bins widened, to whole lines. Empty bins and those of an image that
    there is not are 0.  Source: src/operator/roi_pooling.cc.
    """

    pooled_size: Ints
    spatial_scale: Single

    hidden_outputs = 1
    allowed = POOLED_SIZES

    def infer(self, data: Dims, rois: Dims) -> Shape:
        return pooled_shape(data, rois, 5, data[1] if data else None, self.pooled_size)

    def to_onnx(self, g: OnnxBuilder, data: Any, rois: Any) -> Any:
        pixels, regions = formula(g, data), formula(g, rois)
        maps, image = of_images(pixels), regions.column(0).whole()
        known = (image >= 0) & (image < pixels.size(0))
        first = known.where(image, 0).unsqueeze(1, 2)
        left, top, right, bottom = (
            (regions.column(i) * self.spatial_scale).rounded().unsqueeze(1) for i in range(1, 5)
        )
        row, last_row = self._lines(top, bottom, self.pooled_size[0], maps.height)
        column, last_column = self._lines(left, right, self.pooled_size[1], maps.width)
        filled = (last_row >= row).unsqueeze(2) & (last_column >= column).unsqueeze(1)

        def step(largest: Formula, down: Formula, across: Formula) -> Formula:
            y = (row + down).minimum(last_row).maximum(0).unsqueeze(2)
            x = (column + across).minimum(last_column).maximum(0).unsqueeze(1)
            place = (first * maps.height + y) * maps.width + x
            return largest.maximum(maps.table.op("Gather", place, axis=0))

        shape = result_shape(regions, self.pooled_size, maps)
        lowest = pixels.number(LOWEST).op("Expand", shape)
        down, across = (
            (end - begin).reshape(-1).reduced("ReduceMax", 0) + 1
            for begin, end in ((row, last_row), (column, last_column))
        )
        pooled = over_samples(lowest, down.maximum(0), across.maximum(0), step)
        shown = (filled & known.unsqueeze(1, 2)).unsqueeze(3)
        return result(shown.where(pooled, 0).op("Transpose", perm=(0, 3, 1, 2)))

    @staticmethod
    def _lines(begin: Formula, end: Formula, bins: int, size: Formula) -> Tuple[Formula, Formula]:
        """Corners (R, 1) -> int64 (R, bins): first and last line of each bin."""
        step = (end - begin + 1).maximum(1) / bins
        number = steps(step, bins)
        first, behind = (number * step).op("Floor"), ((number + 1) * step).op("Ceil")
        lines = [(begin + line).whole().maximum(0).minimum(size) for line in (first, behind)]
        return lines[0], lines[1] - 1

    def to_pytorch(self, m: TorchBuilder, data: str, rois: str) -> str:
        size = literal(self.pooled_size)
        return f"{m.function('roi_pooling')}({data}, {rois}, {size}, {self.spatial_scale})"
