"""Pooling over regions of interest, upright and turned."""

from __future__ import annotations

from math import prod
from typing import Any, Callable

import numpy as np
from hypothesis import strategies as st

from .case import Array, Case, Data, DrawFn, Row, Shape, Values, attributes

ALIGN, POOLING, TURNED = "_contrib_ROIAlign", "ROIPooling", "_contrib_RROIAlign"
SCALES = st.sampled_from([0.0625, 0.125, 0.25, 0.3, 1.0])


def sizes(draw: DrawFn, *most: int) -> Shape:
    return tuple(draw(st.integers(1, n)) for n in most)


def regions(images: int, height: float, width: float) -> Values:
    """Regions of these images, of which many reach beyond the border."""

    def values(random: np.random.Generator, shape: Shape) -> Array:
        rois = np.empty(shape)
        rois[:, 0] = random.integers(0, images, shape[0])
        for axis, size in ((1, width), (2, height)):
            rois[:, axis] = random.uniform(-0.3 * size, 0.9 * size, shape[0])
            rois[:, axis + 2] = rois[:, axis] + random.uniform(0.02, 0.9, shape[0]) * size
        return rois

    return values


def turned_regions(images: int, height: float, width: float) -> Values:
    def values(random: np.random.Generator, shape: Shape) -> Array:
        low = [0, 0, 0, 0.02 * width, 0.02 * height, -360]
        high = [images, width, height, 0.9 * width, 0.9 * height, 360]
        rois = random.uniform(low, high, shape)
        rois[:, 0] = np.floor(rois[:, 0])
        return rois

    return values


def pooled(
    op: str, shape: Shape, number: int, scale: float, free: bool = True, **attrs: Any
) -> Case:
    values, columns = (turned_regions, 6) if op == TURNED else (regions, 5)
    rois = Data((number, columns), values(shape[0], shape[2] / scale, shape[3] / scale))
    return Case(op, (Data(shape), rois), {"spatial_scale": scale, **attrs}, free)


def given_regions(*rois: Any) -> Data:
    return Data((len(rois), len(rois[0])), lambda random, shape: np.array(rois, np.float64))


def at(op: str, shape: Shape, rois: Data, size: Shape, scale: float = 1.0, **attrs: Any) -> Case:
    return Case(op, (Data(shape), rois), {"pooled_size": size, "spatial_scale": scale, **attrs})


def drawing(op: str, bins: int, most: int, **narrowed: Any) -> Callable[[DrawFn], Case]:
    """Up to so many bins along an axis of images of up to `most` pixels."""

    def draw(draw: DrawFn) -> Case:
        size = st.tuples(st.integers(1, bins), st.integers(1, bins))
        attrs = attributes(draw, op, pooled_size=size, spatial_scale=None, **narrowed)
        images, channels, *image = sizes(draw, 3, 3, most, most)
        channels *= prod(attrs["pooled_size"]) if attrs.get("position_sensitive") else 1
        number, scale, free = draw(st.integers(1, 6)), draw(SCALES), draw(st.booleans())
        return pooled(op, (images, channels, *image), number, scale, free, **attrs)

    return draw


#: Of images before the first and behind the last, and outside of the image.
STRANGE = given_regions((-1, 0, 0, 4, 4), (2, 0, 0, 4, 4), (1, -9, -9, -5, -5), (0, 5, 5, 2, 2))
#: Corners that lie midway between two lines, once scaled by a half.
HALVES = given_regions((0, 1, 3, 9, 11), (0, -1, -3, 5, 7), (0, 5, 1, 13, 17))
#: Regions of which samples lie where those that count end; the least rounding decides there.
RIGHT_ANGLES = given_regions(
    *((0, x, y, 4, 8, 90 * k) for k in range(-4, 5) for x, y in ((6, 3), (2, 1), (0, 6)))
)
#: Regions of which, in float32, the rounding of the angle decides whether a sample counts.
AT_THE_BORDER = given_regions(
    (0, 5, -1 - 2.0**-22, 14, 14, 45),
    (0, 5, -1 - 2.0**-22, 32, 36, -45),
    (0, 5, -1 + 2.0**-22, 30, 15, 45),
    (0, 5, -1 + 2.0**-22, 22, 33, 135),
)


def no_image(random: np.random.Generator, shape: Shape) -> Array:
    """Every second region is of image -1."""
    rois = regions(2, 8, 8)(random, shape)
    rois[::2, 0] = -1
    return rois


RATIO = st.integers(-1, 3)
RCNN = ((1, 16, 20, 30), 12, 0.0625)
OWN_CHANNELS = {"pooled_size": (3, 3), "position_sensitive": True}

ROWS = [
    Row(
        POOLING,
        drawing(POOLING, 5, 12),
        {
            "VGG's Faster R-CNN": pooled(POOLING, *RCNN, pooled_size=(7, 7)),
            "no such image, no such place, ends exchanged": at(
                POOLING, (2, 3, 8, 8), STRANGE, (2, 2)
            ),
            "rounded from midway": at(POOLING, (1, 2, 9, 9), HALVES, (3, 2), 0.5),
        },
    ),
    Row(
        ALIGN,
        drawing(ALIGN, 4, 9, sample_ratio=RATIO),
        {
            "as GluonCV's Faster R-CNN": pooled(ALIGN, *RCNN, pooled_size=(7, 7), sample_ratio=2),
            "many samples": pooled(ALIGN, (2, 3, 40, 50), 5, 0.25, pooled_size=(2, 3)),
            "aligned": pooled(ALIGN, (2, 3, 20, 15), 5, 0.25, pooled_size=(2, 3), aligned=True),
            "of no image, as feature pyramids mark them": at(
                ALIGN, (2, 3, 8, 8), Data((4, 5), no_image), (2, 2)
            ),
            "position sensitive": pooled(ALIGN, (2, 18, 20, 15), 5, 0.25, **OWN_CHANNELS),
        },
    ),
    Row(
        TURNED,
        drawing(TURNED, 4, 9, sampling_ratio=st.none() | RATIO),
        {
            "of text": pooled(
                TURNED, (1, 16, 20, 30), 12, 0.25, pooled_size=(8, 16), sampling_ratio=2
            ),
            "many samples": pooled(TURNED, (2, 3, 40, 50), 5, 0.25, pooled_size=(2, 3)),
            "right angles": at(TURNED, (1, 2, 7, 8), RIGHT_ANGLES, (4, 2), sampling_ratio=1),
            "the angle's rounding": at(TURNED, (1, 1, 20, 50), AT_THE_BORDER, (4, 8)),
        },
    ),
]
