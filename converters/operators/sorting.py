"""Sorting, and where the extremes lie. Which of two equal numbers a sort puts first is open."""

from __future__ import annotations

from typing import Any, ClassVar, List, Literal, Optional

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, product, show
from .attributes import DType
from .reduction import reduced_axes, reduced_shape
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
    """The first k along an axis, or of the flat data where that is None; all if k is below 1.

    Source: src/operator/tensor/ordering_op-inl.h, TopKImpl.
    """

    order_dependent = True

    axis: Optional[int]
    is_ascend: bool
    k: int = 0
    ret_typ: Literal["value", "indices", "mask", "both"]
    dtype: DType  # of the indices

    def visible_outputs(self) -> int:
        return 2 if self.ret_typ == "both" else 1

    def infer(self, data: Dims) -> List[Shape]:
        whole, axis = ((product(data),), 0) if self.axis is None else (data, self.axis)
        axis = one_axis(axis, whole)
        size = whole[axis]
        if isinstance(size, int) and self.k > size:
            raise ShapeError(f"k={self.k} is more than axis {axis} of {show(whole)} has")
        shape = (*whole[:axis], self.k if self.k > 0 else size, *whole[axis + 1 :])
        return [data] if self.ret_typ == "mask" else [shape] * self.visible_outputs()

    def infer_type(self, *types: Optional[str]) -> List[Optional[str]]:
        if self.ret_typ == "both":
            return [types[0], self.dtype]
        return [self.dtype if self.ret_typ == "indices" else types[0]]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        flat = self.axis is None
        axis = 0 if self.axis is None else one_axis(self.axis, g.shape(data))
        given = g.op("Reshape", orderable(g, data), g.ints((-1,))) if flat else orderable(g, data)
        count = g.ints((self.k,))
        if self.k < 1:
            count = g.op("Gather", g.op("Shape", given), g.ints((axis,)), axis=0)
        largest = int(not self.is_ascend)
        values, places = g.ops("TopK", given, count, outputs=2, axis=axis, largest=largest)
        if self.ret_typ == "mask":
            return self._onnx_mask(g, data, places, axis)
        found = []
        if self.ret_typ != "indices":
            kept = g.type(data) in ORDERED
            found.append(values if kept else g.cast(values, g.type(data)))
        if self.ret_typ != "value":
            wanted = g.output_type(len(found))
            found.append(places if wanted == "int64" else g.cast(places, wanted))
        return found

    def _onnx_mask(self, g: OnnxBuilder, data: Any, indices: Any, axis: int) -> Any:
        shape = g.op("Shape", data)
        zeros = g.op("Expand", g.scalar(0, data), shape)
        if self.axis is None:
            zeros = g.op("Reshape", zeros, g.ints((-1,)))
        ones = g.op("Expand", g.scalar(1, data), g.op("Shape", indices))
        mask = g.op("ScatterElements", zeros, indices, ones, axis=axis)
        return g.op("Reshape", mask, shape) if self.axis is None else mask

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        axis, given = (0, f"{data}.flatten()") if self.axis is None else (self.axis, data)
        order = "" if self.is_ascend else ", descending=True"
        found = f"{given}.sort(dim={axis}{order}, stable=True)"
        if self.k > 0:
            order = ", largest=False" if self.is_ascend else ""
            found = f"{given}.topk({self.k}, {axis}{order})"
        if self.ret_typ == "value":
            return f"{found}.values"
        if self.ret_typ == "indices":
            same = m.output_type() == "int64"
            return f"{found}.indices" + ("" if same else f".to({m.dtype(m.output_type())})")
        if self.ret_typ == "both":
            types = f"({m.dtype(m.type(data))}, {m.dtype(self.dtype)})"
            return found if self.dtype == "int64" else f"map(torch.Tensor.to, {found}, {types})"
        if self.axis is None:
            zeros = f"torch.zeros_like({data}).flatten()"
            return f"{zeros}.scatter(0, {found}.indices, 1).reshape({data}.shape)"
        return f"torch.zeros_like({data}).scatter({self.axis}, {found}.indices, 1)"


@operator("sort")
class Sort(Ordering):
    """(*) -> same, sorted along the axis."""

    axis: Optional[int] = -1
    is_ascend: bool = True
    ret_typ = "value"


@operator("argsort")
class Argsort(Ordering):
    """(*) -> same: the indices that would sort along the axis."""

    axis: Optional[int] = -1
    is_ascend: bool = True
    dtype: DType = "float32"
    ret_typ = "indices"


@operator("topk")
class Topk(Ordering):
    """The k largest along the axis: values, their indices, both, or a mask of where they are."""

    axis: Optional[int] = -1
    k: int = 1
    ret_typ: Literal["value", "indices", "mask", "both"] = "indices"
    is_ascend: bool = False
    dtype: DType = "float32"

    def stored_outputs(self) -> int:
        return 2 if self.ret_typ in ("both", "value") else 1


class Extreme(Operator):
    """Where the first of the largest or smallest lies along an axis, in the data's own type.

    Source: src/operator/tensor/broadcast_reduce_op.h, SearchAxisCompute.
    """

    order_dependent = True
    extreme: ClassVar[Literal["max", "min"]] = "max"

    axis: Optional[int]  # None: of all, which leaves (1,)
    keepdims: bool

    def infer(self, data: Dims) -> Shape:
        axes = None if self.axis is None else (self.axis,)
        return reduced_shape(data, reduced_axes(axes, data), self.keepdims)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        shape, given, axis = g.shape(data), orderable(g, data), self.axis
        alone = axis is None or len(shape) == 1  # all is one line, of which one number is left
        if axis is None or alone:
            given, axis = g.op("Reshape", given, g.ints((-1,))), 0
        name = {"max": "ArgMax", "min": "ArgMin"}[self.extreme]
        place = g.op(name, given, axis=one_axis(axis, shape), keepdims=int(self.keepdims or alone))
        if self.axis is None and self.keepdims and len(shape) > 1:
            place = g.op("Reshape", place, g.ints((1,) * len(shape)))
        return g.cast(place, g.output_type())

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        rank = len(m.shape(data))
        keep = ", keepdim=True" if self.keepdims or rank == 1 else ""
        place = f"{data}.arg{self.extreme}({self.axis}{keep})"
        if self.axis is None:
            place = f"{data}.arg{self.extreme}().reshape{(1,) * rank if self.keepdims else '(1)'}"
        return f"{place}.to({m.dtype(m.output_type())})"


@operator("argmax")
class Argmax(Extreme):
    """(*) -> (*') without the axis: where its largest number is."""

    axis: Optional[int] = None
    keepdims: bool = False


@operator("argmin")
class Argmin(Argmax):
    """(*) -> (*') without the axis: where its smallest number is."""

    extreme = "min"


@operator("argmax_channel")
class ArgmaxChannel(Extreme):
    """(N, C, *) -> (N, *): the channel of the largest number."""

    axis = 1
    keepdims = False
