"""Between the places of elements in flat data and their indices along each axis."""

from __future__ import annotations

from typing import Any, List, Tuple

import numpy as np

from ..errors import ShapeError
from ..shape import Dims, Shape, same, show, with_axes
from .attributes import Ints
from .indexing import onnx_index, torch_index
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


@operator("_unravel_index")
class UnravelIndex(Operator):
    """Flat indices (N,) -> indices of each axis (axes, N).  Source: src/operator/tensor/ravel.h."""

    shape: Ints

    def infer(self, data: Dims) -> Shape:
        return (len(self.shape), *with_axes(data, "(N,)"))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        behind, sizes = (np.array(n)[:, None] for n in zip(*_strides(self.shape)))
        rows = g.op("Div", onnx_index(g, data), g.constant(behind))
        return g.cast(g.op("Mod", rows, g.constant(sizes)), g.output_type())

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        index = torch_index(m, data)
        rows = [f"{index} // {behind} % {size}" for behind, size in _strides(self.shape)]
        rows[0] = rows[0].rsplit(" % ", 1)[0]  # whatever is left
        return f"torch.stack([{', '.join(rows)}]).to({m.dtype(m.output_type())})"


@operator("_ravel_multi_index")
class RavelMultiIndex(Operator):
    """Indices of each axis (axes, N) -> flat indices (N,).  Source: src/operator/tensor/ravel.h."""

    shape: Ints

    def infer(self, data: Dims) -> Shape:
        if len(data) != 2 or not same(data[0], len(self.shape)):
            raise ShapeError(f"takes ({len(self.shape)}, N), got {show(data)}")
        return (data[1],)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        behind = np.array([b for b, _ in _strides(self.shape)])[:, None]
        steps = g.op("Mul", onnx_index(g, data), g.constant(behind))
        return g.cast(g.reduce("ReduceSum", steps, (0,), False), g.output_type())

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        rows = [f"{data}[{i}].long() * {b}" for i, (b, _) in enumerate(_strides(self.shape))]
        return f"({' + '.join(rows)}).to({m.dtype(m.output_type())})"


def _strides(shape: Ints) -> List[Tuple[int, int]]:
    """(how many elements lie between neighbours, size) of each axis; of the first, no end."""
    counts = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    return list(zip(counts, (1 << 62, *shape[1:])))
