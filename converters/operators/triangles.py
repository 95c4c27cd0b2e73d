"""Triangles of matrices, in a row; and factors, which ONNX has no operators for.

Source: src/operator/tensor/la_op.h, la_op-inl.h (CopyTrian).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, List

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, show
from .matrices import WithTriangle, square
from .products import Matrix, torch_scaled
from .registry import OnnxBuilder, TorchBuilder, Unsupported, Written, operator


@dataclass(frozen=True)
class _Triangle(Matrix):
    """The triangle from a diagonal outwards; `lower` says which if that is the main one.

    A lower one is listed row by row, an upper one column by column.
    """

    offset: int = 0
    lower: bool = True

    @property
    def upper(self) -> bool:
        return self.offset > 0 or (self.offset == 0 and not self.lower)

    def _places(self, size: int) -> npt.NDArray[np.int64]:
        """Of each number of the triangle: its place in the matrix, row by row."""
        rows, columns = np.tril_indices(size, -abs(self.offset))
        places = columns * size + rows if self.upper else rows * size + columns
        return places.astype(np.int64)


@operator("_linalg_extracttrian")
class LinalgExtractTrian(_Triangle):
    """(*, n, n) -> (*, k): the numbers of a triangle."""

    def _size(self, data: Dims) -> int:
        size = square(data)
        if not isinstance(size, int):
            raise Unsupported(f"matrices of {show(data)}: needs a fixed size: --input")
        if abs(self.offset) >= size:
            raise ShapeError(f"has no diagonal {self.offset} in {show(data)}")
        return size

    def infer(self, data: Dims) -> Shape:
        return (*data[:-2], len(self._places(self._size(data))))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        rank = len(g.shape(data))
        flat = g.op("Reshape", data, g.ints((*(0,) * (rank - 2), -1)))
        places = g.constant(self._places(self._size(g.shape(data))))
        return g.op("Gather", flat, places, axis=rank - 2)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        turned = ".mT" if self.upper else ""
        return f"{m.function('triangle_of')}({data}{turned}, {abs(self.offset)})"


@operator("_linalg_maketrian")
class LinalgMakeTrian(_Triangle):
    """(*, k) -> (*, n, n), 0 but for a triangle."""

    def _size(self, data: Dims) -> int:
        count = data[-1] if data else None
        if not isinstance(count, int):
            raise Unsupported(f"triangles of {show(data)}: needs a fixed size: --input")
        inner = (math.isqrt(8 * count + 1) - 1) // 2
        if inner * (inner + 1) // 2 != count:
            raise ShapeError(f"{count} numbers in {show(data)} fill no triangle")
        return inner + abs(self.offset)

    def infer(self, data: Dims) -> Shape:
        size = self._size(data)
        return (*data[:-1], size, size)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        rank, size = len(g.shape(data)), self._size(g.shape(data))
        padded = g.op("Pad", data, g.ints((*(0,) * (2 * rank - 1), 1)))  # a 0 for all the rest
        source = np.full(size * size, g.shape(data)[-1], np.int64)
        places = self._places(size)
        source[places] = np.arange(len(places))
        flat = g.op("Gather", padded, g.constant(source), axis=rank - 1)
        return g.op("Reshape", flat, g.ints((*(0,) * (rank - 1), size, size)))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        given = f"{data}, {self._size(m.shape(data))}, {abs(self.offset)}"
        return f"{m.function('triangle_matrix')}({given}){'.mT' if self.upper else ''}"


class _Factor(Matrix):
    """One that ONNX cannot express."""

    limits = "ONNX, which has no operator for it"

    def to_onnx(self, g: OnnxBuilder, *data: Any) -> Any:
        raise Unsupported("ONNX has no operator for it; supported: --to pytorch")


class _SameSquare(_Factor):
    def infer(self, data: Dims) -> Shape:
        square(data)
        return data


@operator("_linalg_potrf")
class LinalgPotrf(_SameSquare):
    """(*, n, n) -> same: L of A = L L^T, or U of A = U^T U. A's given triangle alone is read."""

    lower: bool = True

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        turned = "" if self.lower else ".mT"
        return f"torch.linalg.cholesky({data}{turned}){turned}"


@operator("_linalg_potri")
class LinalgPotri(_SameSquare):
    """(*, n, n) -> same: the inverse of the matrix whose Cholesky factor is given."""

    lower: bool = True

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        if self.lower:  # torch has a gradient of the other triangle, too, which is not read
            return f"torch.cholesky_inverse({data}.tril())"
        return f"torch.cholesky_inverse({data}.triu(), upper=True)"


@operator("_linalg_inverse")
class LinalgInverse(Written, _SameSquare):
    """(*, n, n) -> same."""

    text = "torch.linalg.inv({0})"


@operator("_linalg_trsm")
class LinalgTrsm(_Factor, WithTriangle):
    """X of A X = alpha B, of which A is a triangle; or of X A = alpha B."""

    def to_pytorch(self, m: TorchBuilder, a: str, b: str) -> str:
        turned = ".mT" if self.transpose else ""
        upper = self.lower == self.transpose
        left = ", left=False" if self.rightside else ""
        scaled = torch_scaled(self.alpha, b)
        return f"torch.linalg.solve_triangular({a}{turned}, {scaled}, upper={upper}{left})"


@operator("_linalg_gelqf")
class LinalgGelqf(Written, _Factor):
    """(*, m, n) -> Q (*, m, n) with orthonormal rows, L (*, m, m): A = L Q, for m <= n."""

    outputs = 2
    text = "lq({0})"

    def infer(self, data: Dims) -> List[Shape]:
        if len(data) < 2:
            raise ShapeError(f"takes matrices (*, m, n), got {show(data)}")
        rows, columns = data[-2:]
        if isinstance(rows, int) and isinstance(columns, int) and rows > columns:
            raise ShapeError(f"takes no more rows than columns, got {show(data)}")
        return [data, (*data[:-2], rows, rows)]


@operator("_linalg_syevd")
class LinalgSyevd(Written, _Factor):
    """(*, n, n) -> U (*, n, n), L (*, n): A = U^T diag(L) U. A's lower triangle alone is read.

    Of each row of U, the number of largest magnitude is positive.
    """

    order_dependent = True
    outputs = 2
    text = "eigenvectors({0})"

    def infer(self, data: Dims) -> List[Shape]:
        size = square(data)
        return [data, (*data[:-2], size)]
