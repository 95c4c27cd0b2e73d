"""Data with a part of it replaced."""

from __future__ import annotations

from typing import Any

from ..ir.shapes import Dims, Shape
from .emit.computed import takes
from .emit.onnx_math import OnnxExpr, count_to
from .registry import OnnxBuilder, TorchBuilder, operator
from .slicing import Ranges, cut_shape, onnx_cut, torch_cut


class Assign(Ranges):
    """data with a slice of it replaced.  Source: src/operator/tensor/matrix_op-inl.h."""

    def to_onnx(self, g: OnnxBuilder, data: Any, new: Any) -> Any:
        """Of all elements' numbers, the slice says which are replaced."""
        shape, flat = OnnxExpr(g, data).shape(), OnnxExpr(g, data).reshape(-1)
        numbers = count_to(flat.shape().squeeze(0)).op("Reshape", shape)
        places = OnnxExpr(g, onnx_cut(g, numbers.value, self.cuts(g.shape(data))))
        new = OnnxExpr(g, new).op("Expand", places.shape()).reshape(-1)
        replaced = flat.op("ScatterElements", places.reshape(-1), new, axis=0)
        return replaced.op("Reshape", shape).value

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
