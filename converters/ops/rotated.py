"""Pooling over regions that are turned: (number of the image, x, y, width, height, degrees) each,
where x and y are of the center.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Tuple

import numpy as np

from ..python_text import literal
from ..shape import Dims, Shape
from .attributes import Ints, Single
from .interpolation import clamped, of_images
from .onnx_math import Formula, formula, result
from .registry import OnnxBuilder, Operator, TorchBuilder, operator
from .roi import POOLED_SIZES, bins, mean_of_samples, pooled_shape, result_shape


def turned(degrees: Formula) -> Tuple[Formula, Formula]:
    """Cosine and sine: in float64, of an angle that MXNet computes in float64 and rounds."""
    g = degrees.g
    turn, half = (g.constant(np.array(n), dtype="float64") for n in (np.pi, 180.0))
    angle = g.op("Div", g.op("Mul", g.cast(degrees.value, "float64"), turn), half)
    rounded = g.cast(replace(degrees, value=angle).real().value, "float64")
    cosine, sine = (replace(degrees, value=g.op(n, rounded)).real() for n in ("Cos", "Sin"))
    return cosine, sine


@operator("_contrib_RROIAlign")
class RROIAlign(Operator):
    """(B, C, H, W), (R, 6) -> (R, C, *pooled_size): means of interpolated samples.

    Regions are turned counterclockwise.  Source: src/operator/contrib/rroi_align.cc.
    """

    pooled_size: Ints
    spatial_scale: Single
    sampling_ratio: int = -1  # up to 0: as many samples as the bin is large

    allowed = POOLED_SIZES

    def infer(self, data: Dims, rois: Dims) -> Shape:
        return pooled_shape(data, rois, 6, data[1] if data else None, self.pooled_size)

    def to_onnx(self, g: OnnxBuilder, data: Any, rois: Any) -> Any:
        maps, regions = of_images(formula(g, data)), formula(g, rois)
        image = regions.column(0).whole().unsqueeze(1, 2)
        x, y, width, height = (
            (regions.column(i) * self.spatial_scale).unsqueeze(1) for i in range(1, 5)
        )
        width, height = width.maximum(1), height.maximum(1)
        tall = bins(height / -2, height, self.pooled_size[0], self.sampling_ratio)
        wide = bins(width / -2, width, self.pooled_size[1], self.sampling_ratio)
        cosine, sine = (part.unsqueeze(1, 2) for part in turned(regions.column(5)))

        def sample(down: Formula, across: Formula) -> Formula:
            yy, xx = tall.places(down).unsqueeze(2), wide.places(across).unsqueeze(1)
            row = yy * cosine - xx * sine + y.unsqueeze(2)
            column = xx * cosine + yy * sine + x.unsqueeze(2)
            lines = []
            for place, size, number, samples in (
                (row, maps.height, down, tall.samples),
                (column, maps.width, across, wide.samples),
            ):
                inside = (place >= -1) & (place <= size.real())
                lines.append(clamped(place, size, inside & (number < samples).unsqueeze(2)))
            return maps.sample(image, *lines)

        shape = result_shape(regions, self.pooled_size, maps)
        return result(mean_of_samples(shape, tall, wide, sample))

    def to_pytorch(self, m: TorchBuilder, data: str, rois: str) -> str:
        more = "" if self.sampling_ratio <= 0 else f", {self.sampling_ratio}"
        size = literal(self.pooled_size)
        function = m.function("rotated_roi_align")
        return f"{function}({data}, {rois}, {size}, {self.spatial_scale}{more})"
