"""Functions of two arrays or more."""

from __future__ import annotations

from typing import Dict, List, Tuple

import numpy as np
from hypothesis import strategies as st

from converters.ops import REGISTRY
from converters.ops.binary import Binary, Broadcast

from .case import Array, Case, Data, DrawFn, Row, Shape, Values, normal, shapes, uniform, whole
from .rows_unary import WHOLE, scaled

TYPES = ("float32", *WHOLE)


def nonzero(random: np.random.Generator, shape: Shape) -> Array:
    """Whole numbers but 0."""
    return random.integers(1, 9, shape) * random.choice([-1, 1], shape)


def positive(random: np.random.Generator, shape: Shape) -> Array:
    return random.integers(1, 9, shape)


def halves(random: np.random.Generator, shape: Shape) -> Array:
    """Few enough for many to be alike, and 0 among them."""
    return random.integers(-4, 5, shape) / 2


def pair(op: str, dtype: str) -> Tuple[Values, Values]:
    """Numbers of which the function is defined, and does not overflow."""
    kind = op.split("_")[-1]
    if dtype == "float32":
        if kind == "power":
            return uniform(0.1, 4), uniform(-3, 3)
        if kind in ("add", "sub", "mul"):
            return normal, scaled(1e-3)
        return (normal, uniform(0.5, 3)) if kind == "div" else (halves, halves)
    small = whole(0, 5)
    signed = whole(-9, 10) if dtype != "uint8" else whole(0, 10)
    if kind == "power":
        return small, whole(0, 3)
    divisor = positive if dtype == "uint8" else nonzero
    return {"div": (signed, divisor), "sub": (positive, whole(0, 2))}.get(kind, (signed, signed))


def ones(draw: DrawFn, shape: Shape) -> Shape:
    """The shape with some sizes of 1, and maybe without its first axes."""
    sizes = tuple(1 if draw(st.booleans()) else d for d in shape)
    return sizes[draw(st.integers(0, len(sizes) - 1)) :]


def row(op: str) -> Row:
    def draw(draw: DrawFn) -> Case:
        first = second = shapes(draw, (1, 4))
        if issubclass(REGISTRY[op], Broadcast):
            second = ones(draw, first)
            if draw(st.booleans()):
                first, second = second, first
        dtype = draw(st.sampled_from(TYPES))
        a, b = pair(op, dtype)
        inputs = (Data(first, a, dtype), Data(second, b, dtype))
        return Case(op, inputs, free=draw(st.booleans()))

    return Row(op, draw, EXAMPLES.get(op, {}), NARROWED.get(op, {}))


def example(op: str, a: Values, b: Values, dtype: str = "float32") -> Case:
    return Case(op, (Data((4, 5, 6), a, dtype), Data((5, 1), b, dtype)))


EXAMPLES: Dict[str, Dict[str, Case]] = {
    "broadcast_mod": {
        "any signs": example("broadcast_mod", uniform(-300, 300), uniform(-30, 30)),
        "whole": example("broadcast_mod", whole(-300, 300), whole(-3, 3), "int32"),
        "0": example("broadcast_mod", whole(-300, 300), whole(0, 1)),
    },
    "broadcast_power": {
        "negative": example("broadcast_power", uniform(-5, 5), whole(-3, 4)),
        "whole": example("broadcast_power", nonzero, whole(-3, 4), "int64"),
    },
    "broadcast_div": {"whole": example("broadcast_div", whole(-100, 100), nonzero, "int32")},
}
NARROWED = {
    op: {"rhs": "MXNet ends with a signal where a whole number is divided by 0"}
    for op in ("elemwise_div", "broadcast_div")
}


def draw_sum(draw: DrawFn) -> Case:
    shape, dtype = shapes(draw, (1, 4)), draw(st.sampled_from(TYPES))
    values = normal if dtype == "float32" else whole(0, 9)
    count = draw(st.integers(1, 4))
    return Case("add_n", (Data(shape, values, dtype),) * count, {"num_args": count})


def draw_where(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    dtype, of = draw(st.sampled_from(TYPES)), draw(st.sampled_from(TYPES))
    condition = shape[:1] if draw(st.booleans()) else shape
    data = Data(shape, whole(0, 9), dtype)
    return Case("where", (Data(condition, whole(0, 2), of), data, data), free=draw(st.booleans()))


ROWS: List[Row] = [
    *(row(op) for op, cls in sorted(REGISTRY.items()) if issubclass(cls, Binary)),
    Row("add_n", draw_sum),
    Row("where", draw_where),
]
