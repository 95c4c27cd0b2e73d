"""Correlation of two maps at each place and its neighbours, as in FlowNet."""

from __future__ import annotations

from typing import List

from ..ir.shapes import Dims, Shape, window, with_axes
from .emit.computed import Called, takes
from .emit.onnx_math import OnnxExpr, join
from .registry import operator


@operator("Correlation")
class Correlation(Called):
    """(N, C, H, W) twice -> (N, displacements, H', W'): the mean product of a window of the first
    map and the windows of the second around it; without `is_multiply`, their mean distance.

    Source: src/operator/correlation.cc.
    """

    kernel_size: int = 1
    max_displacement: int = 1
    stride1: int = 1  # of the windows
    stride2: int = 1  # of the displacements
    pad_size: int = 0
    is_multiply: bool = True

    function = "correlation"
    positional = (
        "kernel_size",
        "max_displacement",
        "stride1",
        "stride2",
        "pad_size",
        "is_multiply",
    )
    limits = "kernel_size must be odd, as MXNet says"
    hidden_outputs = 2

    allowed = (
        ("kernel_size", lambda n: n > 0 and n % 2, "odd numbers above 0"),
        ("stride1", lambda n: n > 0, "numbers above 0"),
        ("stride2", lambda n: n > 0, "numbers above 0"),
        ("max_displacement", lambda n: n >= 0, "0 and above"),
        ("pad_size", lambda n: n >= 0, "0 and above"),
    )

    @property
    def _begins(self) -> List[int]:
        """Where the second map's part begins, for each displacement along an axis."""
        reach = self.max_displacement // self.stride2 * self.stride2
        middle = self.max_displacement
        return list(range(middle - reach, middle + reach + 1, self.stride2))

    def infer(self, data1: Dims, data2: Dims) -> Shape:
        n, _, height, width = takes("data2", data2, with_axes(data1, "(N, C, H, W)"))
        inner = [
            size + 2 * (self.pad_size - self.max_displacement) if isinstance(size, int) else None
            for size in (height, width)
        ]
        places = (window(size, self.kernel_size, self.stride1, 0) for size in inner)
        return (n, len(self._begins) ** 2, *places)

    def formula(self, data1: OnnxExpr, data2: OnnxExpr) -> OnnxExpr:
        here, there = self._padded(data1), self._padded(data2)
        middle = self.max_displacement
        here = self._part(self._part(here, 2, middle), 3, middle)
        bands = (self._part(there, 2, begin) for begin in self._begins)
        pairs = ((here, self._part(band, 3, left)) for band in bands for left in self._begins)
        terms = (a * b if self.is_multiply else abs(a - b) for a, b in pairs)
        maps = [term.reduced("ReduceMean", 1, keep=True) for term in terms]
        side, strides = (self.kernel_size,) * 2, (self.stride1,) * 2
        return join(maps, 1).op("AveragePool", kernel_shape=side, strides=strides)

    def _padded(self, data: OnnxExpr) -> OnnxExpr:
        pads = (0, 0, self.pad_size, self.pad_size) * 2
        return data.op("Pad", data.ints(pads)) if self.pad_size else data

    def _part(self, data: OnnxExpr, axis: int, begin: int) -> OnnxExpr:
        """Without `max_displacement` lines at either end, but for those from `begin` on."""
        behind = 2 * self.max_displacement - begin
        return data.slice(axis, begin, -behind if behind else None)
