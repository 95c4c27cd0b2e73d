"""Data with a part of it replaced."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..shape import Shape, compatible, show
from .attributes import OptionalInts
from .onnx_sizes import count_to
from .registry import OnnxBuilder, Operator, TorchBuilder, operator
from .slicing import cut_shape, cuts_of, onnx_cut, torch_cut


class Assign(Operator):
    """data with a slice of it replaced.  Source: src/operator/tensor/matrix_op-inl.h."""

    begin: OptionalInts
    end: OptionalInts
    step: OptionalInts

    def _onnx(self, g: OnnxBuilder, data: Any, new: Any) -> Any:
        """Of all elements' numbers, the slice says which are replaced."""
        cuts = cuts_of(g.shape(data), self.begin, self.end, self.step)
        shape, flat = g.op("Shape", data), g.op("Reshape", data, g.ints((-1,)))
        size = g.op("Squeeze", g.op("Shape", flat), g.ints((0,)))
        places = onnx_cut(g, g.op("Reshape", count_to(g, size), shape), cuts)
        new = g.op("Expand", new, g.op("Shape", places))
        flat_places, flat_new = (g.op("Reshape", v, g.ints((-1,))) for v in (places, new))
        replaced = g.op("ScatterElements", flat, flat_places, flat_new, axis=0)
        return g.op("Reshape", replaced, shape)

    def _torch(self, m: TorchBuilder, data: str, new: str) -> str:
        cuts = cuts_of(m.shape(data), self.begin, self.end, self.step)
        numbers = f"torch.arange({data}.numel(), device={data}.device).reshape({data}.shape)"
        places = torch_cut(numbers, cuts)
        return f"{data}.flatten().index_put(({places},), {new}).reshape({data}.shape)"


@operator("_slice_assign")
class SliceAssign(Assign):
    """lhs[begin:end:step] = rhs."""

    begin: OptionalInts
    end: OptionalInts
    step: OptionalInts = ()

    def infer(self, lhs: Shape, rhs: Shape) -> Shape:
        assert lhs is not None
        cut = cut_shape(lhs, cuts_of(lhs, self.begin, self.end, self.step))
        if not compatible(cut, rhs):
            raise ShapeError(f"cannot put {show(rhs)} in place of {show(cut)}")
        return lhs

    def to_onnx(self, g: OnnxBuilder, lhs: Any, rhs: Any) -> Any:
        return self._onnx(g, lhs, rhs)

    def to_pytorch(self, m: TorchBuilder, lhs: str, rhs: str) -> str:
        return self._torch(m, lhs, rhs)


@operator("_slice_assign_scalar")
class SliceAssignScalar(Assign):
    """data[begin:end:step] = scalar."""

    begin: OptionalInts
    end: OptionalInts
    step: OptionalInts = ()
    scalar: float = 0.0

    shape_preserving = True

    def infer(self, data: Shape) -> Shape:
        assert data is not None
        cut_shape(data, cuts_of(data, self.begin, self.end, self.step))
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return self._onnx(g, data, g.scalar(self.scalar, data))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        value = f"torch.tensor({self.scalar}, dtype={m.dtype(m.type(data))})"
        return self._torch(m, data, value)
