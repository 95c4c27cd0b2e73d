"""Functions of an array and a number."""

from __future__ import annotations

from typing import Any, Dict

from hypothesis import strategies as st

from converters.ops import REGISTRY
from converters.ops.scalar import ScalarOperator

from .case import Case, Data, DrawFn, Row, Values, normal, shapes, uniform, whole
from .rows_binary import halves, nonzero, positive
from .rows_unary import WHOLE

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


def row(op: str) -> Row:
    def draw(draw: DrawFn) -> Case:
        dtype = draw(st.sampled_from(("float32", "float32", *WHOLE, "bool")))
        attrs: Dict[str, Any] = {"scalar": draw(numbers(op, dtype))}
        if draw(st.booleans()):
            attrs["is_int"] = draw(st.booleans())
        data = Data(shapes(draw, (1, 4)), values(op, dtype), dtype)
        return Case(op, (data,), attrs, free=draw(st.booleans()))

    return Row(op, draw, EXAMPLES.get(op, {}), NARROWED.get(op, {}))


def example(op: str, scalar: float, numbers: Values, dtype: str = "float32", **attrs: Any) -> Case:
    return Case(op, (Data((4, 5), numbers, dtype),), {"scalar": scalar, **attrs})


EXAMPLES = {
    "_mod_scalar": {
        "0": example("_mod_scalar", 0.0, normal),
        "negative": example("_mod_scalar", -0.7, normal),
        "whole": example("_mod_scalar", -3, whole(-9, 9), "int32"),
        "whole 0": example("_mod_scalar", 0, whole(-9, 9), "int32"),
    },
    "_rmod_scalar": {"negative": example("_rmod_scalar", -7.3, normal)},
    "_plus_scalar": {
        "cut off": example("_plus_scalar", 2.7, whole(-9, 9), "int32"),
        "with a fraction": example("_plus_scalar", 2.7, whole(-9, 9), "int32", is_int=False),
        "truth": example("_plus_scalar", 2.7, whole(0, 2), "bool"),
    },
    "_rpower_scalar": {"negative": example("_rpower_scalar", -2.0, whole(-3, 4))},
    "_power_scalar": {"square": example("_power_scalar", 2, normal)},
    "_equal_scalar": {"some": example("_equal_scalar", 5, whole(0, 9))},
    **{
        op: {"0": example(op, 0.0, halves)}
        for op in ("_logical_and_scalar", "_logical_or_scalar", "_logical_xor_scalar")
    },
}
NARROWED = {
    "_div_scalar": {"scalar": "MXNet ends with a signal where a whole number is divided by 0"},
    "_power_scalar": {"scalar": "of whole numbers, what int64 cannot hold is left open by C"},
}

ROWS = [row(op) for op, cls in sorted(REGISTRY.items()) if issubclass(cls, ScalarOperator)]
