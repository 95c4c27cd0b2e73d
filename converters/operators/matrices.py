"""Matrices: products with triangles and with themselves, diagonals, determinants.

All take a stack of matrices (*, m, n). Source: src/operator/tensor/la_op.h, la_op-inl.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, merge_shapes, same, show, unify
from .emit.onnx_math import OnnxExpr, count_along
from .products import LinalgGemm2, Matrix, onnx_scaled, onnx_swapped, torch_product, torch_scaled
from .registry import OnnxBuilder, TorchBuilder, Written, operator
from .slicing import BEHIND


def square(data: Dims) -> Dim:
    """n of (*, n, n).

    Raises:
        ShapeError: these are no square matrices.
    """
    if len(data) < 2 or not same(data[-2], data[-1]):
        raise ShapeError(f"takes square matrices (*, n, n), got {show(data)}")
    return unify(data[-2], data[-1])


def onnx_compared(g: OnnxBuilder, kind: str, data: Any, rank: int, offset: int = 0) -> Any:
    """Of each place of a matrix: is its column Equal to (Less than, ...) its row + offset?"""
    columns = count_along(g, data, rank - 1)
    rows = count_along(g, data, rank - 2).unsqueeze(1)
    return columns.op(kind, rows + offset if offset else rows).value


@dataclass(frozen=True)
class WithTriangle(Matrix):
    """(*, n, n), (*, n, m) -> (*, n, m), of the first of which one triangle is read."""

    transpose: bool = False
    rightside: bool = False  # the triangle is the right one of the two
    lower: bool = True
    alpha: float = 1.0

    def infer(self, a: Dims, b: Dims) -> Shape:
        size = square(a)
        if len(a) != len(b):
            raise ShapeError(f"{show(a)} and {show(b)} must have the same number of axes")
        unify(size, b[-1] if self.rightside else b[-2])
        return (*merge_shapes(a[:-2], b[:-2]), *b[-2:])


@operator("_linalg_trmm")
class LinalgTrmm(WithTriangle):
    """alpha A B, of which A is a triangle; or B A."""

    def to_onnx(self, g: OnnxBuilder, a: Any, b: Any) -> Any:
        rank = len(g.shape(a))
        kind = "LessOrEqual" if self.lower else "GreaterOrEqual"
        part = g.op("Where", onnx_compared(g, kind, a, rank), a, g.scalar(0, like=a))
        pair = (onnx_swapped(g, part, rank, self.transpose), b)
        out = g.op("MatMul", *(pair[::-1] if self.rightside else pair))
        return onnx_scaled(g, out, self.alpha, b)

    def to_pytorch(self, m: TorchBuilder, a: str, b: str) -> str:
        part = f"{a}.{'tril' if self.lower else 'triu'}()"
        if self.rightside:
            return torch_scaled(self.alpha, torch_product(b, part, False, self.transpose))
        return torch_scaled(self.alpha, torch_product(part, b, self.transpose, False))


@operator("_linalg_syrk")
class LinalgSyrk(Matrix):
    """(*, m, n) -> (*, m, m): alpha A A^T, or (*, n, n): alpha A^T A."""

    transpose: bool = False
    alpha: float = 1.0

    @property
    def _product(self) -> LinalgGemm2:
        return LinalgGemm2(self.transpose, not self.transpose, self.alpha)

    def infer(self, data: Dims) -> Shape:
        return self._product.infer(data, data)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return self._product.to_onnx(g, data, data)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return self._product.to_pytorch(m, data, data)


def onnx_diagonal(g: OnnxBuilder, data: Any, offset: int) -> Any:
    """(*, n, n) -> (*, n - |offset|): a sum over each row of what is on the diagonal."""
    rank = len(g.shape(data))
    on = onnx_compared(g, "Equal", data, rank, offset)
    only = g.op("Where", on, data, g.scalar(0, like=data))
    rows = g.reduce("ReduceSum", only, (rank - 1,), False)
    if not offset:
        return rows
    begin, end = (-offset, BEHIND) if offset < 0 else (0, -offset)
    return g.op("Slice", rows, g.ints((begin,)), g.ints((end,)), g.ints((rank - 2,)))


@operator("_linalg_extractdiag")
class LinalgExtractdiag(Written, Matrix):
    """(*, n, n) -> (*, n - |offset|): a diagonal, counted from the main one to the right."""

    offset: int = 0

    text = "{0}.diagonal({self.offset}, dim1=-2, dim2=-1)"

    def infer(self, data: Dims) -> Shape:
        size = square(data)
        if not isinstance(size, int):
            return (*data[:-2], None if self.offset else size)
        if abs(self.offset) >= size:
            raise ShapeError(f"has no diagonal {self.offset} in {show(data)}")
        return (*data[:-2], size - abs(self.offset))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return onnx_diagonal(g, data, self.offset)


@operator("_linalg_makediag")
class LinalgMakediag(Written, Matrix):
    """(*, n) -> (*, n + |offset|, n + |offset|), 0 but for one diagonal."""

    offset: int = 0

    text = "{0}.diag_embed({self.offset})"

    def infer(self, data: Dims) -> Shape:
        size = data[-1]
        if self.offset:
            size = size + abs(self.offset) if isinstance(size, int) else None
        return (*data[:-1], size, size)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        rank = len(g.shape(data))
        outer = (0,) * (rank - 1)
        widths = (*outer, max(0, -self.offset), *outer, max(0, self.offset))
        rows = g.op("Pad", data, g.ints(widths)) if self.offset else data
        index = count_along(g, rows, rank - 1)
        chosen = index.equals(index.unsqueeze(1) + self.offset)
        values = OnnxExpr(g, rows, g.type(data)).unsqueeze(rank)
        return chosen.where(values, 0).value


class Numbers(Matrix):
    """An operator whose outputs have a number for each matrix; (1,) of one matrix."""

    def infer(self, data: Dims) -> list[Shape]:
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
