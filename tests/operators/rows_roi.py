"""Pooling over regions of interest."""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import strategies as st

from .case import Array, Case, Data, DrawFn, Row, Shape, Values, attributes

SCALES = st.sampled_from([0.0625, 0.125, 0.25, 0.3, 1.0])


def regions(images: int, height: float, width: float, columns: int = 5) -> Values:
    """Regions of these images, of which many reach beyond the border."""

    def values(random: np.random.Generator, shape: Shape) -> Array:
        rois = np.empty(shape)
        rois[:, 0] = random.integers(0, images, shape[0])
        for axis, size in ((1, width), (2, height)):
            rois[:, axis] = random.uniform(-0.3 * size, 0.9 * size, shape[0])
            rois[:, axis + 2] = rois[:, axis] + random.uniform(0.02, 0.9, shape[0]) * size
        return rois

    return values


ALIGN, POOLING = "_contrib_ROIAlign", "ROIPooling"


def pooled(
    op: str, shape: Shape, rois: int, scale: float, free: bool = True, **attrs: object
) -> Case:
    given = regions(shape[0], shape[2] / scale, shape[3] / scale)
    return Case(op, (Data(shape), Data((rois, 5), given)), {"spatial_scale": scale, **attrs}, free)


def given_regions(op: str, shape: Shape, rois: int, values: Values, **attrs: object) -> Case:
    return Case(op, (Data(shape), Data((rois, 5), values)), attrs)


def draw_align(draw: DrawFn) -> Case:
    size, ratio = (draw(st.integers(1, 4)), draw(st.integers(1, 4))), st.integers(-1, 3)
    narrowed = {"pooled_size": st.just(size), "spatial_scale": None, "sample_ratio": ratio}
    attrs = attributes(draw, ALIGN, **narrowed)
    channels = draw(st.integers(1, 3)) * (prod(size) if attrs.get("position_sensitive") else 1)
    shape = (draw(st.integers(1, 3)), channels, draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    return pooled(ALIGN, shape, draw(st.integers(1, 6)), draw(SCALES), draw(st.booleans()), **attrs)


def draw_pooling(draw: DrawFn) -> Case:
    size = st.tuples(st.integers(1, 5), st.integers(1, 5))
    attrs = attributes(draw, POOLING, pooled_size=size, spatial_scale=None)
    shape = tuple(draw(st.integers(1, n)) for n in (3, 3, 12, 12))
    rois, scale, free = draw(st.integers(1, 6)), draw(SCALES), draw(st.booleans())
    return pooled(POOLING, shape, rois, scale, free, **attrs)


def strange_images(random: np.random.Generator, shape: Shape) -> Array:
    """Of images before the first and behind the last, and outside of the image."""
    rois = [[-1, 0, 0, 4, 4], [2, 0, 0, 4, 4], [1, -9, -9, -5, -5], [0, 5, 5, 2, 2]]
    return np.array(rois, np.float64)


def no_image(random: np.random.Generator, shape: Shape) -> Array:
    """Every second region is of image -1."""
    rois = regions(2, 8, 8)(random, shape)
    rois[::2, 0] = -1
    return rois


def halves(random: np.random.Generator, shape: Shape) -> Array:
    """Corners that lie midway between two lines, once scaled by a half."""
    return np.array([[0, 1, 3, 9, 11], [0, -1, -3, 5, 7], [0, 5, 1, 13, 17]], np.float64)


FOUR = {"pooled_size": (2, 2), "spatial_scale": 1.0}
RCNN = ((1, 16, 20, 30), 12, 0.0625)

ROWS = [
    Row(
        POOLING,
        draw_pooling,
        {
            "VGG's Faster R-CNN": pooled(POOLING, *RCNN, pooled_size=(7, 7)),
            "no such image, no such place, ends exchanged": given_regions(
                POOLING, (2, 3, 8, 8), 4, strange_images, **FOUR
            ),
            "rounded from midway": given_regions(
                POOLING, (1, 2, 9, 9), 3, halves, pooled_size=(3, 2), spatial_scale=0.5
            ),
        },
    ),
    Row(
        ALIGN,
        draw_align,
        {
            "as GluonCV's Faster R-CNN": pooled(ALIGN, *RCNN, pooled_size=(7, 7), sample_ratio=2),
            "many samples": pooled(ALIGN, (2, 3, 40, 50), 5, 0.25, pooled_size=(2, 3)),
            "aligned": pooled(ALIGN, (2, 3, 20, 15), 5, 0.25, pooled_size=(2, 3), aligned=True),
            "of no image, as feature pyramids mark them": given_regions(
                ALIGN, (2, 3, 8, 8), 4, no_image, **FOUR
            ),
            "position sensitive": pooled(
                ALIGN, (2, 18, 20, 15), 5, 0.25, pooled_size=(3, 3), position_sensitive=True
            ),
        },
    ),
]
