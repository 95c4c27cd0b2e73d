"""Pooling over regions of interest, upright and turned; each bin may read channels of its own."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .case import Array, Case, Data, Shape, Values, case, uniform
from .row import Draw, row

ALIGN, TURNED = "_contrib_ROIAlign", "_contrib_RROIAlign"
SENSITIVE, DEFORMABLE = "_contrib_PSROIPooling", "_contrib_DeformablePSROIPooling"
SCALES = st.sampled_from([0.0625, 0.125, 0.25, 0.3, 1.0])


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


def pooled(shape: Shape, number: int, scale: float, turned: bool = False, **attrs: Any) -> Case:
    values, columns = (turned_regions, 6) if turned else (regions, 5)
    rois = Data((number, columns), values(shape[0], shape[2] / scale, shape[3] / scale))
    return case(shape, rois, spatial_scale=scale, **attrs)


#: Operator -> how many bins there are along an axis, of images of how many pixels; how many samples
#: in a bin.
MOST = {"ROIPooling": (5, 12), ALIGN: (4, 9), TURNED: (4, 9)}
RATIO = st.integers(-1, 3)


@row(*MOST)
def pooling(draw: Draw) -> Case:
    bins, most = MOST[draw.op]
    attrs = draw.attrs(
        pooled_size=st.tuples(st.integers(1, bins), st.integers(1, bins)),
        spatial_scale=None,
        sample_ratio=RATIO,
        sampling_ratio=st.none() | RATIO,
    )
    images, channels, *image = draw.sizes(3, 3, most, most)
    channels *= prod(attrs["pooled_size"]) if attrs.get("position_sensitive") else 1
    number, scale, free = draw.number(1, 6), draw(SCALES), draw.flag()
    shape = (images, channels, *image)
    return pooled(shape, number, scale, draw.op == TURNED, free=free, **attrs)


SIZES = st.integers(1, 4)


def image(images: int, height: int, width: int, **attrs: Any) -> Shape:
    group = attrs.get("group_size") or attrs["pooled_size"]
    return (images, attrs["output_dim"] * group**2, height, width)


def sensitive(shape: Shape, number: int, **attrs: Any) -> Case:
    return pooled(shape, number, attrs.pop("spatial_scale"), **attrs)


@row(SENSITIVE)
def draw_sensitive(draw: Draw) -> Case:
    own = {"output_dim": SIZES, "pooled_size": SIZES, "group_size": st.none() | st.integers(0, 4)}
    attrs = draw.attrs(spatial_scale=SCALES, **own)
    shape = image(*draw.sizes(3, 9, 9), **attrs)
    return sensitive(shape, draw.number(1, 6), free=draw.flag(), **attrs)


def deformable(shape: Shape, number: int, classes: int, **attrs: Any) -> Case:
    """With moves of up to a region."""
    part = attrs.get("part_size") or attrs["pooled_size"]
    moves = Data((number, 2 * classes, part, part), uniform(-1, 1))
    plain = sensitive(shape, number, **attrs)
    return case(*plain.inputs, *[] if attrs.get("no_trans") else [moves], **attrs)


@row(DEFORMABLE)
def draw_deformable(draw: Draw) -> Case:
    classes = draw.number(1, 3)
    attrs = draw.attrs(
        spatial_scale=SCALES,
        output_dim=classes * draw.number(1, 2),
        pooled_size=SIZES,
        group_size=SIZES,
        part_size=st.none() | st.integers(0, 4),
        sample_per_part=st.none() | st.integers(1, 3),
        trans_std=st.none() | st.sampled_from([0.1, 1.0]),
    )
    shape = image(*draw.sizes(3, 9, 9), **attrs)
    return deformable(shape, draw.number(1, 6), classes, free=draw.flag(), **attrs)


def these(*rois: Any) -> Data:
    return Data((len(rois), len(rois[0])), lambda random, shape: np.array(rois, np.float64))


def at(shape: Shape, rois: Data, size: Shape, scale: float = 1.0, **attrs: Any) -> Case:
    return case(shape, rois, pooled_size=size, spatial_scale=scale, **attrs)


#: Of images before the first and behind the last, and outside of the image.
STRANGE = these((-1, 0, 0, 4, 4), (2, 0, 0, 4, 4), (1, -9, -9, -5, -5), (0, 5, 5, 2, 2))
#: Corners that lie midway between two lines, once scaled by a half.
HALVES = these((0, 1, 3, 9, 11), (0, -1, -3, 5, 7), (0, 5, 1, 13, 17))
#: Corners midway between whole numbers; regions beside the map; ends exchanged.
MIDWAY = (0, 0.5, 1.5, 2.5, 4.5), (0, -0.5, -1.5, 3.5, 5.5)
OUTSIDE = these(*MIDWAY, (0, -9, -9, -5, -5), (0, 20, 2, 30, 4), (0, 5, 5, 2, 2))
#: Regions of which samples lie where those that count end; the least rounding decides there.
RIGHT_ANGLES = these(
    *((0, x, y, 4, 8, 90 * k) for k in range(-4, 5) for x, y in ((6, 3), (2, 1), (0, 6)))
)
#: Regions of which, in float32, the rounding of the angle decides whether a sample counts.
AT_THE_BORDER = these(
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


RCNN, TEXT = ((1, 16, 20, 30), 12, 0.0625), ((1, 16, 20, 30), 12, 0.25)
LARGE, UPRIGHT = ((2, 3, 40, 50), 5, 0.25), ((2, 3, 20, 15), 5, 0.25)
RFCN = {"spatial_scale": 0.0625, "output_dim": 8, "pooled_size": 7, "group_size": 7}
SMALL = {"spatial_scale": 1.0, "output_dim": 2, "pooled_size": 3, "group_size": 3}
SAMPLED = {"sample_per_part": 4, "trans_std": 0.1, **RFCN}
MAP, SMALLER = image(1, 20, 30, **RFCN), image(2, 20, 15, **RFCN)

EXAMPLES = {
    "ROIPooling VGG's Faster R-CNN": pooled(*RCNN, pooled_size=(7, 7)),
    "ROIPooling no such image, no such place, ends exchanged": at((2, 3, 8, 8), STRANGE, (2, 2)),
    "ROIPooling rounded from midway": at((1, 2, 9, 9), HALVES, (3, 2), 0.5),
    f"{ALIGN} as GluonCV's Faster R-CNN": pooled(*RCNN, pooled_size=(7, 7), sample_ratio=2),
    f"{ALIGN} many samples": pooled(*LARGE, pooled_size=(2, 3)),
    f"{ALIGN} aligned": pooled(*UPRIGHT, pooled_size=(2, 3), aligned=True),
    f"{ALIGN} of no image, as feature pyramids mark them": at(
        (2, 3, 8, 8), Data((4, 5), no_image), (2, 2)
    ),
    f"{ALIGN} position sensitive": pooled(
        (2, 18, 20, 15), 5, 0.25, pooled_size=(3, 3), position_sensitive=True
    ),
    f"{TURNED} of text": pooled(*TEXT, turned=True, pooled_size=(8, 16), sampling_ratio=2),
    f"{TURNED} many samples": pooled(*LARGE, turned=True, pooled_size=(2, 3)),
    f"{TURNED} right angles": at((1, 2, 7, 8), RIGHT_ANGLES, (4, 2), sampling_ratio=1),
    f"{TURNED} the angle's rounding": at((1, 1, 20, 50), AT_THE_BORDER, (4, 8)),
    f"{SENSITIVE} as R-FCN": sensitive(MAP, 12, **RFCN),
    f"{SENSITIVE} corners midway, regions outside": case(image(1, 8, 8, **SMALL), OUTSIDE, **SMALL),
    f"{DEFORMABLE} as Deformable R-FCN": deformable(MAP, 12, 1, part_size=7, **SAMPLED),
    f"{DEFORMABLE} as its first pass": deformable(
        MAP, 12, 1, no_trans=True, part_size=7, **SAMPLED
    ),
    f"{DEFORMABLE} a move for each class": deformable(SMALLER, 5, 4, part_size=3, **SAMPLED),
    f"{DEFORMABLE} corners midway, regions outside": case(
        image(1, 8, 8, **SMALL), OUTSIDE, no_trans=True, sample_per_part=2, **SMALL
    ),
}
