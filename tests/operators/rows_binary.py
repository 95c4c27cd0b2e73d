"""Functions of two arrays or more, and of an array and a number."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np
from hypothesis import strategies as st

from converters.ops import REGISTRY
from converters.ops.binary import Binary, Broadcast
from converters.ops.scalar import ScalarOperator

from .case import MOVABLE as TYPES
from .case import Array, Case, Data, DrawFn, Row, Shape, Values, normal, shapes, uniform, whole
from .rows_unary import WHOLE, scaled


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


FLOATS = st.sampled_from([0.1, -0.3, 0.5, 1.0, 2.0, -2.5, 3.0, 55.5])
NUMBERS = {"float32": FLOATS, "bool": FLOATS, "uint8": st.sampled_from([0.5, 1, 2.7, 3])}
WHOLE_NUMBERS = st.sampled_from([-2.5, -1, 0, 1, 2, 3.9])


def numbers(op: str, dtype: str) -> st.SearchStrategy[float]:
    """What does not divide by 0, or overflow."""
    if "power" in op:
        return st.sampled_from([0.5, 1.0, 2.0, 3.0])
    given = NUMBERS.get(dtype, WHOLE_NUMBERS)
    return given.filter(lambda s: abs(s) >= 1) if op == "_div_scalar" else given


def values(op: str, dtype: str) -> Values:
    if dtype == "float32":
        if "power" in op:
            return uniform(0.1, 4)
        return uniform(0.5, 3) if op == "_rdiv_scalar" else halves if "a" in op else normal
    if op == "_rdiv_scalar":
        return positive if dtype in ("uint8", "bool") else nonzero
    if op == "_minus_scalar" or "power" in op or dtype in ("uint8", "bool"):
        return whole(5, 9) if op == "_minus_scalar" else whole(0, 3)
    return whole(-5, 6)


def scalar_row(op: str) -> Row:
    def draw(draw: DrawFn) -> Case:
        dtype = draw(st.sampled_from(("float32", "float32", *WHOLE, "bool")))
        attrs: Dict[str, Any] = {"scalar": draw(numbers(op, dtype))}
        if draw(st.booleans()):
            attrs["is_int"] = draw(st.booleans())
        data = Data(shapes(draw, (1, 4)), values(op, dtype), dtype)
        return Case(op, (data,), attrs, free=draw(st.booleans()))

    return Row(op, draw, EXAMPLES.get(op, {}), NARROWED.get(op, {}))


def with_number(op: str, scalar: float, of: Values, dtype: str = "float32", **more: Any) -> Case:
    return Case(op, (Data((4, 5), of, dtype),), {"scalar": scalar, **more})


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
    "_mod_scalar": {
        "0": with_number("_mod_scalar", 0.0, normal),
        "negative": with_number("_mod_scalar", -0.7, normal),
        "whole": with_number("_mod_scalar", -3, whole(-9, 9), "int32"),
        "whole 0": with_number("_mod_scalar", 0, whole(-9, 9), "int32"),
    },
    "_rmod_scalar": {"negative": with_number("_rmod_scalar", -7.3, normal)},
    "_plus_scalar": {
        "cut off": with_number("_plus_scalar", 2.7, whole(-9, 9), "int32"),
        "with a fraction": with_number("_plus_scalar", 2.7, whole(-9, 9), "int32", is_int=False),
        "truth": with_number("_plus_scalar", 2.7, whole(0, 2), "bool"),
    },
    "_rpower_scalar": {"negative": with_number("_rpower_scalar", -2.0, whole(-3, 4))},
    "_power_scalar": {"square": with_number("_power_scalar", 2, normal)},
    "_equal_scalar": {"some": with_number("_equal_scalar", 5, whole(0, 9))},
    **{
        op: {"0": with_number(op, 0.0, halves)}
        for op in ("_logical_and_scalar", "_logical_or_scalar", "_logical_xor_scalar")
    },
}
SIGNAL = "MXNet ends with a signal where a whole number is divided by 0"
NARROWED = {
    **{op: {"rhs": SIGNAL} for op in ("elemwise_div", "broadcast_div")},
    "_div_scalar": {"scalar": SIGNAL},
    "_power_scalar": {"scalar": "of whole numbers, what int64 cannot hold is left open by C"},
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
    *(scalar_row(op) for op, cls in sorted(REGISTRY.items()) if issubclass(cls, ScalarOperator)),
    Row("add_n", draw_sum),
    Row("where", draw_where),
]
