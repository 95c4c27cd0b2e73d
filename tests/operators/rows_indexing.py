"""Operators that pick and place elements."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Shape, Stored, Values, attributes, moved, shapes, whole
from .rows_shaping import alike, any_axis, axis_of, plain
from .rows_slicing import draw_ranges

BEYOND = st.sampled_from((0, 3))  # how far indices lie outside their axis


def indices(draw: DrawFn, shape: Shape, low: int, high: int, **more: Any) -> Data:
    """Whole numbers, low <= n < high, of any type that has them."""
    types = ("float32", "int32", "int64", *(("uint8",) if low >= 0 else ()))
    return Data(shape, whole(low, high), draw(st.sampled_from(types)), **more)


def places_in(draw: DrawFn, size: int, beyond: bool = True) -> Data:
    """Indices of an axis of this size, and maybe beyond it."""
    more = draw(BEYOND) if beyond else 0
    return indices(draw, shapes(draw, (1, 3)), -more, size + more)


def draw_take(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    axis = axis_of(draw, len(shape))
    attrs = attributes(draw, "take", axis=axis)
    index = places_in(draw, shape[axis], beyond=attrs.get("mode") != "raise")
    return Case("take", (moved(draw, shape), index), attrs)


def draw_embedding(draw: DrawFn) -> Case:
    rows, width = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    weight = draw(st.sampled_from((Stored, Data)))((rows, width), fixed=(0, 1))
    attrs = {"input_dim": rows, "output_dim": width}
    return Case("Embedding", (places_in(draw, rows), weight), attrs)


def draw_one_hot(draw: DrawFn) -> Case:
    """A type has room for its values."""
    depth = draw(st.integers(1, 6))
    attrs = attributes(draw, "one_hot", depth=depth)
    if attrs.get("dtype") in ("float16", "float64", "bool"):
        del attrs["dtype"]
    if "int" in attrs.get("dtype", ""):
        attrs.update(on_value=draw(st.integers(0, 9)), off_value=draw(st.integers(0, 9)))
    return Case("one_hot", (places_in(draw, depth),), attrs)


def draw_pick(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    axis, beyond = axis_of(draw, len(shape)), draw(BEYOND)
    size = list(shape)
    size[axis : axis % len(shape) + 1] = [] if len(shape) > 1 and draw(st.booleans()) else [1]
    index = indices(draw, tuple(size), -beyond, shape[axis] + beyond)
    return Case("pick", (moved(draw, shape), index), attributes(draw, "pick", axis=axis))


def draw_batch_take(draw: DrawFn) -> Case:
    shape = shapes(draw, 2)
    index = Data(shape[:1], whole(-2, shape[1] + 2), "int32")
    return Case("batch_take", (moved(draw, shape), index))


def coordinates(sizes: Shape, signed: bool = False, unique: bool = False) -> Values:
    """(axes, *) numbers, each within its axis, from either side if signed."""

    def make(random: np.random.Generator, shape: Shape) -> np.ndarray:
        count = int(np.prod(shape[1:]))
        flat = random.choice(int(np.prod(sizes)), count, replace=not unique)
        places = np.array(np.unravel_index(flat, sizes)).reshape(shape)
        turned = random.integers(0, 2, shape) if signed else 0
        return places - turned * np.reshape(sizes, (-1, *(1,) * (len(shape) - 1)))

    return make


TYPES = st.sampled_from(("float32", "int32", "int64"))


def draw_gather_nd(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    depth = draw(st.integers(1, len(shape)))
    values = coordinates(shape[:depth], signed=draw(st.booleans()))
    index = Data((depth, *shapes(draw, (1, 3))), values, draw(TYPES), (0,))
    return Case("gather_nd", (moved(draw, shape), index))


def draw_scatter_nd(draw: DrawFn) -> Case:
    """No place twice: which of the two wins is open."""
    shape = shapes(draw, (1, 4))
    depth = draw(st.integers(1, len(shape)))
    count = draw(st.integers(1, int(np.prod(shape[:depth]))))
    values = coordinates(shape[:depth], unique=True)
    index = Data((depth, count), values, draw(TYPES), (0, 1))
    data = moved(draw, (count, *shape[depth:]), fixed=tuple(range(5)))
    return Case("scatter_nd", (data, index), {"shape": shape})


def draw_index_copy(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 3))
    count = draw(st.integers(1, shape[0]))
    values = coordinates(shape[:1], unique=True)

    old = moved(draw, shape)
    new = Data((count, *shape[1:]), old.values, old.dtype)
    places = Data((count,), lambda random, size: values(random, (1, *size))[0], draw(TYPES))
    return Case("_contrib_index_copy", (old, places, new))


def draw_mask(draw: DrawFn) -> Case:
    """Of 0 and 1, with a 1 at least: the first."""
    shape = shapes(draw, (1, 3), low=2)
    mask = Data(shape[:1], lambda random, size: np.r_[1, random.integers(0, 2, size[0] - 1)])
    return Case("_contrib_boolean_mask", (moved(draw, shape), mask))


def draw_unravel(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    index = indices(draw, shapes(draw, 1), 0, int(np.prod(shape)))
    return Case("_unravel_index", (index,), {"shape": shape})


def draw_ravel(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    index = Data((len(shape), draw(st.integers(1, 5))), coordinates(shape), draw(TYPES), (0,))
    return Case("_ravel_multi_index", (index,), {"shape": shape})


def draw_assign(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    attrs = draw_ranges(draw, shape)
    data = moved(draw, shape)
    cuts = zip(attrs["begin"], attrs["end"], attrs.get("step") or (None,) * len(shape))
    cut = [len(range(*slice(*c).indices(d))) for c, d in zip(cuts, shape)]
    new = Data((*cut, *shape[len(cut) :]), data.values, data.dtype)
    return Case("_slice_assign", (data, new), attrs)


def draw_assign_scalar(draw: DrawFn) -> Case:
    case = draw_assign(draw)
    value = draw(st.sampled_from((0.1, 3) if case.inputs[0].dtype == "float32" else (3, 7)))
    return Case("_slice_assign_scalar", case.inputs[:1], {**case.attrs, "scalar": value})


TWICE = "which of two for one place wins is open"

ROWS = [
    Row("take", draw_take, narrowed={"mode": "raise refuses what is beyond"}),
    Row("Embedding", draw_embedding),
    Row(
        "one_hot",
        draw_one_hot,
        {"values": plain("one_hot", (3, 4), depth=3, on_value=0.1, off_value=-0.7)},
        {"dtype": "MXNet's float32 run makes float64 of other floating-point types"},
    ),
    Row("pick", draw_pick, narrowed={"axis": "MXNet takes no None"}),
    Row("batch_take", draw_batch_take),
    Row("gather_nd", draw_gather_nd),
    Row("scatter_nd", draw_scatter_nd, narrowed={"indices": TWICE}),
    Row("_contrib_index_copy", draw_index_copy, narrowed={"index_vector": TWICE}),
    Row("_contrib_boolean_mask", draw_mask, counted="of what the mask leaves"),
    alike(
        "_contrib_index_array",
        axes=lambda shape: st.none() | st.lists(any_axis(shape), min_size=1, max_size=3).map(tuple),
    ),
    Row("_unravel_index", draw_unravel),
    Row("_ravel_multi_index", draw_ravel),
    Row("_slice_assign", draw_assign),
    Row("_slice_assign_scalar", draw_assign_scalar),
]
