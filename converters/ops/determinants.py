"""Determinants of matrices.

All take a stack of matrices (*, n, n). Source: src/operator/tensor/la_op.h, la_op-inl.h.
"""

from __future__ import annotations

from typing import Any, List

from ..shape import Dims, Shape
from .matrices import Matrix, onnx_diagonal, square
from .registry import OnnxBuilder, TorchBuilder, operator


class Numbers(Matrix):
    """An operator whose outputs have a number for each matrix; (1,) of one matrix."""

    def infer(self, data: Dims) -> List[Shape]:
        square(data)
        return [data[:-2] or (1,)] * self.outputs


@operator("_linalg_sumlogdiag")
class LinalgSumlogdiag(Numbers):
    """(*, n, n) -> (*): the sum of the logarithms of the diagonal."""

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        rank = len(g.shape(data))
        logs = g.op("Log", onnx_diagonal(g, data, 0))
        return g.reduce("ReduceSum", logs, (rank - 2,), rank == 2)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        keep = ", keepdim=True" if len(m.shape(data)) == 2 else ""
        return f"{data}.diagonal(dim1=-2, dim2=-1).log().sum(-1{keep})"


@operator("_linalg_det")
class LinalgDet(Numbers):
    """(*, n, n) -> (*)."""

    hidden_outputs = 2

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        value = g.op("Det", data)
        return g.op("Reshape", value, g.ints((1,))) if len(g.shape(data)) == 2 else value

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        shape = ".reshape(1)" if len(m.shape(data)) == 2 else ""
        return f"torch.linalg.det({data}){shape}"


@operator("_linalg_slogdet")
class LinalgSlogdet(LinalgDet):
    """(*, n, n) -> (*), (*): sign and logarithm of the determinant."""

    limits = "in ONNX, determinants beyond the range of float32 (there is only Det)"
    outputs = 2

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        value = super().to_onnx(g, data)
        return [g.op("Sign", value), g.op("Log", g.op("Abs", value))]

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        stack = f"{data}.unsqueeze(0)" if len(m.shape(data)) == 2 else data
        return f"torch.linalg.slogdet({stack})"
