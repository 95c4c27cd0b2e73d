"""Normalisation, and layers that only training changes."""

from __future__ import annotations

from typing import Optional

from ...operators import Unsupported
from .builder import SymbolBuilder
from .registry import onnx_operator, renamed
from .values import Constant, Tensor, Value


@onnx_operator("BatchNormalization")
def batch_normalization(
    b: SymbolBuilder,
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Value,
    variance: Value,
    *,
    epsilon: float,
    momentum: float,
) -> Tensor:
    """BatchNorm by the moving statistics, with gamma as stored; a formula if they are computed."""
    if not isinstance(mean, Constant) or not isinstance(variance, Constant):
        return _normalized(b, x, scale, bias, mean, variance, epsilon)
    given = (x, scale, bias, b.auxiliary(mean), b.auxiliary(variance))
    momentum = round(momentum, 6)  # of 0.9 ONNX has float32's 0.8999999761581421
    return b.node("BatchNorm", *given, eps=epsilon, momentum=momentum, fix_gamma=False)


def _normalized(
    b: SymbolBuilder, x: Tensor, scale: Value, bias: Value, mean: Value, variance: Value, eps: float
) -> Tensor:
    shape = (1, -1, *(1,) * (len(x.shape) - 2))
    parts = [b.node("Reshape", v, shape=shape) for v in (scale, bias, mean, variance)]
    deviation = b.node("sqrt", b.node("_plus_scalar", parts[3], scalar=eps))
    centred = b.node("broadcast_sub", x, parts[2])
    scaled = b.node("broadcast_mul", b.node("broadcast_div", centred, deviation), parts[0])
    return b.node("broadcast_add", scaled, parts[1])


renamed("InstanceNormalization", "InstanceNorm", {"epsilon": "eps"})


@onnx_operator("LayerNormalization")
def layer_normalization(
    b: SymbolBuilder,
    data: Tensor,
    gamma: Tensor,
    bias: Optional[Value] = None,
    *,
    axis: int,
    epsilon: float,
) -> Tensor:
    """LayerNorm, which has one axis."""
    rank = len(data.shape)
    if axis not in (-1, rank - 1):
        raise Unsupported(f"axis={axis} of {rank} dimensions; supported: the last one, -1")
    beta = b.node("zeros_like", gamma) if bias is None else bias
    return b.node("LayerNorm", data, gamma, beta, axis=-1, eps=epsilon)


@onnx_operator("LRN")
def local_response_normalization(
    b: SymbolBuilder, x: Value, *, size: int, alpha: float, beta: float, bias: float
) -> Tensor:
    if size % 2 == 0:
        raise Unsupported(f"size={size}; supported in MXNet: odd ones")
    return b.node("LRN", x, nsize=size, alpha=alpha, beta=beta, knorm=bias)


@onnx_operator("LpNormalization")
def lp_normalization(b: SymbolBuilder, data: Tensor, *, axis: int, p: int) -> Tensor:
    length = b.node("norm", data, ord=p, axis=(axis,), keepdims=True)
    return b.node("broadcast_div", data, length)


@onnx_operator("Dropout")
def dropout(
    b: SymbolBuilder, x: Value, ratio: Optional[Value] = None, training: Optional[Value] = None
) -> Tensor:
    """Dropout, which does nothing at inference."""
    if training is not None and not (isinstance(training, Constant) and not training.array.any()):
        raise Unsupported("training_mode; supported: inference")
    number = ratio.number if isinstance(ratio, Constant) else None
    return b.node("Dropout", x, p=0.5 if number is None else number)
