"""Determinants of matrices.

All take a stack of matrices (*, n, n). Source: src/operator/tensor/la_op.h, la_op-inl.h.
"""

from __future__ import annotations

from typing import Any, List

from ..shape import Shape
from .matrices import Matrix, onnx_diagonal, square
from .registry import OnnxBuilder, TorchBuilder, operator


@operator("_linalg_sumlogdiag")
class SumOfLogarithms(Matrix):
    """(*, n, n) -> (*): the sum of the logarithms of the diagonal; (1,) of one matrix."""

    def infer(self, data: Shape) -> Shape:
        square(data)
        assert data is not None
        return data[:-2] or (1,)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        rank = len(g.shape(data))
        logs = g.op("Log", onnx_diagonal(g, data, 0))
        return g.reduce("ReduceSum", logs, (rank - 2,), rank == 2)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        keep = ", keepdim=True" if len(m.shape(data)) == 2 else ""
        return f"{data}.diagonal(dim1=-2, dim2=-1).log().sum(-1{keep})"


@operator("_linalg_det")
class Determinant(Matrix):
    """(*, n, n) -> (*); (1,) of one matrix."""

    def stored_outputs(self) -> int:
        return 3

    def infer(self, data: Shape) -> Shape:
        square(data)
        assert data is not None
        return data[:-2] or (1,)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        value = g.op("Det", data)
        return g.op("Reshape", value, g.ints((1,))) if len(g.shape(data)) == 2 else value

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        shape = ".reshape(1)" if len(m.shape(data)) == 2 else ""
        return f"torch.linalg.det({data}){shape}"


@operator("_linalg_slogdet")
class LogDeterminant(Matrix):
    """(*, n, n) -> (*), (*): sign and logarithm of the determinant; (1,) of one matrix."""

    limits = "in ONNX, determinants beyond the range of float32 (there is only Det)"

    def visible_outputs(self) -> int:
        return 2

    def stored_outputs(self) -> int:
        return 4

    def infer(self, data: Shape) -> List[Shape]:
        square(data)
        assert data is not None
        return [data[:-2] or (1,)] * 2

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        value = g.op("Det", data)
        if len(g.shape(data)) == 2:
            value = g.op("Reshape", value, g.ints((1,)))
        return [g.op("Sign", value), g.op("Log", g.op("Abs", value))]

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        whole = f"{data}.unsqueeze(0)" if len(m.shape(data)) == 2 else data
        return f"torch.linalg.slogdet({whole})"
