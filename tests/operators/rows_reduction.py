"""Operators that take one or more axes together, or order numbers along one.

Numbers to sort are distinct: MXNet's sorts leave open which of two equal ones comes first.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .case import MOVABLE, Case, Data, Shape, Values, case, distinct, normal, uniform, whole
from .row import Draw, row

TYPES = ("float32", "float32", "float32", "int32", "int64", "int8", "uint8", "bool")
IMAGE = (2, 4, 9, 8)
FEW = (2, 4, 3, 2)  # the error of a long product is a matter of luck


def with_nan(random: np.random.Generator, shape: Any) -> np.ndarray:
    values = random.uniform(0.9, 1.1, shape)
    return np.where(random.uniform(0, 1, shape) < 0.2, np.nan, values)


def numbers(shape: Shape, dtype: str = "float32", floats: Values = normal) -> Data:
    """Few enough whole numbers that no sum or product of theirs leaves its type's range."""
    if dtype.startswith("float"):
        return Data(shape, floats, dtype)
    low, high = (0, 2) if dtype == "bool" else (0 if dtype == "uint8" else -3, 4)
    return Data(shape, whole(low, high), dtype)


def axes(draw: Draw, rank: int, empty: bool = True) -> Any:
    """None, a number, or a tuple of axes; negative ones too."""
    chosen = draw(st.lists(st.integers(0, rank - 1), unique=True, min_size=int(not empty)))
    signed = tuple(a - rank if draw.flag() else a for a in chosen)
    if len(signed) == 1 and draw.flag():
        return signed[0]
    return None if not signed and draw.flag() else signed


#: Operator -> its float32 numbers, and the largest shape of an example.
REDUCTIONS = {
    **dict.fromkeys(("sum", "mean", "max", "min"), (normal, IMAGE)),
    "nansum": (with_nan, IMAGE),
    "prod": (uniform(0.9, 1.1), FEW),
    "nanprod": (with_nan, FEW),
}


@row(*REDUCTIONS)
def reduction(draw: Draw) -> Case:
    """axis, keepdims, exclude, over numbers of every type."""
    shape, dtype = draw.shape((1, 4), high=4), draw.choice(*TYPES)
    attrs = draw.attrs(axis=axes(draw, len(shape)))
    return case(numbers(shape, dtype, REDUCTIONS[draw.op][0]), **attrs, free=draw.flag())


