"""Functions of two arrays or more, and of an array and a number."""

from __future__ import annotations

from typing import Any, Dict, Tuple

import numpy as np
from hypothesis import strategies as st

from converters.operators import REGISTRY
from converters.operators.binary import Binary, Broadcast
from converters.operators.scalar import ScalarOperator

from .case import HUGE, TINY, Array, Case, Data, Shape, Values, case, normal, times, uniform, whole
from .case import MOVABLE as TYPES
from .row import Draw, row
from .rows_elementwise import WHOLE


def nonzero(random: np.random.Generator, shape: Shape) -> Array:
    """Whole numbers but 0."""
    return random.integers(1, 9, shape) * random.choice([-1, 1], shape)


def positive(random: np.random.Generator, shape: Shape) -> Array:
    return random.integers(1, 9, shape)


def halves(random: np.random.Generator, shape: Shape) -> Array:
    """Few enough for many to be alike, and 0 among them."""
    return random.integers(-4, 5, shape) / 2


def pair(op: str, dtype: str, scale: float) -> Tuple[Values, Values]:
    """Numbers of which the function is defined, and does not overflow."""
    kind = op.split("_")[-1]
    if dtype == "float32":
        if kind == "power":
            return times(scale, uniform(0.1, 4)), uniform(-2, 2)
        if kind in ("add", "sub", "mul"):
            return normal, normal
        alike = times(scale, halves)
        return (normal, times(scale, uniform(0.5, 3))) if kind == "div" else (alike, alike)
    small = whole(0, 5)
    signed = whole(-9, 10) if dtype != "uint8" else whole(0, 10)
    if kind == "power":
        return small, whole(0, 3)
    divisor = positive if dtype == "uint8" else nonzero
    return {"div": (signed, divisor), "sub": (positive, whole(0, 2))}.get(kind, (signed, signed))


def ones(draw: Draw, shape: Shape) -> Shape:
    """The shape with some sizes of 1, and maybe without its first axes."""
    sizes = tuple(1 if draw.flag() else d for d in shape)
    return sizes[draw.number(0, len(sizes) - 1) :]


SIGNAL = "MXNet ends with a signal where a whole number is divided by 0"
BINARY = [op for op, cls in sorted(REGISTRY.items()) if issubclass(cls, Binary)]
SCALAR = [op for op, cls in sorted(REGISTRY.items()) if issubclass(cls, ScalarOperator)]


@row("elemwise_div", "broadcast_div", rhs=SIGNAL)
@row(*(op for op in BINARY if op not in ("elemwise_div", "broadcast_div")))
def binary(draw: Draw) -> Case:
    first = second = draw.shape((1, 4))
    if issubclass(REGISTRY[draw.op], Broadcast):
        second = ones(draw, first)
        if draw.flag():
            first, second = second, first
    dtype = draw.choice(*TYPES)
    a, b = pair(draw.op, dtype, draw.choice(1, TINY, HUGE))
    return case(Data(first, a, dtype), Data(second, b, dtype), free=draw.flag())


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
        ties = "mul" not in op and "minus" not in op and "plus" not in op
        return uniform(0.5, 3) if op == "_rdiv_scalar" else halves if ties else normal
    if op == "_rdiv_scalar":
        return positive if dtype in ("uint8", "bool") else nonzero
    if op == "_minus_scalar" or "power" in op or dtype in ("uint8", "bool"):
        return whole(5, 9) if op == "_minus_scalar" else whole(0, 3)
    return whole(-5, 6)


@row("_div_scalar", scalar=SIGNAL)
@row("_power_scalar", scalar="of whole numbers, what int64 cannot hold is left open by C")
@row(*(op for op in SCALAR if op not in ("_div_scalar", "_power_scalar")))
def with_number(draw: Draw) -> Case:
    dtype = draw.choice("float32", "float32", *WHOLE, "bool")
    attrs: Dict[str, Any] = {"scalar": draw(numbers(draw.op, dtype))}
    if draw.flag():
        attrs["is_int"] = draw.flag()
    given = values(draw.op, dtype)
    if given is halves:
        given = draw.choice(halves, times(TINY, halves), times(HUGE, halves))
    return case(Data(draw.shape((1, 4)), given, dtype), **attrs, free=draw.flag())


@row("add_n")
def add_n(draw: Draw) -> Case:
    shape, dtype = draw.shape((1, 4)), draw.choice(*TYPES)
    values = normal if dtype == "float32" else whole(0, 9)
    count = draw.number(1, 4)
    return case(*(Data(shape, values, dtype),) * count, num_args=count)


@row("where")
def where(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    dtype, of = draw.choice(*TYPES), draw.choice(*TYPES)
    condition = shape[:1] if draw.flag() else shape
    data = Data(shape, whole(0, 9), dtype)
    return case(Data(condition, whole(0, 2), of), data, data, free=draw.flag())


def two(a: Values, b: Values, dtype: str = "float32") -> Case:
    return case(Data((4, 5, 6), a, dtype), Data((5, 1), b, dtype))


def one(scalar: float, of: Values, dtype: str = "float32", **more: Any) -> Case:
    return case(Data((4, 5), of, dtype), scalar=scalar, **more)


LOGICAL = "_logical_and_scalar,_logical_or_scalar,_logical_xor_scalar"
EXAMPLES = {
    "broadcast_mod any signs": two(uniform(-300, 300), uniform(-30, 30)),
    "broadcast_mod whole": two(whole(-300, 300), whole(-3, 3), "int32"),
    "broadcast_mod 0": two(whole(-300, 300), whole(0, 1)),
    "broadcast_power negative": two(uniform(-5, 5), whole(-3, 4)),
    "broadcast_power whole": two(nonzero, whole(-3, 4), "int64"),
    "broadcast_div whole": two(whole(-100, 100), nonzero, "int32"),
    "_mod_scalar 0": one(0.0, normal),
    "_mod_scalar negative": one(-0.7, normal),
    "_mod_scalar whole": one(-3, whole(-9, 9), "int32"),
    "_mod_scalar whole 0": one(0, whole(-9, 9), "int32"),
    "_rmod_scalar negative": one(-7.3, normal),
    "_plus_scalar cut off": one(2.7, whole(-9, 9), "int32"),
    "_plus_scalar with a fraction": one(2.7, whole(-9, 9), "int32", is_int=False),
    "_plus_scalar truth": one(2.7, whole(0, 2), "bool"),
    "_rpower_scalar negative": one(-2.0, whole(-3, 4)),
    "_power_scalar square": one(2, normal),
    "_equal_scalar some": one(5, whole(0, 9)),
    f"{LOGICAL} 0": one(0.0, halves),
}
