"""How alike two maps are, at each place and at places around it: FlowNet's layer."""

from __future__ import annotations

from typing import Any, List

from ..errors import ShapeError
from ..python_text import literal
from ..shape import Dims, Shape, compatible, merge, show, window
from .onnx_math import Formula, formula, join, result
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


@operator("Correlation")
class Correlation(Operator):
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

    limits = "kernel_size must be odd, as MXNet says"

    hidden_outputs = 2

    def __post_init__(self) -> None:
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise Unsupported(f"kernel_size={self.kernel_size}; supported: odd numbers above 0")
        for name in ("stride1", "stride2"):
            if getattr(self, name) < 1:
                raise Unsupported(f"{name}={getattr(self, name)}; supported: numbers above 0")
        for name in ("max_displacement", "pad_size"):
            if getattr(self, name) < 0:
                raise Unsupported(f"{name}={getattr(self, name)}; supported: 0 and above")

    @property
    def _begins(self) -> List[int]:
        """Where the second map's part begins, for each displacement along an axis."""
        reach = self.max_displacement // self.stride2 * self.stride2
        middle = self.max_displacement
        return list(range(middle - reach, middle + reach + 1, self.stride2))

    def infer(self, data1: Dims, data2: Dims) -> Shape:
        if len(data1) != 4 or not compatible(data1, data2):
            raise ShapeError(f"takes NxCxHxW twice, got {show(data1)} and {show(data2)}")
        n, _, height, width = map(merge, data1, data2)
        inner = [
            size + 2 * (self.pad_size - self.max_displacement) if isinstance(size, int) else None
            for size in (height, width)
        ]
        places = (window(size, self.kernel_size, self.stride1, 0) for size in inner)
        return (n, len(self._begins) ** 2, *places)

    def to_onnx(self, g: OnnxBuilder, data1: Any, data2: Any) -> Any:
        here, there = (self._padded(formula(g, data)) for data in (data1, data2))
        middle = self.max_displacement
        here = self._part(self._part(here, 2, middle), 3, middle)
        maps = []
        for begin in self._begins:
            rows = self._part(there, 2, begin)
            for left in self._begins:
                maps.append(self._alike(here, self._part(rows, 3, left)))
        side = (self.kernel_size, self.kernel_size)
        strides = (self.stride1, self.stride1)
        alike = join(maps, 1).op("AveragePool", kernel_shape=side, strides=strides)
        return result(alike)

    def _padded(self, data: Formula) -> Formula:
        pads = (0, 0, self.pad_size, self.pad_size) * 2
        return data.op("Pad", data.ints(pads)) if self.pad_size else data

    def _part(self, data: Formula, axis: int, begin: int) -> Formula:
        """Without `max_displacement` lines at either end, but for those from `begin` on."""
        behind = 2 * self.max_displacement - begin
        return data.slice(axis, begin, -behind if behind else None)

    def _alike(self, here: Formula, moved: Formula) -> Formula:
        """-> (N, 1, H, W)"""
        terms = here * moved if self.is_multiply else (here - moved).op("Abs")
        return terms.reduced("ReduceMean", 1, keep=True)

    def to_pytorch(self, m: TorchBuilder, data1: str, data2: str) -> str:
        numbers = (self.kernel_size, self.max_displacement, self.stride1, self.stride2)
        more = ", ".join(map(literal, (*numbers, self.pad_size, self.is_multiply)))
        return f"{m.function('correlation')}({data1}, {data2}, {more})"
