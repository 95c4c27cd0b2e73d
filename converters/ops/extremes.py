"""Where the largest or smallest number lies: of equal ones, the first."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Optional

from ..shape import Dims, Shape
from .registry import OnnxBuilder, Operator, TorchBuilder, operator
from .shaping import one_axis
from .sorting import orderable


class Extreme(Operator):
    """Where the first of the largest or smallest lies along an axis, in the data's own type.

    Source: src/operator/tensor/broadcast_reduce_op.h, SearchAxisCompute.
    """

    order_dependent = True
    extreme: ClassVar[Literal["max", "min"]] = "max"

    axis: Optional[int] = None  # of all, which leaves (1,)
    keepdims: bool = False

    def infer(self, data: Dims) -> Shape:
        if self.axis is None:
            return (1,) * len(data) if self.keepdims else (1,)
        axis = one_axis(self.axis, data)
        kept = (1,) if self.keepdims else ()
        return (*data[:axis], *kept, *data[axis + 1 :]) or (1,)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        shape = g.shape(data)
        given, axis = orderable(g, data), self.axis
        if axis is None or len(shape) == 1:  # where all is one line, one number is left
            given, axis = g.op("Reshape", given, g.ints((-1,))), 0
        alone = self.axis is None or len(shape) == 1
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
class Argmin(Extreme):
    """(*) -> (*') without the axis: where its smallest number is."""

    axis: Optional[int] = None
    keepdims: bool = False
    extreme = "min"


@operator("argmax_channel")
class ArgmaxChannel(Extreme):
    """(N, C, *) -> (N, *): the channel of the largest number."""

    axis = 1
    keepdims = False
