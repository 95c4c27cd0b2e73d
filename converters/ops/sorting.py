"""Sorting. Where two numbers are equal, MXNet leaves open which of them comes first."""

from __future__ import annotations

from typing import Any, List, Literal, Optional, Union

from ..errors import ShapeError
from ..shape import Dims, Shape, product, show
from .attributes import DType
from .registry import OnnxBuilder, Operator, TorchBuilder, operator
from .shaping import one_axis

#: What onnxruntime's TopK and ArgMax order.
ORDERED = ("float32", "float64", "int32", "int64")


def orderable(g: OnnxBuilder, data: Any) -> Any:
    """The data in an element type that onnxruntime orders: int32 holds the small ones."""
    if g.type(data) in ORDERED:
        return data
    return g.cast(data, "float32" if g.type(data) == "float16" else "int32")


class Ordering(Operator):
    """What the sorting operators share: an axis, or the flat data where that is None."""

    order_dependent = True

    axis: Optional[int]
    is_ascend: bool

    def _sorted(self, data: Dims, k: int) -> Dims:
        """The shape of the first k along the axis, or of all where k is 0."""
        whole, axis = ((product(data),), 0) if self.axis is None else (data, self.axis)
        axis = one_axis(axis, whole)
        size = whole[axis]
        if isinstance(size, int) and k > size:
            raise ShapeError(f"k={k} is more than axis {axis} of {show(whole)} has")
        return (*whole[:axis], k if k > 0 else size, *whole[axis + 1 :])

    def _onnx_sort(self, g: OnnxBuilder, data: Any, k: int) -> List[Any]:
        """Values and their indices, both in types of ONNX's own."""
        flat = self.axis is None
        axis = 0 if self.axis is None else one_axis(self.axis, g.shape(data))
        given = g.op("Reshape", orderable(g, data), g.ints((-1,))) if flat else orderable(g, data)
        count = g.ints((k,))
        if k < 1:
            count = g.op("Gather", g.op("Shape", given), g.ints((axis,)), axis=0)
        return g.ops("TopK", given, count, outputs=2, axis=axis, largest=int(not self.is_ascend))

    def _onnx_indices(self, g: OnnxBuilder, indices: Any, output: int = 0) -> Any:
        wanted = g.output_type(output)
        return indices if wanted == "int64" else g.cast(indices, wanted)

    def _onnx_values(self, g: OnnxBuilder, values: Any, data: Any) -> Any:
        return values if g.type(data) in ORDERED else g.cast(values, g.type(data))

    def _torch_indices(self, m: TorchBuilder, found: str) -> str:
        same = m.output_type() == "int64"
        return f"{found}.indices" if same else f"{found}.indices.to({m.dtype(m.output_type())})"

    def _torch_sort(self, data: str, k: int) -> str:
        """PyTorch's pair of values and indices."""
        axis = 0 if self.axis is None else self.axis
        given = f"{data}.flatten()" if self.axis is None else data
        if k > 0:
            return f"{given}.topk({k}, {axis}{', largest=False' if self.is_ascend else ''})"
        order = "" if self.is_ascend else ", descending=True"
        return f"{given}.sort(dim={axis}{order}, stable=True)"


@operator("sort")
class Sort(Ordering):
    """(*) -> same, sorted along the axis.  Source: src/operator/tensor/ordering_op-inl.h."""

    axis: Optional[int] = -1
    is_ascend: bool = True

    def infer(self, data: Dims) -> Shape:
        return self._sorted(data, 0)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return self._onnx_values(g, self._onnx_sort(g, data, 0)[0], data)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"{self._torch_sort(data, 0)}.values"


@operator("argsort")
class Argsort(Ordering):
    """(*) -> same: the indices that would sort along the axis.  Source: ordering_op-inl.h."""

    axis: Optional[int] = -1
    is_ascend: bool = True
    dtype: DType = "float32"

    def infer(self, data: Dims) -> Shape:
        return self._sorted(data, 0)

    def infer_type(self, *types: Optional[str]) -> str:
        return self.dtype

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return self._onnx_indices(g, self._onnx_sort(g, data, 0)[1])

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return self._torch_indices(m, self._torch_sort(data, 0))


@operator("topk")
class Topk(Ordering):
    """The k largest along the axis: values, their indices, both, or a mask of where they are.

    Source: src/operator/tensor/ordering_op-inl.h, TopKImpl.
    """

    axis: Optional[int] = -1
    k: int = 1  # less than 1: all
    ret_typ: Literal["value", "indices", "mask", "both"] = "indices"
    is_ascend: bool = False
    dtype: DType = "float32"  # of the indices

    def visible_outputs(self) -> int:
        return 2 if self.ret_typ == "both" else 1

    def stored_outputs(self) -> int:
        return 2 if self.ret_typ in ("both", "value") else 1

    def infer(self, data: Dims) -> Union[Shape, List[Shape]]:
        shape = self._sorted(data, self.k)
        return data if self.ret_typ == "mask" else [shape] * self.visible_outputs()

    def infer_type(self, *types: Optional[str]) -> List[Optional[str]]:
        if self.ret_typ == "both":
            return [types[0], self.dtype]
        return [self.dtype if self.ret_typ == "indices" else types[0]]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        values, indices = self._onnx_sort(g, data, self.k)
        if self.ret_typ == "mask":
            return self._onnx_mask(g, data, indices)
        if self.ret_typ == "indices":
            return self._onnx_indices(g, indices)
        values = self._onnx_values(g, values, data)
        return values if self.ret_typ == "value" else [values, self._onnx_indices(g, indices, 1)]

    def _onnx_mask(self, g: OnnxBuilder, data: Any, indices: Any) -> Any:
        shape = g.op("Shape", data)
        zeros = g.op("Expand", g.scalar(0, data), shape)
        axis = self.axis
        if axis is None:
            zeros, axis = g.op("Reshape", zeros, g.ints((-1,))), 0
        ones = g.op("Expand", g.scalar(1, data), g.op("Shape", indices))
        mask = g.op("ScatterElements", zeros, indices, ones, axis=one_axis(axis, g.shape(data)))
        return g.op("Reshape", mask, shape) if self.axis is None else mask

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        found = self._torch_sort(data, self.k)
        if self.ret_typ == "value":
            return f"{found}.values"
        if self.ret_typ == "indices":
            return self._torch_indices(m, found)
        if self.ret_typ == "both":
            types = f"({m.dtype(m.type(data))}, {m.dtype(self.dtype)})"
            return found if self.dtype == "int64" else f"map(torch.Tensor.to, {found}, {types})"
        if self.axis is None:
            zeros = f"torch.zeros_like({data}).flatten()"
            return f"{zeros}.scatter(0, {found}.indices, 1).reshape({data}.shape)"
        return f"torch.zeros_like({data}).scatter({self.axis}, {found}.indices, 1)"
