"""Operators that pick and place elements."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .case import Case, Data, Shape, Stored, Values, case, whole
from .row import Draw, row
from .rows_shaping import any_axis, moving


def indices(draw: Draw, shape: Shape, low: int, high: int, **more: Any) -> Data:
    """Whole numbers, low <= n < high, of any type that has them."""
    types = ("float32", "int32", "int64", *(("uint8",) if low >= 0 else ()))
    return Data(shape, whole(low, high), draw.choice(*types), **more)


def draw_beyond(draw: Draw) -> int:
    """How far indices lie outside their axis."""
    return draw.choice(0, 3)


def places_in(draw: Draw, size: int, beyond: bool = True) -> Data:
    """Indices of an axis of this size, and maybe beyond it."""
    more = draw_beyond(draw) if beyond else 0
    return indices(draw, draw.shape((1, 3)), -more, size + more)


@row("take", mode="raise refuses what is beyond")
def take(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    axis = draw.axis(shape)
    attrs = draw.attrs(axis=axis)
    index = places_in(draw, shape[axis], beyond=attrs.get("mode") != "raise")
    return case(draw.moved(shape), index, **attrs)


@row("Embedding")
def embedding(draw: Draw) -> Case:
    rows, width = draw.number(1, 6), draw.number(1, 5)
    weight = draw.choice(Stored, Data)((rows, width), fixed=(0, 1))
    return case(places_in(draw, rows), weight, input_dim=rows, output_dim=width)


@row("one_hot", dtype="MXNet's float32 run makes float64 of other floating-point types")
def one_hot(draw: Draw) -> Case:
    """A type has room for its values."""
    depth = draw.number(1, 6)
    attrs = draw.attrs(depth=depth)
    if attrs.get("dtype") in ("float16", "float64", "bool"):
        del attrs["dtype"]
    if "int" in attrs.get("dtype", ""):
        attrs.update(on_value=draw.number(0, 9), off_value=draw.number(0, 9))
    return case(places_in(draw, depth), **attrs)


@row("pick", axis="MXNet takes no None")
def pick(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    axis, beyond = draw.axis(shape), draw_beyond(draw)
    size = list(shape)
    size[axis : axis % len(shape) + 1] = [] if len(shape) > 1 and draw.flag() else [1]
    index = indices(draw, tuple(size), -beyond, shape[axis] + beyond)
    return case(draw.moved(shape), index, **draw.attrs(axis=axis))


@row("batch_take")
def batch_take(draw: Draw) -> Case:
    shape = draw.shape(2)
    return case(draw.moved(shape), Data(shape[:1], whole(-2, shape[1] + 2), "int32"))


def coordinates(sizes: Shape, signed: bool = False, unique: bool = False) -> Values:
    """(axes, *) numbers, each within its axis, from either side if signed."""

    def make(random: np.random.Generator, shape: Shape) -> np.ndarray:
        count = int(np.prod(shape[1:]))
        flat = random.choice(int(np.prod(sizes)), count, replace=not unique)
        places = np.array(np.unravel_index(flat, sizes)).reshape(shape)
        turned = random.integers(0, 2, shape) if signed else 0
        return places - turned * np.reshape(sizes, (-1, *(1,) * (len(shape) - 1)))

    return make


TYPES = ("float32", "int32", "int64")


@row("gather_nd")
def gather_nd(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    depth = draw.number(1, len(shape))
    values = coordinates(shape[:depth], signed=draw.flag())
    index = Data((depth, *draw.shape((1, 3))), values, draw.choice(*TYPES), (0,))
    return case(draw.moved(shape), index)


TWICE = "which of two for one place wins is open"


@row("scatter_nd", indices=TWICE)
def scatter_nd(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    depth = draw.number(1, len(shape))
    count = draw.number(1, int(np.prod(shape[:depth])))
    values = coordinates(shape[:depth], unique=True)
    index = Data((depth, count), values, draw.choice(*TYPES), (0, 1))
    data = draw.moved((count, *shape[depth:]), fixed=tuple(range(5)))
    return case(data, index, shape=shape)


@row("_contrib_index_copy", index_vector=TWICE)
def index_copy(draw: Draw) -> Case:
    shape = draw.shape((1, 3))
    count = draw.number(1, shape[0])
    values = coordinates(shape[:1], unique=True)
    old = draw.moved(shape)
    new = Data((count, *shape[1:]), old.values, old.dtype)
    dtype = draw.choice(*TYPES)
    return case(old, Data((count,), lambda r, size: values(r, (1, *size))[0], dtype), new)


@row("_contrib_boolean_mask", counted=True)
def boolean_mask(draw: Draw) -> Case:
    """Of 0 and 1, with a 1 at least: the first."""
    shape = draw.shape((1, 3), low=2)
    mask = Data(shape[:1], lambda random, size: np.r_[1, random.integers(0, 2, size[0] - 1)])
    return case(draw.moved(shape), mask)


@row("_contrib_index_array")
def index_array(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    axes = st.lists(any_axis(shape), min_size=1, max_size=3).map(tuple)
    return moving(draw, shape, axes=st.none() | axes)


@row("_unravel_index")
def unravel_index(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    return case(indices(draw, draw.shape(1), 0, int(np.prod(shape))), shape=shape)


@row("_ravel_multi_index")
def ravel_multi_index(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    size = (len(shape), draw.number(1, 5))
    return case(Data(size, coordinates(shape), draw.choice(*TYPES), (0,)), shape=shape)


EXAMPLES = {"one_hot values": case((3, 4), depth=3, on_value=0.1, off_value=-0.7)}
