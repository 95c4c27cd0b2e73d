"""Pooling over regions that are turned: (number of the image, x, y, width, height, degrees) each,
where x and y are of the center.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import numpy as np

from .interpolation import Lines
from .onnx_math import Formula
from .registry import TorchBuilder, operator
from .roi import RegionPooling, means, of_regions, samples


def turned(degrees: Formula) -> Tuple[Formula, Formula]:
    """Cosine and sine: in float64, of an angle that MXNet computes in float64 and rounds."""
    g = degrees.g
    turn, half = (g.constant(np.array(n), dtype="float64") for n in (np.pi, 180.0))
    angle = g.op("Div", g.op("Mul", g.cast(degrees.value, "float64"), turn), half)
    rounded = g.cast(replace(degrees, value=angle).real().value, "float64")
    cosine, sine = (replace(degrees, value=g.op(n, rounded)).real() for n in ("Cos", "Sin"))
    return cosine, sine


@operator("_contrib_RROIAlign")
class RROIAlign(RegionPooling):
    """(B, C, H, W), (R, 6) -> (R, C, *pooled_size): means of interpolated samples.

    Regions are turned counterclockwise.  Source: src/operator/contrib/rroi_align.cc.
    """

    sampling_ratio: int = -1  # up to 0: as many samples as the bin is large

    function = "rotated_roi_align"
    columns = 6

    def formula(self, data: Formula, rois: Formula) -> Formula:
        maps = self.maps(data, of_regions(rois.column(0).whole()))
        x, y, width, height = self.scaled(rois)
        width, height = width.maximum(1), height.maximum(1)
        tall = samples(height / -2, height, 1, self.pooled_size, self.sampling_ratio)
        wide = samples(width / -2, width, 0, self.pooled_size, self.sampling_ratio)
        cosine, sine = turned(of_regions(rois.column(5)))

        def lines(down: Formula, across: Formula) -> Tuple[Lines, Lines]:
            yy, xx = tall.place(down), wide.place(across)
            rows = tall.lines(down, yy * cosine - xx * sine + y, maps.height)
            return rows, wide.lines(across, xx * cosine + yy * sine + x, maps.width)

        return means(maps, tall, wide, lines)

    def to_pytorch(self, m: TorchBuilder, data: str, rois: str) -> str:
        call = super().to_pytorch(m, data, rois)
        return call if self.sampling_ratio <= 0 else f"{call[:-1]}, {self.sampling_ratio})"
