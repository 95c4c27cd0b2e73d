"""Operators that take one or more axes together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Values, attributes, normal, shapes, uniform, whole

TYPES = ("float32", "float32", "float32", "int32", "int64", "int8", "uint8", "bool")
IMAGE = (2, 4, 9, 8)
FEW = (2, 4, 3, 2)  # the error of a long product is a matter of luck


def with_nan(random: np.random.Generator, shape: Any) -> np.ndarray:
    values = random.uniform(0.9, 1.1, shape)
    return np.where(random.uniform(0, 1, shape) < 0.2, np.nan, values)


def numbers(dtype: str, floats: Values = normal) -> Values:
    """Few enough whole numbers that no sum or product of theirs leaves its type's range."""
    if dtype.startswith("float"):
        return floats
    return whole(0, 2) if dtype == "bool" else whole(0 if dtype == "uint8" else -3, 4)


def axes(draw: DrawFn, rank: int, empty: bool = True) -> Any:
    """None, a number, or a tuple of axes; negative ones too."""
    chosen = draw(st.lists(st.integers(0, rank - 1), unique=True, min_size=int(not empty)))
    signed = tuple(a - rank if draw(st.booleans()) else a for a in chosen)
    if len(signed) == 1 and draw(st.booleans()):
        return signed[0]
    return None if not signed and draw(st.booleans()) else signed


def reduction(op: str, values: Values = normal, image: Any = IMAGE) -> Row:
    """axis, keepdims, exclude, over numbers of every type."""

    def draw(draw: DrawFn) -> Case:
        shape, dtype = shapes(draw, (1, 4), high=4), draw(st.sampled_from(TYPES))
        attrs = attributes(draw, op, axis=axes(draw, len(shape)))
        return replace(example(shape, dtype, **attrs), free=draw(st.booleans()))

    def example(shape: Any = image, dtype: str = "float32", **attrs: Any) -> Case:
        return Case(op, (Data(shape, numbers(dtype, values), dtype),), attrs)

    examples = {
        "one axis": example(axis=1),
        "several": example(axis=(2, -1), keepdims=True),
        "all": example(),
        "all kept": example(axis=(), keepdims=True),
        "all but": example(axis=1, exclude=True),
        "none but all": example(axis=(0, 1, 2, 3), exclude=True),
        "all named": example(axis=(3, 2, 1, 0)),
        "of a vector": example((5,), axis=0),
        "whole numbers": example((2, 3, 2), "int32", axis=1),
        "bytes": example((3, 4), "int8", axis=-1),
        "overflowing": Case(op, (Data((4, 3), whole(2**30, 2**31), "int32"),), {"axis": 0}),
        "truth values": example((3, 4), "bool", axis=0, keepdims=True),
    }
    return Row(op, draw, examples)


def case(op: str, shape: Any = IMAGE, dtype: str = "float32", **attrs: Any) -> Case:
    return Case(op, (Data(shape, numbers(dtype), dtype),), attrs)


norm, moments, cumsum = (partial(case, op) for op in ("norm", "moments", "_np_cumsum"))


def draw_norm(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    order = draw(st.sampled_from((None, 1, 2)))
    attrs = attributes(draw, "norm", axis=axes(draw, len(shape)), ord=order, out_dtype=None)
    dtype = draw(st.sampled_from(("float32", "int32") if order == 1 else ("float32",)))
    return norm(shape, dtype, **attrs)


def draw_moments(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4), low=2, high=4)
    dtype = draw(st.sampled_from(("float32", "int32", "int8")))
    attrs = attributes(draw, "moments", axes=axes(draw, len(shape), empty=False))
    return replace(moments(shape, dtype, **attrs), free=draw(st.booleans()))


def draw_cumsum(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4), high=4)
    axis = draw(st.sampled_from((None, *range(len(shape)))))
    dtype = draw(st.sampled_from(("float32", "int32", "int64", "int8", "bool")))
    to = draw(st.sampled_from((None, "float32", "float64", "int32", "int64", "int8")))
    attrs = attributes(draw, "_np_cumsum", axis=axis, dtype=to)
    return Case("_np_cumsum", cumsum(shape, dtype).inputs, attrs, draw(st.booleans()))


ROWS = [
    *(reduction(op) for op in ("sum", "mean", "max", "min")),
    reduction("nansum", with_nan),
    reduction("prod", uniform(0.9, 1.1), FEW),
    reduction("nanprod", with_nan, FEW),
    Row(
        "norm",
        draw_norm,
        {
            "all": norm(),
            "one axis": norm(axis=1),
            "two axes": norm(axis=(2, 3), keepdims=True, ord=1),
            "all kept": norm(keepdims=True, axis=(), ord=2),
            "type stated": norm(axis=-1, out_dtype="float32"),
            "negative": norm((3, 4), ord=1, axis=-2),
        },
        narrowed={"ord": "MXNet has 1 and 2", "out_dtype": "MXNet takes the input's own type only"},
    ),
    Row(
        "moments",
        draw_moments,
        {
            "batch": moments(axes=(0,)),
            "image": moments(axes=(-1, 2), keepdims=True),
            "all": moments((3, 4), axes=(0, 1)),
            "whole numbers": moments((3, 4), "int32", axes=(1,)),
        },
    ),
    Row(
        "_np_cumsum",
        draw_cumsum,
        {
            "flat": cumsum((2, 3, 4)),
            "first axis": cumsum((2, 3, 4), axis=0),
            "last axis": cumsum((2, 3, 4), axis=2, dtype="int64"),
            "truth values": cumsum((5,), "bool"),
            "bytes": cumsum((5, 2), "int8", axis=0),
        },
        narrowed={"axis": "MXNet takes no negative one"},
    ),
]
