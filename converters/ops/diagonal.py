"""Diagonals."""

from __future__ import annotations

from typing import Any, Tuple

from ..errors import ShapeError
from ..shape import Dim, Dims, Shape, merge, show
from .onnx_sizes import count_to, size_of, whole
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
            size = data[0] if not isinstance(data[0], int) else data[0] + abs(self.k)
            size = size if isinstance(size, int) or not self.k else None
            return (size, size)
        first, second = self._axes(data)
        rows, columns = data[first], data[second]
        length: Dim = None
        if isinstance(rows, int) and isinstance(columns, int):
            length = min(rows + min(self.k, 0), columns - max(self.k, 0))
            if length < 1:
                raise ShapeError(f"{show(data)} has no diagonal {self.k}")
        elif rows == columns and not self.k:
            length = merge(rows, columns)
        return (*(d for a, d in enumerate(data) if a not in (first, second)), length)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        if len(g.shape(data)) == 1:
            return self._matrix(g, data)
        first, second = self._axes(g.shape(data))
        others = [a for a in range(len(g.shape(data))) if a not in (first, second)]
        last = g.op("Transpose", data, perm=[*others, first, second])
        flat = g.op("Reshape", last, g.ints((*(0,) * len(others), -1)))
        rows, columns = size_of(g, data, first), size_of(g, data, second)
        height = g.op("Sub", rows, whole(g, max(-self.k, 0)))
        width = g.op("Sub", columns, whole(g, max(self.k, 0)))
        numbers = count_to(g, g.op("Min", height, width))
        along = g.op("Mul", numbers, g.op("Add", columns, whole(g, 1)))
        start = whole(g, self.k) if self.k >= 0 else g.op("Mul", columns, whole(g, -self.k))
        return g.op("Gather", flat, g.op("Add", along, start), axis=len(others))

    def _matrix(self, g: OnnxBuilder, data: Any) -> Any:
        """Zeros, into which the vector is written."""
        numbers = count_to(g, size_of(g, data, 0))
        places = (
            g.op("Unsqueeze", g.op("Add", numbers, whole(g, max(shift, 0))), g.ints((1,)))
            for shift in (-self.k, self.k)
        )
        size = g.op("Add", g.op("Shape", data), g.ints((abs(self.k),)))
        zeros = g.op("Expand", g.scalar(0, data), g.op("Concat", size, size, axis=0))
        return g.op("ScatterND", zeros, g.op("Concat", *places, axis=1), data)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        if len(m.shape(data)) == 1:
            return f"{data}.diag({self.k})"
        return f"{data}.diagonal({self.k}, {self.axis1}, {self.axis2})"
