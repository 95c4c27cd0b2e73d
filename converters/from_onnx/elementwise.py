"""Two values and more, element by element; axes of size 1 are widened."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

import numpy as np

from ..ops import Unsupported
from .builder import SymbolBuilder
from .registry import onnx_operator
from .values import Known, Tensor, Value, is_stored

#: ONNX -> MXNet's for equal shapes, and stems of its names: `broadcast_STEM`, with a number
#: behind `_STEM_scalar`, and with a number before.
BINARY: Dict[str, Tuple[str, str, str, str]] = {
    "Add": ("elemwise_add", "add", "plus", "plus"),
    "Sub": ("elemwise_sub", "sub", "minus", "rminus"),
    "Mul": ("elemwise_mul", "mul", "mul", "mul"),
    "Div": ("elemwise_div", "div", "div", "rdiv"),
    "Pow": ("_power", "power", "power", "rpower"),
    "Max": ("_maximum", "maximum", "maximum", "maximum"),
    "Min": ("_minimum", "minimum", "minimum", "minimum"),
    "Mod": ("_mod", "mod", "mod", "rmod"),
    "Equal": ("_equal", "equal", "equal", "equal"),
    "Greater": ("_greater", "greater", "greater", "lesser"),
    "Less": ("_lesser", "lesser", "lesser", "greater"),
    "GreaterOrEqual": ("_greater_equal", "greater_equal", "greater_equal", "lesser_equal"),
    "LessOrEqual": ("_lesser_equal", "lesser_equal", "lesser_equal", "greater_equal"),
    "And": ("_logical_and", "logical_and", "mul", "mul"),
    "Or": ("_logical_or", "logical_or", "maximum", "maximum"),
    "Xor": ("_logical_xor", "logical_xor", "not_equal", "not_equal"),
}
TRUTHS = ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Xor")


def binary(b: SymbolBuilder, op_type: str, left: Value, right: Value) -> Tensor:
    """One of `BINARY`: with a number as an attribute where it is one, as MXNet writes it."""
    equal, broadcast, behind, before = BINARY[op_type]
    truth = op_type in TRUTHS
    for value, other, stem in ((right, left, behind), (left, right, before)):
        number = _scalar(value, other)
        if number is not None and isinstance(other, Tensor):
            return b.node(f"_{stem}_scalar", other, scalar=number, truth=truth)
    a, c = same_type(b, left, right)
    if a.shape == c.shape:
        return b.node(equal, a, c, out=a.shape, truth=truth)
    a, c = same_rank(b, [a, c])
    return b.node(f"broadcast_{broadcast}", a, c, truth=truth)


def _scalar(value: Value, other: Value) -> Optional[float]:
    """The number, if it widens no axis of the other value."""
    if not isinstance(value, Known) or len(value.shape) > len(other.shape):
        return None
    return value.number


def same_type(b: SymbolBuilder, left: Value, right: Value) -> Tuple[Tensor, Tensor]:
    """ONNX's two are of one type; bool is of any in MXNet."""
    a, c = b.tensor(left), b.tensor(right)
    if a.dtype == c.dtype:
        return a, c
    if a.dtype == "bool" or (a.truth and c.dtype != "bool"):
        return b.node("Cast", a, dtype=c.dtype, truth=a.truth), c
    return a, b.node("Cast", c, dtype=a.dtype, truth=c.truth)


def same_rank(b: SymbolBuilder, values: List[Tensor]) -> List[Tensor]:
    """Axes of size 1 in front of those that have fewer."""
    rank = max(len(v.shape) for v in values)
    return [widened_rank(b, value, rank) for value in values]


def widened_rank(b: SymbolBuilder, value: Tensor, rank: int) -> Tensor:
    if len(value.shape) == rank:
        return value
    if not value.shape and rank == 1:  # which is what it is in MXNet
        return Tensor(value.entry, (1,), value.dtype, value.truth)
    if not value.shape:
        return b.node("Reshape", value, shape=(1,) * rank)
    missing = rank - len(value.shape)
    shape = (1,) * missing + value.shape
    for _ in range(missing):
        value = b.node("expand_dims", value, axis=0)
    return Tensor(value.entry, shape, value.dtype, value.truth)


@onnx_operator(*(n for n in BINARY if n not in ("Max", "Min", "Mod")))
def two(b: SymbolBuilder, left: Value, right: Value, *, op_type: str) -> Tensor:
    return binary(b, op_type, left, right)


@onnx_operator("Mod")
def mod(b: SymbolBuilder, left: Value, right: Value, *, fmod: int = 0) -> Tensor:
    """With `fmod` the sign is the dividend's, else the divisor's, as in MXNet."""
    if not fmod:
        return binary(b, "Mod", left, right)
    dividend = b.tensor(left)
    divisor = right.map(np.abs) if is_stored(right) else b.node("abs", right)
    rest = binary(b, "Mod", b.node("abs", dividend), divisor)
    return binary(b, "Mul", b.node("sign", dividend), rest)


@onnx_operator("Max", "Min", "Sum")
def several(b: SymbolBuilder, first: Value, *others: Value, op_type: str) -> Tensor:
    total = first
    for other in others:
        total = binary(b, "Add" if op_type == "Sum" else op_type, total, other)
    return total if isinstance(total, Tensor) and others else b.copy(total)


@onnx_operator("Where")
def where(b: SymbolBuilder, chosen: Tensor, yes: Value, no: Value) -> Tensor:
    """MXNet's takes equal shapes: all three are widened by what has no effect on them."""
    a, c = same_type(b, yes, no)
    if chosen.dtype != a.dtype:
        chosen = b.node("Cast", chosen, dtype=a.dtype)
    if not a.shape == c.shape == chosen.shape:
        parts = same_rank(b, [chosen, a, c])
        chosen, a, c = (_like(b, part, parts) for part in parts)
    return b.node("where", chosen, a, c, out=a.shape, truth=a.truth and c.truth)


def _like(b: SymbolBuilder, value: Tensor, others: List[Tensor]) -> Tensor:
    """`value` with its axes of size 1 as large as the largest of the others."""
    for other in others:
        axes = tuple(
            i for i, (d, o) in enumerate(zip(value.shape, other.shape)) if d == 1 and o != 1
        )
        if axes:
            value = b.node("broadcast_like", value, other, lhs_axes=axes, rhs_axes=axes)
    return value


@onnx_operator("Clip")
def clip(
    b: SymbolBuilder, x: Tensor, low: Optional[Value] = None, high: Optional[Value] = None
) -> Tensor:
    data = x
    ends = [v.number if isinstance(v, Known) else None for v in (low, high)]
    if ends[0] is not None and ends[1] is not None:
        return b.node("clip", data, a_min=ends[0], a_max=ends[1])
    for end, op_type in ((low, "Max"), (high, "Min")):
        if end is not None:
            data = binary(b, op_type, data, end)
    if data.entry == x.entry:
        raise Unsupported("has neither min nor max; supported: one of them")
    return data
