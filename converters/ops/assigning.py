"""Data with a part of it replaced."""

from __future__ import annotations

from typing import Any

from ..shape import Dims, Shape
from .computed import takes
from .onnx_math import Formula, count_to
from .registry import OnnxBuilder, TorchBuilder, operator
from .slicing import Ranges, cut_shape, onnx_cut, torch_cut


class Assign(Ranges):
    """data with a slice of it replaced.  Source: src/operator/tensor/matrix_op-inl.h."""

    def to_onnx(self, g: OnnxBuilder, data: Any, new: Any) -> Any:
        """Of all elements' numbers, the slice says which are replaced."""
        shape, flat = g.op("Shape", data), g.op("Reshape", data, g.ints((-1,)))
        numbers = count_to(Formula(g, flat).shape().squeeze(0)).value
        places = onnx_cut(g, g.op("Reshape", numbers, shape), self.cuts(g.shape(data)))
        new = g.op("Expand", new, g.op("Shape", places))
        flat_places, flat_new = (g.op("Reshape", v, g.ints((-1,))) for v in (places, new))
        replaced = g.op("ScatterElements", flat, flat_places, flat_new, axis=0)
        return g.op("Reshape", replaced, shape)

    def to_pytorch(self, m: TorchBuilder, data: str, new: str) -> str:
        numbers = f"torch.arange({data}.numel(), device={data}.device).reshape({data}.shape)"
        places = torch_cut(numbers, self.cuts(m.shape(data)))
        return f"{data}.flatten().index_put(({places},), {new}).reshape({data}.shape)"


@operator("_slice_assign")
class SliceAssign(Assign):
    """lhs[begin:end:step] = rhs."""

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        takes("rhs", rhs, cut_shape(lhs, self.cuts(lhs)))
        return lhs


@operator("_slice_assign_scalar")
class SliceAssignScalar(Assign):
    """data[begin:end:step] = scalar."""

    scalar: float = 0.0

    shape_preserving = True

    def infer(self, data: Dims) -> Shape:
        cut_shape(data, self.cuts(data))
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any, new: Any = None) -> Any:
        return super().to_onnx(g, data, g.scalar(self.scalar, data))

    def to_pytorch(self, m: TorchBuilder, data: str, new: str = "") -> str:
        value = f"torch.tensor({self.scalar}, dtype={m.dtype(m.type(data))})"
        return super().to_pytorch(m, data, value)
