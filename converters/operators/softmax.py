"""Softmax in all of MXNet's forms."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Literal, Mapping, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, show
from ..python_text import literal
from .emit.onnx_math import OnnxExpr, count_along, result
from .reduction import normalise_axes
from .registry import (
    Limits,
    OnnxBuilder,
    SameShape,
    TorchBuilder,
    Unsupported,
    Written,
    operator,
    places,
)


@operator("softmax")
class Softmax(SameShape):
    """(*) -> same, along one axis, of x / temperature.  Source: src/operator/nn/softmax-inl.h.

    With `use_length` of the first so many numbers along the axis, the others being 0; `length`
    is an integer tensor of the data's shape without the axis, (1,) for a vector.
    """

    axis: int = -1
    temperature: Optional[float] = None
    dtype: Optional[Literal["float16", "float32", "float64"]] = None  # of the result
    use_length: Optional[bool] = False

    input_types: ClassVar[Mapping[str, str]] = {"length": "int32"}
    onnx_name: ClassVar[str] = "Softmax"
    torch_name: ClassVar[str] = "softmax"
    sign: ClassVar[str] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.use_length and self.axis < -1:
            raise Unsupported(
                f"axis={self.axis} with use_length; supported: -1 or more, as in MXNet"
            )

    def input_names(self) -> Tuple[str, ...]:
        return ("data", "length") if self.use_length else ("data",)

    def infer(self, data: Dims, length: Shape = None) -> Dims:
        normalise_axes((self.axis,), data)
        return data

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        """A length for each row along the axis."""
        if not self.use_length or data is None:
            return {}
        (axis,) = normalise_axes((self.axis,), data)
        return {"length": (*data[:axis], *data[axis + 1 :]) or (1,)}

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        """At least one number takes part."""
        last = places(shapes, 0, self.axis).high
        return {"length": Limits(1, last + 1)} if self.use_length else {}

    def to_onnx(self, g: OnnxBuilder, data: Any, length: Any = None) -> Any:
        value = OnnxExpr(g, data, g.type(data))
        value = -value if self.sign else value
        if self.temperature not in (None, 1.0):
            value = value / (self.temperature or 1.0)
        if length is None:
            return result(value.op(self.onnx_name, axis=self.axis))
        inside = self._onnx_inside(g, data, length)
        value = inside.where(value, -np.inf).op(self.onnx_name, axis=self.axis)
        return result(inside.where(value, 0))

    def _onnx_inside(self, g: OnnxBuilder, data: Any, length: Any) -> OnnxExpr:
        """Which numbers along the axis come before `length`: bool, of the data's shape."""
        rank = len(g.shape(data))
        axis = self.axis % rank
        places = count_along(g, data, axis).reshape(-1, *(1,) * (rank - 1 - axis))
        limit = OnnxExpr(g, length, g.type(length)).whole()
        return places < (limit.unsqueeze(axis) if rank > 1 else limit)

    def to_pytorch(self, m: TorchBuilder, data: str, length: Optional[str] = None) -> str:
        value = f"({self.sign}{data})" if self.sign else data
        if self.temperature not in (None, 1.0):
            value = f"({self.sign}{data} / {literal(self.temperature)})"
        made = f"{value}.{self.torch_name}({self.axis})"
        if length is not None:
            rank = len(m.shape(data))
            axis = self.axis % rank
            limit = f"{length}.unsqueeze({axis})" if rank > 1 else length
            made = f"{m.function('softmax_of_length')}({value}, {limit}, {axis})"
        same = m.output_type() == m.type(data)
        return made if same else f"{made}.to({m.dtype(m.output_type())})"


#: MXNet has lengths for softmax only.
_NO_LENGTH = (("use_length", lambda given: not given, "False, as in MXNet"),)


@operator("log_softmax")
class LogSoftmax(Softmax):
    """(*) -> same, the logarithms of the softmax.  Source: src/operator/nn/log_softmax.cc."""

    allowed = _NO_LENGTH
    onnx_name = "LogSoftmax"
    torch_name = "log_softmax"


@operator("softmin")
class Softmin(Softmax):
    """(*) -> same: the softmax of -x.  Source: src/operator/nn/softmin.cc."""

    allowed = _NO_LENGTH
    sign = "-"


_LOSS = ("grad_scale", "ignore_label", "use_ignore", "normalization", "out_grad", "smooth_alpha")


@operator("SoftmaxOutput", ignores=_LOSS, labels=("label",))
class SoftmaxOutput(SameShape):
    """(N, *) -> same; the label is for training.  Source: src/operator/softmax_output-inl.h.

    Over axis 1 with `multi_output`, over the last with `preserve_shape`, otherwise over all
    axes but the first together.
    """

    multi_output: bool = False
    preserve_shape: bool = False

    def _axis(self, data: Tuple[Any, ...]) -> Optional[int]:
        """None: all but the first."""
        if self.multi_output or len(data) == 2:
            return 1
        return -1 if self.preserve_shape else None

    def infer(self, data: Dims, label: Shape = None) -> Dims:
        if len(data) < 2:
            raise ShapeError(f"takes (N, *), got {show(data)}")
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any, label: Any = None) -> Any:
        axis = self._axis(g.shape(data))
        if axis is not None:
            return g.op("Softmax", data, axis=axis)
        flat = g.op("Softmax", g.op("Flatten", data, axis=1), axis=1)
        return g.op("Reshape", flat, g.op("Shape", data))

    def to_pytorch(self, m: TorchBuilder, data: str, label: Any = None) -> str:
        axis = self._axis(m.shape(data))
        if axis is not None:
            return f"{data}.softmax({axis})"
        return f"{data}.flatten(1).softmax(1).reshape({data}.shape)"


@operator("SoftmaxActivation")
class SoftmaxActivation(Written, SameShape):
    """(N, *) -> same.  Source: src/operator/nn/softmax_activation-inl.h.

    Mode "instance" is said to be over all but the first axis, but is over the last.
    """

    mode: Literal["instance", "channel"] = "instance"

    text = "{0}.softmax({self.axis})"

    @property
    def axis(self) -> int:
        return 1 if self.mode == "channel" else -1

    def infer(self, data: Dims) -> Dims:
        if self.mode == "channel" and len(data) < 3:
            raise ShapeError(f"mode='channel' takes (N, C, *S), got {show(data)}")
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Softmax", data, axis=self.axis)
