"""Diagonals."""

from __future__ import annotations

from typing import Any, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, show, unify
from .emit.onnx_math import OnnxExpr, count_to, size_of, stack
from .registry import OnnxBuilder, Operator, TorchBuilder, operator
from .shaping import one_axis


@operator("diag")
class Diag(Operator):
    """A vector -> a matrix with it k above the diagonal; (*) -> (*', n): that diagonal of it.

    Source: src/operator/tensor/diag_op-inl.h.
    """

    k: int = 0
    axis1: int = 0
    axis2: int = 1

    def _axes(self, data: Dims) -> Tuple[int, int]:
        axes = one_axis(self.axis1, data), one_axis(self.axis2, data)
        if axes[0] == axes[1]:
            raise ShapeError(f"axis1={self.axis1} and axis2={self.axis2} are one axis")
        return axes

    def infer(self, data: Dims) -> Shape:
        if len(data) == 1:
            known = data[0] + abs(self.k) if isinstance(data[0], int) else None
            return (known if self.k else data[0],) * 2
        first, second = self._axes(data)
        rows, columns = data[first], data[second]
        length: Dim = None
        if isinstance(rows, int) and isinstance(columns, int):
            length = min(rows + min(self.k, 0), columns - max(self.k, 0))
            if length < 1:
                raise ShapeError(f"{show(data)} has no diagonal {self.k}")
        elif rows == columns and not self.k:
            length = unify(rows, columns)
        return (*(d for a, d in enumerate(data) if a not in (first, second)), length)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        if len(g.shape(data)) == 1:
            return self._matrix(g, data)
        first, second = self._axes(g.shape(data))
        others = [a for a in range(len(g.shape(data))) if a not in (first, second)]
        flat = OnnxExpr(g, data).transpose(*others, first, second).reshape(*(0,) * len(others), -1)
        rows, columns = size_of(g, data, first), size_of(g, data, second)
        length = (rows - max(-self.k, 0)).minimum(columns - max(self.k, 0))
        start = self.k if self.k >= 0 else columns * -self.k
        places = count_to(length) * (columns + 1) + start
        return flat.op("Gather", places, axis=len(others)).value

    def _matrix(self, g: OnnxBuilder, data: Any) -> Any:
        """Zeros, into which the vector is written."""
        given, numbers = OnnxExpr(g, data, g.type(data)), count_to(size_of(g, data, 0))
        places = stack([numbers + max(shift, 0) for shift in (-self.k, self.k)], 1)
        size = given.shape() + given.ints((abs(self.k),))
        return given.array(0).expand(size, size).op("ScatterND", places, given).value

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        if len(m.shape(data)) == 1:
            return f"{data}.diag({self.k})"
        return f"{data}.diagonal({self.k}, {self.axis1}, {self.axis2})"
