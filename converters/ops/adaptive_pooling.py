"""Averages over parts of an image, as many parts as are asked for."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from ..shape import Dim, Dims, Shape, with_axes
from .attributes import Ints
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


@operator("_contrib_AdaptiveAvgPooling2D")
class AdaptiveAvgPooling2D(Operator):
    """(N, C, H, W) -> (N, C, *output_size).

    Part i of n is from floor(i * H / n) to ceil((i + 1) * H / n): parts may overlap.
    Source: src/operator/contrib/adaptive_avg_pooling.cc.
    """

    output_size: Ints = ()  # one number stands for both; none, or more than two, for 1

    def __post_init__(self) -> None:
        if any(n < 1 for n in self._size()):
            raise Unsupported(f"output_size={self.output_size}; supported: 1 or more")

    def _size(self) -> Tuple[int, int]:
        size = self.output_size
        if len(size) == 2:
            return (size[0], size[1])
        return (size[0], size[0]) if len(size) == 1 else (1, 1)

    def infer(self, data: Dims) -> Shape:
        return (*with_axes(data, "(N, C, H, W)")[:2], *self._size())

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        if self._size() == (1, 1):
            return f"{data}.mean((2, 3), keepdim=True)"
        return f"F.adaptive_avg_pool2d({data}, {self._size()})"

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        if self._size() == (1, 1):
            return g.op("GlobalAveragePool", data)
        sizes = g.shape(data)[2:]
        parts = list(zip(sizes, self._size()))
        if all(isinstance(size, int) and size % n == 0 for size, n in parts):
            kernel = tuple(size // n for size, n in parts if isinstance(size, int))
            return g.op("AveragePool", data, kernel_shape=kernel, strides=kernel)
        rows, row_counts = _membership(g, data, 2, *parts[0])
        columns, column_counts = _membership(g, data, 3, *parts[1])
        sums = g.op("MatMul", data, g.op("Transpose", columns, perm=(1, 0)))
        means = g.op("Div", sums, column_counts)
        row_counts = g.op("Unsqueeze", row_counts, g.ints((1,)))
        return g.op("Div", g.op("MatMul", rows, means), row_counts)


def _membership(g: OnnxBuilder, data: Any, axis: int, size: Dim, parts: int) -> Tuple[Any, Any]:
    """(parts, size): 1 where a place belongs to a part; (parts,): how many do."""
    number = np.arange(parts)
    if isinstance(size, int):
        after = np.arange(size) >= (number * size // parts)[:, None]
        before = np.arange(size) < (-(-(number + 1) * size // parts))[:, None]
        table = (after & before).astype(np.float64)
        return g.constant(table, data), g.constant(table.sum(1), data)
    length = g.op("Gather", g.op("Shape", data), g.constant(np.array(axis)), axis=0)
    count = g.constant(np.array(parts))
    first = g.op("Div", g.op("Mul", g.constant(number), length), count)
    ends = g.op("Add", g.op("Mul", g.constant(number + 1), length), g.constant(np.array(parts - 1)))
    end = g.op("Div", ends, count)
    place = g.op("Range", g.constant(np.array(0)), length, g.constant(np.array(1)))
    column = g.ints((1,))
    outside = g.op("Less", place, g.op("Unsqueeze", first, column))
    reached = g.op("Less", place, g.op("Unsqueeze", end, column))
    inside = g.op("And", g.op("Not", outside), reached)
    dtype = g.type(data)
    return g.cast(inside, dtype), g.cast(g.op("Sub", end, first), dtype)
