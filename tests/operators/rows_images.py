"""Feature maps of another size, sampling on grids, Gluon's transforms of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from converters.errors import ShapeError
from converters.operators import parse

from .case import MOVABLE, Case, Data, Shape, Stored, case, uniform, whole
from .row import Draw, row

IMAGE = (2, 4, 9, 8)


def upsampling(*shapes: Shape, scale: int = 2, **attrs: Any) -> Case:
    attrs = {"scale": scale, "sample_type": "nearest", "num_args": len(shapes), **attrs}
    return case(*shapes, **attrs)


def bilinear(shape: Shape, scale: int, weights: type = Stored, **more: Any) -> Case:
    kernel = 2 * scale - scale % 2
    attrs = {"scale": scale, "sample_type": "bilinear", "num_args": 2, "num_filter": shape[1]}
    return case(shape, weights((shape[1], 1, kernel, kernel)), **attrs, **more)


@row("UpSampling")
def draw_upsampling(draw: Draw) -> Case:
    scale = draw.number(1, 5)
    shape, free = draw.shape(4), draw.flag()
    if draw.flag():
        return bilinear(shape, scale, draw.choice(Stored, Data), free=free)
    (batch, channels, height, width), maps = shape, [shape]
    attrs = draw.attrs(**dict.fromkeys(("scale", "sample_type", "num_args", "num_filter")))
    for _ in range(draw.number(0, 2)):
        other = channels if attrs.get("multi_input_mode") == "sum" else draw.number(1, 3)
        ratios = [r for r in range(1, scale + 1) if not (height * scale % r or width * scale % r)]
        ratio = draw.choice(*ratios)
        maps.append((batch, other, height * scale // ratio, width * scale // ratio))
    return upsampling(*maps, scale=scale, free=free, **attrs)


MODES = ("size", "odd_scale", "like", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up")


@row("_contrib_BilinearResize2D")
def draw_resize(draw: Draw) -> Case:
    shape, mode, free = draw.shape(4, high=9), draw.choice(*MODES), draw.flag()
    scaled = mode == "odd_scale" or (mode == "size" and draw.flag())
    scales = st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0] if free else [0.7, 0.5, 1.3, 2.0, 0.9])
    stated = dict.fromkeys(("height", "width"), st.integers(1, 12) if mode == "size" else None)
    by = dict.fromkeys(("scale_height", "scale_width"), scales if scaled else None)
    attrs = draw.attrs(mode=mode, **stated, **by)
    like = [draw.shape(4, high=12)] if mode == "like" else []
    try:
        parse(draw.op, {k: str(v) for k, v in attrs.items()}).infer(shape, *like)
    except ShapeError:
        assume(False)
    return case(shape, *like, free=free, **attrs)


SIZES = st.integers(2, 7)
ALONE = "with a single place along an axis MXNet divides by 0"


def matrices(number: int) -> Data:
    """Near to what moves nothing."""
    near, nothing = uniform(-0.4, 0.4), np.array([1, 0, 0, 0, 1, 0])
    return Data((number, 6), lambda random, shape: nothing + near(random, shape), fixed=(1,))


@row("BilinearSampler")
def sampler(draw: Draw) -> Case:
    shape = draw.sizes(3, 3, 7, 7)
    grid = Data((shape[0], 2, draw(SIZES), draw(SIZES)), uniform(-1.6, 1.6))
    return case(shape, grid, free=draw.flag())


@row("GridGenerator", target_shape=ALONE)
def grid_generator(draw: Draw) -> Case:
    attrs = draw.attrs(target_shape=st.tuples(SIZES, SIZES))
    number, affine = draw.number(1, 3), attrs["transform_type"] == "affine"
    data = matrices(number) if affine else (number, 2, draw(SIZES), draw(SIZES))
    return case(data, free=draw.flag(), **attrs)


@row("SpatialTransformer", target_shape=ALONE)
def transformer(draw: Draw) -> Case:
    attrs = draw.attrs(target_shape=st.tuples(SIZES, SIZES))
    shape = draw.sizes(3, 3, 7, 7)
    return case(shape, matrices(shape[0]), free=draw.flag(), **attrs)


@row("_image_to_tensor")
def to_tensor(draw: Draw) -> Case:
    shape = draw.sizes(3, 5, 5, 3)[draw.number(0, 1) :]
    return case(Data(shape, whole(0, 128), draw.choice(*MOVABLE)))


NUMBERS = st.floats(0.125, 2, width=32)
STATED = "MXNet's defaults, of 4 numbers, fit no picture"


@row("_image_normalize", mean=STATED, std=STATED)
def normalize(draw: Draw) -> Case:
    channels = draw.choice(1, 3)
    counts = {name: draw.choice(1, channels) for name in ("mean", "std")}
    stated = {name: st.tuples(*(NUMBERS,) * count) for name, count in counts.items()}
    attrs = draw.attrs(**stated)
    shape = (channels, draw.number(1, 5), draw.number(1, 5))
    several = (draw.number(1, 3),) if draw.flag() else ()
    return case(Data((*several, *shape), fixed=(len(several),)), **attrs)


@row("_image_crop")
def crop(draw: Draw) -> Case:
    begin, size = ([draw.number(least, 4) for _ in range(2)] for least in (0, 1))
    height, width = (begin[a] + size[a] + draw.number(0, 3) for a in (1, 0))
    several = (draw.number(1, 3),) if draw.flag() else ()
    shape = (*several, height, width, draw.choice(1, 3))
    data = Data(shape, fixed=(len(shape) - 1,))
    return case(data, x=begin[0], y=begin[1], width=size[0], height=size[1])


RESIZE, PIXELS = "_contrib_BilinearResize2D", {"align_corners": False}
SEVEN_TENTHS = {"scale_height": 0.7, "scale_width": 0.7}
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
EXAMPLES = {
    "UpSampling nearest": upsampling(IMAGE, scale=3),
    "UpSampling joined": upsampling(IMAGE, (2, 3, 18, 16), IMAGE),
    "UpSampling joined, fixed": upsampling((2, 4, 9, 6), (2, 1, 6, 4), free=False),
    "UpSampling added": upsampling(IMAGE, (2, 4, 18, 16), multi_input_mode="sum"),
    "UpSampling bilinear": bilinear(IMAGE, 2, workspace=256),
    "UpSampling bilinear by 3": bilinear(IMAGE, 3),
    "UpSampling bilinear, computed": bilinear(IMAGE, 4, Data),
    f"{RESIZE} size": case(IMAGE, height=15, width=5),
    f"{RESIZE} size, pixels": case(IMAGE, height=15, width=5, **PIXELS),
    f"{RESIZE} the same size": case(IMAGE, height=9, width=8, **PIXELS),
    f"{RESIZE} one row": case(IMAGE, height=1, width=5, **PIXELS),
    f"{RESIZE} one column, corners": case(IMAGE, height=5, width=1),
    f"{RESIZE} like": case(IMAGE, (1, 2, 15, 5), mode="like"),
    f"{RESIZE} like, pixels": case(IMAGE, (1, 2, 1, 5), mode="like", **PIXELS),
    f"{RESIZE} scale": case(IMAGE, scale_height=1.5, scale_width=0.5),
    f"{RESIZE} scale that float32 rounds up": case((1, 2, 10, 10), free=False, **SEVEN_TENTHS),
    f"{RESIZE} odd_scale": case(IMAGE, mode="odd_scale", scale_height=2, scale_width=0.5),
    **{f"{RESIZE} {mode}": case(IMAGE, mode=mode) for mode in MODES[3:]},
    "_image_to_tensor a picture": case(Data((8, 6, 3), whole(0, 256), "uint8")),
    "_image_normalize ImageNet": case(Data((2, 3, 5, 4), uniform(0, 1)), **IMAGENET),
}
