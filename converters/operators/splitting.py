"""One value -> several, along an axis."""

from __future__ import annotations

from typing import Any, List, Optional

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, same, show
from .attributes import Ints
from .emit.onnx_math import OnnxExpr, join
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator
from .shaping import one_axis

NUM_OUTPUTS_IS_STATED = 18  # by Split, since this opset


def onnx_split(
    g: OnnxBuilder, data: Any, count: int, axis: int, sizes: Optional[Any] = None
) -> List[Any]:
    """Equal parts along an axis, or parts of these sizes."""
    stated = count if sizes is None and g.opset >= NUM_OUTPUTS_IS_STATED else None
    given = () if sizes is None else (sizes,)
    return g.ops("Split", data, *given, outputs=count, axis=axis, num_outputs=stated)


class Split(Operator):
    """What the two operators share: parts, of which squeezed ones have size 1 and lose the axis."""

    axis: int = 1
    squeeze_axis: bool = False

    def _sizes(self, size: Dim, data: Dims) -> List[Dim]:
        """Of the parts along the axis."""
        raise NotImplementedError

    def infer(self, data: Dims) -> List[Shape]:
        axis = one_axis(self.axis, data)
        shapes: List[Shape] = []
        for size in self._sizes(data[axis], data):
            if self.squeeze_axis and not same(size, 1):
                raise ShapeError(f"squeeze_axis=True with parts of {show(data)} of size {size}")
            part = () if self.squeeze_axis else (size,)
            shapes.append((*data[:axis], *part, *data[axis + 1 :]))
        return shapes

    def to_onnx(self, g: OnnxBuilder, data: Any) -> List[Any]:
        axis = one_axis(self.axis, g.shape(data))
        parts = [data] if self.visible_outputs() == 1 else self._onnx_parts(g, data, axis)
        if not self.squeeze_axis:
            return parts
        return [g.op("Squeeze", part, g.ints((axis,))) for part in parts]

    def _onnx_parts(self, g: OnnxBuilder, data: Any, axis: int) -> List[Any]:
        count, shape = self.visible_outputs(), g.shape(data)
        sizes = tuple(n for n in self._sizes(shape[axis], shape) if isinstance(n, int))
        given = g.ints(sizes) if len(sizes) == count else self._onnx_sizes(g, data, axis)
        return onnx_split(g, data, count, axis, given)

    def _onnx_sizes(self, g: OnnxBuilder, data: Any, axis: int) -> Any:
        """The parts' sizes, computed from the data's; None for equal ones."""
        return None

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        if self.visible_outputs() == 1:
            return f"{data}.squeeze({self.axis})" if self.squeeze_axis else data
        return f"{data}.unbind({self.axis})" if self.squeeze_axis else self._torch(data)

    def _torch(self, data: str) -> str:
        raise NotImplementedError


@operator("SliceChannel")
class SliceChannel(Split):
    """(N, C, *) -> num_outputs equal parts.  Source: src/operator/slice_channel-inl.h."""

    num_outputs: int
    axis: int = 1
    squeeze_axis: bool = False

    def visible_outputs(self) -> int:
        return self.num_outputs

    def _sizes(self, size: Dim, data: Dims) -> List[Dim]:
        if not isinstance(size, int):
            return [1 if self.squeeze_axis else None] * self.num_outputs
        if size % self.num_outputs:
            raise ShapeError(f"cannot split {size} of {show(data)} into {self.num_outputs}")
        return [size // self.num_outputs] * self.num_outputs

    def _torch(self, data: str) -> str:
        return f"{data}.chunk({self.num_outputs}, {self.axis})"


@operator("_split_v2")
class SplitV2(Split):
    """Parts that begin at `indices`, or so many `sections` of which the first ones may be larger.

    Source: src/operator/tensor/matrix_op-inl.h, SplitOpShapeImpl.
    """

    indices: Ints
    axis: int = 1
    squeeze_axis: bool = False
    sections: int = 0

    def __post_init__(self) -> None:
        if not self.sections and self.indices[:1] != (0,):
            raise Unsupported(f"indices={self.indices}; supported: 0 first, as MXNet writes them")

    def visible_outputs(self) -> int:
        return self.sections or len(self.indices)

    def _sizes(self, size: Dim, data: Dims) -> List[Dim]:
        if self.sections:
            if not isinstance(size, int):
                return [None] * self.sections
            small, larger = divmod(size, self.sections)
            return [small + (i < larger) for i in range(self.sections)]
        ends = (*self.indices[1:], size)
        parts = [e - b if isinstance(e, int) else None for b, e in zip(self.indices, ends)]
        if any(part is not None and part < 0 for part in parts):
            raise ShapeError(f"indices={self.indices} do not ascend within {show(data)}")
        return [*parts]

    def _onnx_sizes(self, g: OnnxBuilder, data: Any, axis: int) -> Any:
        size = OnnxExpr(g, data).size(axis)
        if self.sections:
            larger = size.array(np.arange(self.sections)) < size % self.sections
            return (size / self.sections + larger.whole()).value
        first = [e - b for b, e in zip(self.indices, self.indices[1:])]
        return join([size.ints(first), size - self.indices[-1]], 0).value

    def _torch(self, data: str) -> str:
        where = self.sections or self.indices[1:]
        return f"{data}.tensor_split({where}, {self.axis})"