@row("norm", ord="MXNet has 1 and 2", out_dtype="MXNet takes the input's own type only")
def norm(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    order = draw.choice(None, 1, 2)
    attrs = draw.attrs(axis=axes(draw, len(shape)), ord=order, out_dtype=None)
    dtype = draw.choice(*("float32", "int32") if order == 1 else ("float32",))
    return case(numbers(shape, dtype), **attrs)


@row("moments")
def moments(draw: Draw) -> Case:
    shape = draw.shape((1, 4), low=2, high=4)
    dtype = draw.choice("float32", "int32", "int8")
    attrs = draw.attrs(axes=axes(draw, len(shape), empty=False))
    return case(numbers(shape, dtype), **attrs, free=draw.flag())


@row("_np_cumsum", axis="MXNet takes no negative one")
def cumsum(draw: Draw) -> Case:
    shape = draw.shape((1, 4), high=4)
    axis = draw.choice(None, *range(len(shape)))
    dtype = draw.choice("float32", "int32", "int64", "int8", "bool")
    to = draw.choice(None, "float32", "float64", "int32", "int64", "int8")
    return case(numbers(shape, dtype), **draw.attrs(axis=axis, dtype=to), free=draw.flag())


INDEX = st.sampled_from((None, "float32", "int32", "int64", "uint8"))
TIES = "of equal numbers, MXNet's sorts leave open which comes first"


def numbered(draw: Draw, shape: Shape) -> Data:
    dtype = draw.choice("float32", *MOVABLE)
    if dtype == "float32":
        return Data(shape, distinct)
    count = prod(shape)
    dtype = dtype if count < 128 else "int32"
    return Data(shape, lambda random, size: random.permutation(count).reshape(size) * 1.0, dtype)


def any_axis(draw: Draw, shape: Shape) -> Any:
    return draw(st.none() | st.integers(-len(shape), len(shape) - 1))


@row("sort", "argsort", data=TIES)
def sort(draw: Draw) -> Case:
    shape = draw.shape((1, 3))
    attrs = draw.attrs(axis=None, dtype=INDEX)
    if draw.flag():
        attrs["axis"] = any_axis(draw, shape)
    return case(numbered(draw, shape), **attrs)


@row("topk", data=TIES)
def topk(draw: Draw) -> Case:
    """Lines longer than 8 k are sorted in part only."""
    shape = draw.shape((1, 3), high=draw.choice(6, 20))
    axis = any_axis(draw, shape)
    size = shape[axis] if axis is not None else 1
    data = numbered(draw, shape)
    attrs = {**draw.attrs(axis=None, k=st.integers(0, size), dtype=INDEX), "axis": axis}
    if axis is None and attrs.get("dtype") == "uint8":  # 8000 places at most
        del attrs["dtype"]
    return case(data, **attrs)


@row("argmax", "argmin")
def extreme(draw: Draw) -> Case:
    """Of equal numbers, the first counts."""
    shape = draw.shape((1, 4))
    data = Data(shape, whole(0, 4), draw.choice(*MOVABLE))
    return case(data, **draw.attrs(axis=any_axis(draw, shape)))


@row("argmax_channel")
def argmax_channel(draw: Draw) -> Case:
    return case(Data(draw.shape((2, 4)), whole(0, 4)))


EXAMPLES = {
    **{
        f"{op} {name}": case(numbers(shape, dtype, values), **attrs)
        for op, (values, image) in REDUCTIONS.items()
        for name, shape, dtype, attrs in (
            ("one axis", image, "float32", {"axis": 1}),
            ("several", image, "float32", {"axis": (2, -1), "keepdims": True}),
            ("all", image, "float32", {}),
            ("all kept", image, "float32", {"axis": (), "keepdims": True}),
            ("all but", image, "float32", {"axis": 1, "exclude": True}),
            ("none but all", image, "float32", {"axis": (0, 1, 2, 3), "exclude": True}),
            ("all named", image, "float32", {"axis": (3, 2, 1, 0)}),
            ("of a vector", (5,), "float32", {"axis": 0}),
            ("whole numbers", (2, 3, 2), "int32", {"axis": 1}),
            ("bytes", (3, 4), "int8", {"axis": -1}),
            ("truth values", (3, 4), "bool", {"axis": 0, "keepdims": True}),
        )
    },
    f"{','.join(REDUCTIONS)} overflowing": case(Data((4, 3), whole(2**30, 2**31), "int32"), axis=0),
    "norm all": case(IMAGE),
    "norm one axis": case(IMAGE, axis=1),
    "norm two axes": case(IMAGE, axis=(2, 3), keepdims=True, ord=1),
    "norm all kept": case(IMAGE, keepdims=True, axis=(), ord=2),
    "norm type stated": case(IMAGE, axis=-1, out_dtype="float32"),
    "norm negative": case((3, 4), ord=1, axis=-2),
    "moments batch": case(IMAGE, axes=(0,)),
    "moments image": case(IMAGE, axes=(-1, 2), keepdims=True),
    "moments all": case((3, 4), axes=(0, 1)),
    "moments whole numbers": case(numbers((3, 4), "int32"), axes=(1,)),
    "_np_cumsum flat": case((2, 3, 4)),
    "_np_cumsum first axis": case((2, 3, 4), axis=0),
    "_np_cumsum last axis": case(numbers((2, 3, 4), "int64"), axis=2),
    "_np_cumsum truth values": case(numbers((5,), "bool")),
    "_np_cumsum bytes": case(numbers((5, 2), "int8"), axis=0),
    "sort along an axis": case(Data((3, 5), distinct), axis=1),
    **{
        f"topk {kind}": case(Data((3, 40), distinct), ret_typ=kind, k=3)
        for kind in ("value", "indices", "both", "mask")
    },
    "topk values of a type that is cast back come after their indices": case(
        Data((40,), distinct, "int8"), ret_typ="both", k=3, dtype="int64"
    ),
}
