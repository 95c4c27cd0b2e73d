"""The Khatri-Rao product, and another way to store the same numbers."""

from __future__ import annotations

from typing import Any, Literal

from ..errors import ShapeError
from ..shape import Dims, Shape, merge, product, same, show
from .registry import OnnxBuilder, Operator, SameShape, TorchBuilder, operator


@operator("khatri_rao", ignores=("num_args",))
class KhatriRao(Operator):
    """(A, K), (B, K), ... -> (A * B * ..., K): Kronecker products of columns.

    Source: src/operator/contrib/krprod.cc.
    """

    def infer(self, *args: Dims) -> Shape:
        rows, columns = [], args[0][-1] if args[0] else None
        for matrix in args:
            if len(matrix) != 2 or not same(matrix[1], columns):
                raise ShapeError(f"takes matrices of equally many columns, got {show(matrix)}")
            rows.append(matrix[0])
            columns = merge(columns, matrix[1])
        return (product(rows), columns)

    def to_onnx(self, g: OnnxBuilder, *args: Any) -> Any:
        value = args[0]
        for other in args[1:]:
            pair = g.op("Unsqueeze", value, g.ints((1,))), g.op("Unsqueeze", other, g.ints((0,)))
            columns = g.op("Slice", g.op("Shape", other), g.ints((1,)), g.ints((2,)))
            rows = g.op("Concat", g.ints((-1,)), columns, axis=0)
            value = g.op("Reshape", g.op("Mul", *pair), rows)
        return value

    def to_pytorch(self, m: TorchBuilder, *args: str) -> str:
        value = args[0]
        for other in args[1:]:
            value = f"({value}.unsqueeze(1) * {other}).flatten(0, 1)"
        return value


@operator("cast_storage")
class CastStorage(SameShape):
    """(*) -> same: the numbers of a sparse array are those of the dense one."""

    stype: Literal["default", "csr", "row_sparse"]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return data

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return data
