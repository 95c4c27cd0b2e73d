"""Element by element: one value, or several, whose axes of size 1 are widened."""

from __future__ import annotations

import math
from typing import Dict, List, Optional, Tuple

import numpy as np
import onnx_ir as ir

from ...operators import Unsupported
from ..builder import ONNX_TYPES
from .builder import SymbolBuilder
from .registry import onnx_operator, renamed
from .values import Constant, Tensor, Value, is_stored

#: ONNX's numbers for element types -> NumPy's names.
TYPES = {ir.DataType[onnx_name].value: name for name, onnx_name in ONNX_TYPES.items()}

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
    if not isinstance(value, Constant) or len(value.shape) > len(other.shape):
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
def mod(b: SymbolBuilder, left: Value, right: Value, *, fmod: int) -> Tensor:
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
    ends = [v.number if isinstance(v, Constant) else None for v in (low, high)]
    if ends[0] is not None and ends[1] is not None:
        return b.node("clip", data, a_min=ends[0], a_max=ends[1])
    for end, op_type in ((low, "Max"), (high, "Min")):
        if end is not None:
            data = binary(b, op_type, data, end)
    if data.entry == x.entry:
        raise Unsupported("has neither min nor max; supported: one of them")
    return data


PLAIN = "Abs Ceil Cos Cosh Erf Exp Floor Log Reciprocal Sign Sin Sinh Softsign Sqrt Tan"
for _name in PLAIN.split():
    renamed(_name, _name.lower())
for _name in ("cos", "cosh", "sin", "sinh", "tan", "tanh"):
    renamed(f"A{_name}", f"arc{_name}")
renamed("Identity", "_copy")
renamed("Neg", "negative")
renamed("Not", "logical_not", truth=True)
renamed("Relu", "Activation", act_type="relu")
renamed("Sigmoid", "Activation", act_type="sigmoid")
renamed("Softplus", "Activation", act_type="softrelu")
renamed("Tanh", "Activation", act_type="tanh")
renamed("LeakyRelu", "LeakyReLU", {"alpha": "slope"}, act_type="leaky")
renamed("Elu", "LeakyReLU", {"alpha": "slope"}, act_type="elu")
renamed("HardSigmoid", "hard_sigmoid", {"alpha": "alpha", "beta": "beta"})
renamed("Softmax", "softmax", {"axis": "axis"})
renamed("LogSoftmax", "log_softmax", {"axis": "axis"})


@onnx_operator("IsNaN")
def is_nan(b: SymbolBuilder, data: Tensor) -> Tensor:
    """What differs from itself."""
    return b.node("_not_equal", data, data, out=data.shape, truth=True)


@onnx_operator("Round")
def round_to_even(b: SymbolBuilder, data: Tensor) -> Tensor:
    """MXNet's rint goes down from midway: one more there, where that is odd."""
    down = b.node("rint", data)
    over = b.node("elemwise_sub", data, b.node("floor", data))
    midway = b.node("_equal_scalar", over, scalar=0.5)
    odd = b.node("_mod_scalar", b.node("floor", data), scalar=2.0)
    return b.node("elemwise_add", down, b.node("elemwise_mul", midway, odd), out=data.shape)


@onnx_operator("Selu")
def selu(b: SymbolBuilder, x: Value, *, alpha: float, gamma: float) -> Tensor:
    """gamma * (x above 0, alpha * (e**x - 1) below)."""
    lower = b.node("LeakyReLU", x, act_type="elu", slope=alpha)
    return b.node("_mul_scalar", lower, scalar=gamma)


@onnx_operator("PRelu")
def prelu(b: SymbolBuilder, data: Tensor, slope: Value) -> Tensor:
    """LeakyReLU with a slope for each channel, where the slope's shape is that."""
    rank = len(data.shape)
    if is_stored(slope):
        shape = (1,) * (rank - slope.array.ndim) + slope.array.shape
        if all(d == 1 for axis, d in enumerate(shape) if axis != 1) and len(shape) == rank > 1:
            return b.node("LeakyReLU", data, slope.map(np.ravel), act_type="prelu")
    above = b.node("_maximum_scalar", data, scalar=0.0)
    below = b.node("_minimum_scalar", data, scalar=0.0)
    return binary(b, "Add", above, binary(b, "Mul", below, slope))


@onnx_operator("HardSwish")
def hard_swish(b: SymbolBuilder, data: Tensor) -> Tensor:
    return binary(b, "Mul", data, b.node("hard_sigmoid", data, alpha=1 / 6, beta=0.5))


@onnx_operator("Gelu")
def gelu(b: SymbolBuilder, data: Tensor, *, approximate: str) -> Tensor:
    if approximate == "none":
        return b.node("LeakyReLU", data, act_type="gelu")
    cube = b.node("_mul_scalar", b.node("_power_scalar", data, scalar=3.0), scalar=0.044715)
    inner = b.node("_mul_scalar", b.node("elemwise_add", data, cube), scalar=math.sqrt(2 / math.pi))
    gate = b.node("_plus_scalar", b.node("tanh", inner), scalar=1.0)
    half = b.node("_mul_scalar", data, scalar=0.5)
    return b.node("elemwise_mul", half, gate)


@onnx_operator("Cast")
def cast(b: SymbolBuilder, data: Tensor, *, to: int) -> Tensor:
    """To bool, whether it differs from 0."""
    if to not in TYPES:
        raise Unsupported(f"to={to}; supported: {', '.join(TYPES.values())}")
    if TYPES[to] == "bool":
        if data.truth:
            return b.copy(data)
        return b.node("_not_equal_scalar", data, scalar=0.0, truth=True)
    return b.node("Cast", data, dtype=TYPES[to])
