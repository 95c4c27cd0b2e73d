"""Products of matrices."""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np

from .builder import SymbolBuilder
from .codes import reshaped
from .elementwise import binary, same_rank
from .registry import onnx_operator, renamed
from .values import Constant, Tensor, Value, is_stored


@onnx_operator("Gemm")
def gemm(
    b: SymbolBuilder,
    data: Tensor,
    weight: Value,
    bias: Optional[Value] = None,
    *,
    alpha: float,
    beta: float,
    transA: int,  # noqa: N803 - ONNX's names
    transB: int,  # noqa: N803
) -> Tensor:
    """FullyConnected, where its bias is one for each column."""
    if transA:
        data = b.node("transpose", data, axes=(1, 0))
    rows = _rows(b, weight, bool(transB))
    plain = alpha == beta == 1.0
    if plain and isinstance(bias, Constant) and (bias.array.size,) == rows.shape[:1]:
        column = bias if bias.array.ndim == 1 else bias.map(np.ravel)
        return _connected(b, data, rows, column)
    out = _connected(b, data, rows, None)
    if alpha != 1.0:
        out = b.node("_mul_scalar", out, scalar=alpha)
    if bias is None:
        return out
    more = b.tensor(bias) if beta == 1.0 else b.node("_mul_scalar", bias, scalar=beta)
    return binary(b, "Add", out, more)


def _rows(b: SymbolBuilder, weight: Value, turned: bool) -> Tensor:
    """A row for each output, as FullyConnected has it."""
    if turned:
        return b.tensor(weight)
    if is_stored(weight):
        return b.tensor(weight.map(np.transpose))
    return b.node("transpose", weight, axes=(1, 0))


def _connected(b: SymbolBuilder, data: Tensor, rows: Tensor, bias: Optional[Value]) -> Tensor:
    if not isinstance(rows.shape[0], int):
        out = b.node("dot", data, rows, transpose_b=True)
        return out if bias is None else binary(b, "Add", out, bias)
    more = {"no_bias": bias is None, "flatten": False}
    return b.node("FullyConnected", data, rows, bias, num_hidden=rows.shape[0], **more)


@onnx_operator("MatMul")
def matmul(b: SymbolBuilder, left: Value, right: Value) -> Tensor:
    if is_stored(right) and right.array.ndim == 2:
        return _connected(b, b.tensor(left), _rows(b, right, False), None)
    a, c = b.tensor(left), b.tensor(right)
    if len(a.shape) == 1 or len(c.shape) == 1:
        return _with_vectors(b, a, c)
    (a, left_turned), (c, right_turned) = _turned(b, a), _turned(b, c)
    turns = {"transpose_a": left_turned, "transpose_b": right_turned}
    if len(a.shape) == len(c.shape) == 2:
        return b.node("dot", a, c, **turns)
    a, c = same_rank(b, [a, c])
    for axis in range(len(a.shape) - 2):
        if a.shape[axis] == 1 != c.shape[axis]:
            a = b.node("broadcast_like", a, c, lhs_axes=(axis,), rhs_axes=(axis,))
        elif c.shape[axis] == 1 != a.shape[axis]:
            c = b.node("broadcast_like", c, a, lhs_axes=(axis,), rhs_axes=(axis,))
    if len(a.shape) == 3:
        return b.node("batch_dot", a, c, **turns)
    return b.node("_linalg_gemm2", a, c, **turns)


def _turned(b: SymbolBuilder, matrix: Tensor) -> Tuple[Tensor, Optional[bool]]:
    """What a transpose of the last two axes was made of, as MXNet's products take it."""
    node = b.nodes[matrix.entry[0]]
    rank = len(matrix.shape)
    order = (*range(rank - 2), rank - 1, rank - 2)
    if node.op != "transpose" or node.attrs["axes"] != str(order):
        return matrix, None
    shape = tuple(matrix.shape[axis] for axis in order)
    return Tensor(node.inputs[0], shape, matrix.dtype), True


def _with_vectors(b: SymbolBuilder, a: Tensor, c: Tensor) -> Tensor:
    """A vector is a matrix of one row, or of one column, which is then taken away."""
    shape = (*a.shape[:-1], *c.shape[:-2], *c.shape[-1:][: len(c.shape) - 1])
    if len(a.shape) == 1:
        a = b.node("expand_dims", a, axis=0)
    if len(c.shape) == 1:
        c = b.node("expand_dims", c, axis=1)
    return reshaped(b, matmul(b, a, c), [b.size(dim) for dim in shape])


renamed("Det", "_linalg_det")
