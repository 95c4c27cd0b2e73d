"""One value, element by element."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ..onnx_builder import ONNX_TYPES
from ..ops import Unsupported
from .builder import SymbolBuilder
from .elementwise import binary
from .registry import onnx_operator, renamed
from .values import Tensor, Value, is_stored

#: What ONNX's Selu has where nothing is stated: alpha and gamma, of float32.
SELU = (1.67326319217681884765625, 1.05070102214813232421875)
#: ONNX's numbers for element types -> NumPy's names.
TYPES = {ir.DataType[onnx_name].value: name for name, onnx_name in ONNX_TYPES.items()}


PLAIN = "Abs Ceil Cos Cosh Erf Exp Floor Log Reciprocal Sign Sin Sinh Softsign Sqrt Tan"
for _name in PLAIN.split():
    renamed(_name, _name.lower())
for _name in ("cos", "cosh", "sin", "sinh", "tan", "tanh"):
    renamed(f"A{_name}", f"arc{_name}")
renamed("Identity", "_copy")
renamed("Neg", "negative")
renamed("Relu", "Activation", act_type="relu")
renamed("Sigmoid", "Activation", act_type="sigmoid")
renamed("Softplus", "Activation", act_type="softrelu")
renamed("Tanh", "Activation", act_type="tanh")
renamed("LeakyRelu", "LeakyReLU", {"alpha": ("slope", 0.01)}, act_type="leaky")
renamed("Elu", "LeakyReLU", {"alpha": ("slope", 1.0)}, act_type="elu")
renamed("HardSigmoid", "hard_sigmoid", {"alpha": ("alpha", 0.2), "beta": ("beta", 0.5)})
renamed("Softmax", "softmax", {"axis": ("axis", -1)})
renamed("LogSoftmax", "log_softmax", {"axis": ("axis", -1)})


@onnx_operator("Not")
def negation(b: SymbolBuilder, data: Tensor) -> Tensor:
    return b.node("logical_not", data, truth=True)


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
def selu(b: SymbolBuilder, x: Value, *, alpha: float = SELU[0], gamma: float = SELU[1]) -> Tensor:
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
def gelu(b: SymbolBuilder, data: Tensor, *, approximate: str = "none") -> Tensor:
    if approximate == "none":
        return b.node("LeakyReLU", data, act_type="gelu")
    cube = b.node("_mul_scalar", b.node("_power_scalar", data, scalar=3.0), scalar=0.044715)
    inner = b.node("_mul_scalar", b.node("elemwise_add", data, cube), scalar=math.sqrt(2 / math.pi))
    gate = b.node("_plus_scalar", b.node("tanh", inner), scalar=1.0)
    half = b.node("_mul_scalar", data, scalar=0.5)
    return b.node("elemwise_mul", half, gate)


@onnx_operator("Cast")
def cast(b: SymbolBuilder, data: Tensor, *, to: int, saturate: int = 1) -> Tensor:
    """To bool, whether it differs from 0."""
    if to not in TYPES:
        raise Unsupported(f"to={to}; supported: {', '.join(TYPES.values())}")
    if TYPES[to] == "bool":
        if data.truth:
            return b.copy(data)
        return b.node("_not_equal_scalar", data, scalar=0.0, truth=True)
    return b.node("Cast", data, dtype=TYPES[to])
