"""Pooling over regions in which each bin reads channels of its own."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, attributes, uniform
from .rows_roi import SCALES, given_regions, regions, sizes

PLAIN, DEFORMABLE = "_contrib_PSROIPooling", "_contrib_DeformablePSROIPooling"
SIZES = st.integers(1, 4)


def data(images: int, height: int, width: int, **attrs: Any) -> Data:
    group = attrs.get("group_size") or attrs["pooled_size"]
    return Data((images, attrs["output_dim"] * group**2, height, width))


def plain(image: Data, number: int, free: bool = True, **attrs: Any) -> Case:
    images, _, *size = image.shape
    rois = regions(images, *(n / attrs["spatial_scale"] for n in size))
    return Case(PLAIN, (image, Data((number, 5), rois)), attrs, free)


def draw_plain(draw: DrawFn) -> Case:
    own = {"output_dim": SIZES, "pooled_size": SIZES, "group_size": st.none() | st.integers(0, 4)}
    attrs = attributes(draw, PLAIN, spatial_scale=SCALES, **own)
    image = data(*sizes(draw, 3, 9, 9), **attrs)
    return plain(image, draw(st.integers(1, 6)), draw(st.booleans()), **attrs)


def deformable(
    image: Data, number: int, classes: int, free: bool = True, far: float = 1.0, **attrs: Any
) -> Case:
    """With moves of up to `far` regions."""
    part = attrs.get("part_size") or attrs["pooled_size"]
    trans = Data((number, 2 * classes, part, part), uniform(-far, far))
    given = plain(image, number, **attrs).inputs
    return Case(DEFORMABLE, given if attrs.get("no_trans") else (*given, trans), attrs, free)


def draw_deformable(draw: DrawFn) -> Case:
    classes = draw(st.integers(1, 3))
    attrs = attributes(
        draw,
        DEFORMABLE,
        spatial_scale=SCALES,
        output_dim=classes * draw(st.integers(1, 2)),
        pooled_size=SIZES,
        group_size=SIZES,
        part_size=st.none() | st.integers(0, 4),
        sample_per_part=st.none() | st.integers(1, 3),
        trans_std=st.none() | st.sampled_from([0.1, 1.0]),
    )
    image = data(*sizes(draw, 3, 9, 9), **attrs)
    return deformable(image, draw(st.integers(1, 6)), classes, draw(st.booleans()), **attrs)


#: Corners midway between whole numbers; regions beside the map; ends exchanged.
MIDWAY = (0, 0.5, 1.5, 2.5, 4.5), (0, -0.5, -1.5, 3.5, 5.5)
STRANGE = given_regions(*MIDWAY, (0, -9, -9, -5, -5), (0, 20, 2, 30, 4), (0, 5, 5, 2, 2))

RFCN = {"spatial_scale": 0.0625, "output_dim": 8, "pooled_size": 7, "group_size": 7}
SMALL = {"spatial_scale": 1.0, "output_dim": 2, "pooled_size": 3, "group_size": 3}
SAMPLED = {"sample_per_part": 4, "trans_std": 0.1, **RFCN}
IMAGE, SMALLER = data(1, 20, 30, **RFCN), data(2, 20, 15, **RFCN)
STRANGE_INPUTS = (data(1, 8, 8, **SMALL), STRANGE)

ROWS = [
    Row(
        PLAIN,
        draw_plain,
        {
            "as R-FCN": plain(IMAGE, 12, **RFCN),
            "corners midway, regions outside": Case(PLAIN, STRANGE_INPUTS, SMALL),
        },
    ),
    Row(
        DEFORMABLE,
        draw_deformable,
        {
            "as Deformable R-FCN": deformable(IMAGE, 12, 1, part_size=7, **SAMPLED),
            "as its first pass": deformable(IMAGE, 12, 1, no_trans=True, part_size=7, **SAMPLED),
            "a move for each class": deformable(SMALLER, 5, 4, part_size=3, **SAMPLED),
            "corners midway, regions outside": Case(
                DEFORMABLE, STRANGE_INPUTS, {"no_trans": True, "sample_per_part": 2, **SMALL}
            ),
        },
    ),
]
