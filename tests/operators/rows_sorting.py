"""Operators that order numbers.

Numbers are distinct: MXNet's sorts leave open which of two equal ones comes first.
"""

from __future__ import annotations

from functools import partial
from math import prod

from hypothesis import strategies as st

from .case import MOVABLE, Case, Data, DrawFn, Row, Shape, attributes, distinct, shapes, whole
from .rows_shaping import any_axis

BOTH = {"ret_typ": "both"}
INDEX = st.sampled_from((None, "float32", "int32", "int64", "uint8"))
TIES = "of equal numbers, MXNet's sorts leave open which comes first"


def numbered(draw: DrawFn, shape: Shape) -> Data:
    dtype = draw(st.sampled_from(("float32", *MOVABLE)))
    if dtype == "float32":
        return Data(shape, distinct)
    count = prod(shape)
    dtype = dtype if count < 128 else "int32"
    return Data(shape, lambda random, size: random.permutation(count).reshape(size) * 1.0, dtype)


def draw_sorted(op: str, draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 3))
    more = {"dtype": INDEX} if op == "argsort" else {}
    attrs = attributes(draw, op, axis=None, **more)
    if draw(st.booleans()):
        attrs["axis"] = draw(st.none() | any_axis(shape))
    return Case(op, (numbered(draw, shape),), attrs)


def draw_topk(draw: DrawFn) -> Case:
    """Lines longer than 8 k are sorted in part only."""
    shape = shapes(draw, (1, 3), high=draw(st.sampled_from((6, 20))))
    axis = draw(st.none() | any_axis(shape))
    size = shape[axis] if axis is not None else 1
    data = numbered(draw, shape)
    attrs = attributes(draw, "topk", axis=None, k=st.integers(0, size), dtype=INDEX)
    attrs["axis"] = axis
    if axis is None and attrs.get("dtype") == "uint8":  # 8000 places at most
        del attrs["dtype"]
    return Case("topk", (data,), attrs)


def draw_extreme(op: str, draw: DrawFn) -> Case:
    """Of equal numbers, the first counts."""
    shape = shapes(draw, (1, 4))
    data = Data(shape, whole(0, 4), draw(st.sampled_from(MOVABLE)))
    return Case(op, (data,), attributes(draw, op, axis=st.none() | any_axis(shape)))


def draw_channel(draw: DrawFn) -> Case:
    return Case("argmax_channel", (Data(shapes(draw, (2, 4)), whole(0, 4)),))


ROWS = [
    *(Row(op, partial(draw_sorted, op), narrowed={"data": TIES}) for op in ("sort", "argsort")),
    Row(
        "topk",
        draw_topk,
        {
            **{
                kind: Case("topk", (Data((3, 40), distinct),), {"ret_typ": kind, "k": 3})
                for kind in ("value", "indices", "both", "mask")
            },
            "values of a type that is cast back come after their indices": Case(
                "topk", (Data((40,), distinct, "int8"),), {**BOTH, "k": 3, "dtype": "int64"}
            ),
        },
        {"data": TIES},
    ),
    *(Row(op, partial(draw_extreme, op)) for op in ("argmax", "argmin")),
    Row("argmax_channel", draw_channel),
]
