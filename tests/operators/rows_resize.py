"""Feature maps of another size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from converters.errors import ShapeError
from converters.ops import parse

from .case import Case, Data, DrawFn, Row, Shape, Stored, attributes, shapes

IMAGE = (2, 4, 9, 8)


def upsampling(*shapes: Shape, scale: int = 2, **attrs: Any) -> Case:
    attrs = {"scale": scale, "sample_type": "nearest", "num_args": len(shapes), **attrs}
    return Case("UpSampling", tuple(map(Data, shapes)), attrs)


def bilinear(shape: Shape, scale: int, weights: type = Stored, **more: Any) -> Case:
    kernel = 2 * scale - scale % 2
    attrs = {"scale": scale, "sample_type": "bilinear", "num_args": 2, "num_filter": shape[1]}
    inputs = (Data(shape), weights((shape[1], 1, kernel, kernel)))
    return Case("UpSampling", inputs, {**attrs, **more})


def draw_upsampling(draw: DrawFn) -> Case:
    scale = draw(st.integers(1, 5))
    shape, free = shapes(draw, 4), draw(st.booleans())
    if draw(st.booleans()):
        weights = draw(st.sampled_from([Stored, Data]))
        return replace(bilinear(shape, scale, weights), free=free)
    (batch, channels, height, width), maps = shape, [shape]
    fixed = dict.fromkeys(("scale", "sample_type", "num_args", "num_filter"))
    attrs = attributes(draw, "UpSampling", **fixed)
    for _ in range(draw(st.integers(0, 2))):
        other = channels if attrs.get("multi_input_mode") == "sum" else draw(st.integers(1, 3))
        ratios = [r for r in range(1, scale + 1) if not (height * scale % r or width * scale % r)]
        ratio = draw(st.sampled_from(ratios))
        maps.append((batch, other, height * scale // ratio, width * scale // ratio))
    return replace(upsampling(*maps, scale=scale, **attrs), free=free)


def resize(shape: Shape = IMAGE, *like: Shape, free: bool = True, **attrs: Any) -> Case:
    return Case("_contrib_BilinearResize2D", tuple(map(Data, (shape, *like))), attrs, free)


MODES = ("size", "odd_scale", "like", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up")


def draw_resize(draw: DrawFn) -> Case:
    op = "_contrib_BilinearResize2D"
    shape, mode, free = shapes(draw, 4, high=9), draw(st.sampled_from(MODES)), draw(st.booleans())
    scaled = mode == "odd_scale" or (mode == "size" and draw(st.booleans()))
    scales = st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0] if free else [0.7, 0.5, 1.3, 2.0, 0.9])
    stated = dict.fromkeys(("height", "width"), st.integers(1, 12) if mode == "size" else None)
    by = dict.fromkeys(("scale_height", "scale_width"), scales if scaled else None)
    attrs = attributes(draw, op, mode=mode, **stated, **by)
    like = [shapes(draw, 4, high=12)] if mode == "like" else []
    try:
        parse(op, {k: str(v) for k, v in attrs.items()}).infer(shape, *like)
    except ShapeError:
        assume(False)
    return resize(shape, *like, free=free, **attrs)


SEVEN_TENTHS = {"scale_height": 0.7, "scale_width": 0.7}
ROWS = [
    Row(
        "UpSampling",
        draw_upsampling,
        {
            "nearest": upsampling(IMAGE, scale=3),
            "joined": upsampling(IMAGE, (2, 3, 18, 16), IMAGE),
            "joined, fixed": replace(upsampling((2, 4, 9, 6), (2, 1, 6, 4)), free=False),
            "added": upsampling(IMAGE, (2, 4, 18, 16), multi_input_mode="sum"),
            "bilinear": bilinear(IMAGE, 2, workspace=256),
            "bilinear by 3": bilinear(IMAGE, 3),
            "bilinear, computed": bilinear(IMAGE, 4, Data),
        },
    ),
    Row(
        "_contrib_BilinearResize2D",
        draw_resize,
        {
            "size": resize(height=15, width=5),
            "size, pixels": resize(height=15, width=5, align_corners=False),
            "the same size": resize(height=9, width=8, align_corners=False),
            "one row": resize(height=1, width=5, align_corners=False),
            "one column, corners": resize(height=5, width=1),
            "like": resize(IMAGE, (1, 2, 15, 5), mode="like"),
            "like, pixels": resize(IMAGE, (1, 2, 1, 5), mode="like", align_corners=False),
            "scale": resize(scale_height=1.5, scale_width=0.5),
            "scale that float32 rounds up": resize((1, 2, 10, 10), free=False, **SEVEN_TENTHS),
            "odd_scale": resize(mode="odd_scale", scale_height=2, scale_width=0.5),
            **{mode: resize(mode=mode) for mode in MODES[3:]},
        },
    ),
]
