"""Softmax in all of MXNet's forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..python_text import literal
from ..shape import Dims, Shape, show
from .reduction import normalise_axes
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


@dataclass(frozen=True)
class _Softmax(Operator):
    """Along one axis, of x / temperature."""

    axis: int = -1
    temperature: Optional[float] = None
    dtype: Optional[Literal["float16", "float32", "float64"]] = None  # of the result
    use_length: Optional[bool] = False

    shape_preserving = True
    onnx_name = "Softmax"
    torch_name = "softmax"
    sign = ""

    def input_names(self) -> Tuple[str, ...]:
        return ("data", "length") if self.use_length else ("data",)

    def infer(self, data: Dims, length: Shape = None) -> Shape:
        normalise_axes((self.axis,), len(data), data)
        return data

    def infer_type(self, *types: Optional[str]) -> Optional[str]:
        return self.dtype or types[0]

    def _tempered(self) -> bool:
        return self.temperature not in (None, 1.0)

    def to_onnx(self, g: OnnxBuilder, data: Any, *length: Any) -> Any:
        value = g.op("Neg", data) if self.sign else data
        if self._tempered():
            value = g.op("Div", value, g.scalar(self.temperature or 1.0, data))
        result = self.finish(g, value, data, *length)
        return g.cast(result, g.output_type()) if g.output_type() != g.type(data) else result

    def finish(self, g: OnnxBuilder, value: Any, data: Any, *length: Any) -> Any:
        return g.op(self.onnx_name, value, axis=self.axis)

    def to_pytorch(self, m: TorchBuilder, data: str, *length: str) -> str:
        value = f"({self.sign}{data})" if self.sign else data
        if self._tempered():
            value = f"({self.sign}{data} / {literal(self.temperature)})"
        result = self.finish_pytorch(m, value, data, *length)
        if m.output_type() != m.type(data):
            result += f".to({m.dtype(m.output_type())})"
        return result

    def finish_pytorch(self, m: TorchBuilder, value: str, data: str, *length: str) -> str:
        return f"{value}.{self.torch_name}({self.axis})"


@operator("softmax")
class Softmax(_Softmax):
    """(*) -> same.  Source: src/operator/nn/softmax-inl.h.

    With `use_length` of the first so many numbers along the axis, the others being 0; `length`
    is an integer tensor of the data's shape without the axis, (1,) for a vector.
    """

    def __post_init__(self) -> None:
        if self.use_length and self.axis < -1:
            raise Unsupported(
                f"axis={self.axis} with use_length; supported: -1 or more, as in MXNet"
            )

    def finish(self, g: OnnxBuilder, value: Any, data: Any, *length: Any) -> Any:
        if not length:
            return super().finish(g, value, data)
        rank = len(g.shape(data))
        axis = self.axis % rank
        size = g.op("Gather", g.op("Shape", data), g.constant(np.array(axis)), axis=0)
        zero, one = g.constant(np.array(0)), g.constant(np.array(1))
        places = g.op("Range", zero, size, one)
        column = g.op("Reshape", places, g.ints((-1, *(1,) * (rank - 1 - axis))))
        limit = g.cast(length[0], "int64")
        if rank > 1:
            limit = g.op("Unsqueeze", limit, g.ints((axis,)))
        inside = g.op("Less", column, limit)
        masked = g.op("Where", inside, value, g.constant(np.array(-np.inf), data))
        soft = g.op(self.onnx_name, masked, axis=self.axis)
        return g.op("Where", inside, soft, g.scalar(0, data))

    def finish_pytorch(self, m: TorchBuilder, value: str, data: str, *length: str) -> str:
        if not length:
            return super().finish_pytorch(m, value, data)
        rank = len(m.shape(data))
        axis = self.axis % rank
        limit = f"{length[0]}.unsqueeze({axis})" if rank > 1 else length[0]
        return f"{m.function('softmax_of_length')}({value}, {limit}, {axis})"


@dataclass(frozen=True)
class _WithoutLength(_Softmax):
    def __post_init__(self) -> None:
        if self.use_length:
            raise Unsupported("use_length=True; supported: False, as in MXNet")


@operator("log_softmax")
class LogSoftmax(_WithoutLength):
    """(*) -> same, the logarithms of the softmax.  Source: src/operator/nn/log_softmax.cc."""

    onnx_name = "LogSoftmax"
    torch_name = "log_softmax"


@operator("softmin")
class Softmin(_WithoutLength):
    """(*) -> same: the softmax of -x.  Source: src/operator/nn/softmin.cc."""

    sign = "-"


@operator(
    "SoftmaxOutput",
    ignores=(
        "grad_scale",
        "ignore_label",
        "use_ignore",
        "normalization",
        "out_grad",
        "smooth_alpha",
    ),
    labels=("label",),
)
class SoftmaxOutput(Operator):
    """(N, *) -> same; the label is for training.  Source: src/operator/softmax_output-inl.h.

    Over axis 1 with `multi_output`, over the last with `preserve_shape`, otherwise over all
    axes but the first together.
    """

    multi_output: bool = False
    preserve_shape: bool = False

    shape_preserving = True

    def _axis(self, data: Tuple[Any, ...]) -> Optional[int]:
        """None: all but the first."""
        if self.multi_output or len(data) == 2:
            return 1
        return -1 if self.preserve_shape else None

    def infer(self, data: Dims, label: Shape = None) -> Shape:
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
class SoftmaxActivation(Operator):
    """(N, *) -> same.  Source: src/operator/nn/softmax_activation-inl.h.

    Mode "instance" is said to be over all but the first axis, but is over the last.
    """

    mode: Literal["instance", "channel"] = "instance"

    shape_preserving = True

    def infer(self, data: Dims) -> Shape:
        if data is None or (self.mode == "channel" and len(data) < 3):
            raise ShapeError(f"mode='channel' takes (N, C, *S), got {show(data)}")
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Softmax", data, axis=1 if self.mode == "channel" else -1)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"{data}.softmax({1 if self.mode == 'channel' else -1})"
