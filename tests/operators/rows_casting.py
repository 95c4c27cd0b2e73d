"""Operators that change the element type."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, attributes, normal, shapes, whole

FLOATS = ("float16", "float32", "float64")
TYPES = ("float32", "uint8", "int8", "int32", "int64", "bool")


def draw_cast(draw: DrawFn) -> Case:
    dtype = draw(st.sampled_from(TYPES))
    values = normal if dtype == "float32" else whole(0, 3)
    attrs = attributes(draw, "Cast", dtype=st.sampled_from((*TYPES, "float16", "float64")))
    if attrs["dtype"] == "uint8":
        values = whole(0, 9)
    return Case("Cast", (Data(shapes(draw, (1, 4)), values, dtype),), attrs)


def draw_amp_cast(draw: DrawFn) -> Case:
    dtype = draw(st.sampled_from(("float32", "int32")))
    attrs = attributes(draw, "amp_cast", dtype=st.sampled_from(FLOATS[:2]))
    return Case("amp_cast", (Data(shapes(draw, (1, 4)), whole(-9, 9), dtype),), attrs)


def draw_multicast(draw: DrawFn) -> Case:
    count = draw(st.integers(1, 4))
    inputs = tuple(Data(shapes(draw, (1, 4))) for _ in range(count))
    attrs = attributes(draw, "amp_multicast", num_outputs=count)
    return Case("amp_multicast", inputs, attrs)


ROWS = [
    Row(
        "Cast",
        draw_cast,
        narrowed={"data": "what the new type cannot hold is left open by C"},
    ),
    Row("amp_cast", draw_amp_cast, narrowed={"dtype": "only between floating-point types"}),
    Row("amp_multicast", draw_multicast),
]
