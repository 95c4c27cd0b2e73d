"""Pooling over regions that are turned."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .case import Array, Case, Data, DrawFn, Row, Shape, Values, attributes
from .rows_roi import SCALES

OP = "_contrib_RROIAlign"


def turned_regions(images: int, height: float, width: float) -> Values:
    """Regions of these images, of which many reach beyond the border."""

    def values(random: np.random.Generator, shape: Shape) -> Array:
        low = [0, 0, 0, 0.02 * width, 0.02 * height, -360]
        high = [images, width, height, 0.9 * width, 0.9 * height, 360]
        rois = random.uniform(low, high, shape)
        rois[:, 0] = np.floor(rois[:, 0])
        return rois

    return values


def align(shape: Shape, number: int, scale: float, free: bool = True, **attrs: object) -> Case:
    rois = turned_regions(shape[0], shape[2] / scale, shape[3] / scale)
    inputs = (Data(shape), Data((number, 6), rois))
    return Case(OP, inputs, {"spatial_scale": scale, **attrs}, free)


def given(shape: Shape, number: int, rois: Values, **attrs: object) -> Case:
    return Case(OP, (Data(shape), Data((number, 6), rois)), {**attrs, "spatial_scale": 1.0})


def draw_align(draw: DrawFn) -> Case:
    size = st.tuples(st.integers(1, 4), st.integers(1, 4))
    ratio = st.none() | st.integers(-1, 3)
    attrs = attributes(draw, OP, pooled_size=size, spatial_scale=None, sampling_ratio=ratio)
    shape = tuple(draw(st.integers(1, n)) for n in (3, 3, 9, 9))
    return align(shape, draw(st.integers(1, 6)), draw(SCALES), draw(st.booleans()), **attrs)


def right_angles(random: np.random.Generator, shape: Shape) -> Array:
    """Regions of which samples lie where those that count end; the least rounding decides there."""
    rois = [[0, x, y, 4, 8, 90 * k] for k in range(-4, 5) for x, y in ((6, 3), (2, 1), (0, 6))]
    return np.array(rois, np.float64)


def at_the_border(random: np.random.Generator, shape: Shape) -> Array:
    """Regions of which, in float32, the rounding of the angle decides whether a sample counts."""
    least = 2.0**-22
    rois = [[-least, 14, 14, 45], [-least, 32, 36, -45], [least, 30, 15, 45], [least, 22, 33, 135]]
    return np.array([[0, 5, -1 + beyond, *rest] for beyond, *rest in rois], np.float64)


ROWS = [
    Row(
        OP,
        draw_align,
        {
            "of text": align((1, 16, 20, 30), 12, 0.25, pooled_size=(8, 16), sampling_ratio=2),
            "many samples": align((2, 3, 40, 50), 5, 0.25, pooled_size=(2, 3)),
            "right angles": given(
                (1, 2, 7, 8), 27, right_angles, pooled_size=(4, 2), sampling_ratio=1
            ),
            "the angle's rounding": given((1, 1, 20, 50), 4, at_the_border, pooled_size=(4, 8)),
        },
    )
]
