"""Pooling over regions of interest: (number of the image, left, top, right, bottom) each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Dict, List, Sequence, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape
from .attributes import Ints, Single
from .emit.computed import Called, takes
from .emit.interpolation import (
    Maps,
    mean_of_bins,
    of_images,
    of_parts,
    of_regions,
    over_samples,
    steps,
    within,
)
from .emit.onnx_math import OnnxExpr
from .registry import Limits, TorchBuilder, operator

#: Opsets whose RoiAlign onnxruntime has; the older ones know no aligned regions.
ROI_ALIGN, ALIGNED, NO_ROI_ALIGN = 10, 16, 22
LOWEST = float(np.finfo(np.float32).min)  # what a maximum begins with


def pooled_shape(data: Dims, rois: Dims, columns: int, channels: Dim, size: Ints) -> Dims:
    """(R, channels, *size)

    Raises:
        ShapeError: data are no images, or rois no regions.
    """
    takes("data", data, tuple("NCHW"))
    takes("rois", rois, ("R", columns))
    return (rois[0], channels, *size)


def region_limits(shapes: Sequence[Shape], scale: float) -> Dict[str, Limits]:
    """An image's number, then corners in its first and last half: what a region is."""
    data, rois = (*shapes, None, None)[:2]
    images, _, height, width = (d if isinstance(d, int) else 1 for d in data or (1, 1, 1, 1))
    x, y = (max(1, int((size - 1) / scale)) for size in (width, height))
    if rois is not None and rois[-1] == 6:  # the middle, sizes, and an angle
        low, high = np.array([0, 0, 0, 1, 1, -90]), np.array([images - 1, x, y, x, y, 90])
    else:
        low = np.array([0, 0, 0, x // 2 + 1, y // 2 + 1])  # MXNet aborts on an empty region
        high = np.array([images - 1, x // 2, y // 2, x, y])
    return {"rois": Limits(low, high)}


@dataclass(frozen=True)
class RegionPooling(Called):
    """What these kinds share: (B, C, H, W), (R, columns) -> (R, C, *pooled_size)."""

    columns: ClassVar[int] = 5

    pooled_size: Ints
    spatial_scale: Single

    positional: ClassVar[Tuple[str, ...]] = ("pooled_size", "spatial_scale")
    allowed = (
        ("pooled_size", lambda size: len(size) == 2 and min(size) > 0, "two numbers above 0"),
    )

    def infer(self, data: Dims, rois: Dims) -> Dims:
        channels = data[1] if data else None
        return pooled_shape(data, rois, self.columns, channels, self.pooled_size)

    def implied_shapes(self, data: Shape) -> Dict[str, Dims]:
        """Any number of regions."""
        return {"rois": ("R", self.columns)}

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        return region_limits(shapes, self.spatial_scale)

    def scaled(self, rois: OnnxExpr, shift: float = 0) -> List[OnnxExpr]:
        """The four columns behind the image's number, in pixels of the map."""
        values = (rois.column(i) * self.spatial_scale for i in range(1, 5))
        return [of_regions(value - shift if shift else value) for value in values]

    def maps(self, data: OnnxExpr, image: OnnxExpr) -> Maps:
        """(B, C, H, W), and (R, 1, 1, 1) -> the map that each bin reads."""
        return of_images(data, image + image.array(np.zeros(self.pooled_size)))


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

    def formula(self, data: OnnxExpr, rois: OnnxExpr) -> OnnxExpr:
        image = rois.column(0).whole()
        known = of_regions(image >= 0)
        image = image.maximum(0)
        since = ALIGNED if self.aligned else ROI_ALIGN
        native = since <= data.g.opset < NO_ROI_ALIGN and not self.position_sensitive
        return known.where((self._native if native else self._composed)(data, rois, image), 0)

    def _native(self, data: OnnxExpr, rois: OnnxExpr, image: OnnxExpr) -> OnnxExpr:
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

    def _composed(self, data: OnnxExpr, rois: OnnxExpr, image: OnnxExpr) -> OnnxExpr:
        """As the sum over the samples of a bin."""
        left, top, right, bottom = self.scaled(rois, 0.5 * self.aligned)
        width, height = right - left, bottom - top
        if not self.aligned:
            width, height = width.maximum(1), height.maximum(1)
        regions, maps = ((top, height), (left, width)), self.maps(data, of_regions(image))
        return mean_of_bins(maps, regions, self.pooled_size, self.sample_ratio)

    def maps(self, data: OnnxExpr, image: OnnxExpr) -> Maps:
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

    def formula(self, data: OnnxExpr, rois: OnnxExpr) -> OnnxExpr:
        image = of_regions(rois.column(0).whole())
        known = (image >= 0) & (image < data.size(0))
        maps = self.maps(data, known.where(image, 0))
        left, top, right, bottom = (corner.rounded() for corner in self.scaled(rois))
        row, behind_row = self._lines(top, bottom, 1, maps.height)
        column, behind_column = self._lines(left, right, 0, maps.width)

        def step(largest: OnnxExpr, down: OnnxExpr, across: OnnxExpr) -> OnnxExpr:
            y = (row + down).minimum(behind_row - 1).maximum(0)
            x = (column + across).minimum(behind_column - 1).maximum(0)
            return largest.maximum(maps.read(y, x))

        most = [n.largest().maximum(0) for n in (behind_row - row, behind_column - column)]
        pooled = over_samples(maps.filled(LOWEST), most[0], most[1], step)
        filled = (behind_row > row) & (behind_column > column) & known
        return filled.unsqueeze(4).where(pooled, 0).squeeze(1).transpose(0, 3, 1, 2)

    def _lines(
        self, begin: OnnxExpr, end: OnnxExpr, axis: int, size: OnnxExpr
    ) -> Tuple[OnnxExpr, OnnxExpr]:
        """int64: the first line of each bin, and the one behind its last."""
        bins = self.pooled_size[1 - axis]
        step, number = (end - begin + 1).maximum(1) / bins, steps(begin, bins, axis)
        edges = (number * step).op("Floor"), ((number + 1) * step).op("Ceil")
        return within([begin + edge for edge in edges], size)


def turned(degrees: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
    """Cosine and sine: in float64, of an angle that MXNet computes in float64 and rounds."""
    angle = (degrees.to("float64") * np.pi / 180.0).real().to("float64")
    return angle.op("Cos").real(), angle.op("Sin").real()


@operator("_contrib_RROIAlign")
class RROIAlign(RegionPooling):
    """(B, C, H, W), (R, 6) -> (R, C, *pooled_size): means of interpolated samples.

    Regions are (image, x and y of the center, width, height, degrees), turned counterclockwise.
    Source: src/operator/contrib/rroi_align.cc.
    """

    sampling_ratio: int = -1  # up to 0: as many samples as the bin is large

    function = "rotated_roi_align"
    columns = 6

    def formula(self, data: OnnxExpr, rois: OnnxExpr) -> OnnxExpr:
        maps = self.maps(data, of_regions(rois.column(0).whole()))
        x, y, width, height = self.scaled(rois)
        width, height = width.maximum(1), height.maximum(1)
        cosine, sine = turned(of_regions(rois.column(5)))

        def moved(yy: OnnxExpr, xx: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
            return yy * cosine - xx * sine + y, xx * cosine + yy * sine + x

        regions = (height / -2, height), (width / -2, width)
        return mean_of_bins(maps, regions, self.pooled_size, self.sampling_ratio, moved)

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        call = super().to_pytorch(m, *inputs)
        return call if self.sampling_ratio <= 0 else f"{call[:-1]}, {self.sampling_ratio})"
