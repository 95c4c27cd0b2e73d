"""Averages over parts of an image, as many parts as are asked for."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from ..ir.shapes import Dims, Shape, with_axes
from .attributes import Ints
from .emit.onnx_math import OnnxExpr, constant, count_to, size_of
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


@operator("_contrib_AdaptiveAvgPooling2D")
class AdaptiveAvgPooling2D(Operator):
    """(N, C, H, W) -> (N, C, *output_size).

    Part i of n is from floor(i * H / n) to ceil((i + 1) * H / n): parts may overlap.
    Source: src/operator/contrib/adaptive_avg_pooling.cc.
    """

    output_size: Ints = ()  # one number stands for both; none, or more than two, for 1

    allowed = (
        ("output_size", lambda size: len(size) > 2 or min(size, default=1) > 0, "1 or more"),
    )

    def _size(self) -> Tuple[int, int]:
        size = self.output_size if len(self.output_size) in (1, 2) else (1,)
        return size[0], size[-1]

    def infer(self, data: Dims) -> Shape:
        return (*with_axes(data, "(N, C, H, W)")[:2], *self._size())

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        if self._size() == (1, 1):
            return f"{data}.mean((2, 3), keepdim=True)"
        return f"F.adaptive_avg_pool2d({data}, {self._size()})"

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        if self._size() == (1, 1):
            return g.op("GlobalAveragePool", data)
        pairs = list(zip(g.shape(data)[2:], self._size()))
        if all(isinstance(size, int) and size % n == 0 for size, n in pairs):
            kernel = tuple(size // n for size, n in pairs if isinstance(size, int))
            return g.op("AveragePool", data, kernel_shape=kernel, strides=kernel)
        rows, row_counts = _membership(g, data, 2, self._size()[0])
        columns, column_counts = _membership(g, data, 3, self._size()[1])
        means = OnnxExpr(g, data).op("MatMul", columns.transpose(1, 0)) / column_counts
        return (rows.op("MatMul", means) / row_counts.unsqueeze(1)).value


def _membership(g: OnnxBuilder, data: Any, axis: int, parts: int) -> Tuple[OnnxExpr, OnnxExpr]:
    """(parts, size): 1 where a place belongs to a part; (parts,): how many do."""
    number, size, dtype = np.arange(parts), g.shape(data)[axis], g.type(data)
    if isinstance(size, int):
        after = np.arange(size) >= (number * size // parts)[:, None]
        before = np.arange(size) < (-(-(number + 1) * size // parts))[:, None]
        table = (after & before).astype(np.float64)
        return constant(g, table, dtype), constant(g, table.sum(1), dtype)
    length = size_of(g, data, axis)
    first = length.array(number) * length / parts
    end = (length.array(number + 1) * length + (parts - 1)) / parts
    place = count_to(length)
    inside = ~(place < first.unsqueeze(1)) & (place < end.unsqueeze(1))
    return inside.to(dtype), (end - first).to(dtype)
