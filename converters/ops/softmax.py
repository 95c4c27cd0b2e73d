"""Softmax in the forms of old MXNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..shape import Shape
from .registry import Operator, operator

if TYPE_CHECKING:
    from ..onnx_model import OnnxBuilder
    from ..pytorch_module import TorchBuilder


def _onnx(g: OnnxBuilder, data: Any, axis: int) -> Any:
    """Softmax over one axis; axis 0 stands for all axes but the first together."""
    if axis or len(g.shape(data)) == 2:
        return g.op("Softmax", data, axis=axis or 1)
    flat = g.op("Softmax", g.op("Flatten", data, axis=1), axis=1)
    return g.op("Reshape", flat, g.op("Shape", data))


def _pytorch(m: TorchBuilder, data: str, axis: int) -> str:
    if axis or len(m.shape(data)) == 2:
        return f"{data}.softmax({axis or 1})"
    return f"{data}.flatten(1).softmax(1).reshape({data}.shape)"


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
@dataclass(frozen=True)
class SoftmaxOutput(Operator):
    """(N, *) -> same; the label is for training.  Source: src/operator/softmax_output-inl.h.

    Over axis 1 with `multi_output`, over the last with `preserve_shape`, otherwise over all
    axes but the first together.
    """

    multi_output: bool = False
    preserve_shape: bool = False

    shape_preserving = True

    @property
    def axis(self) -> int:
        return 1 if self.multi_output else -1 if self.preserve_shape else 0

    def infer(self, data: Shape, label: Shape = None) -> Shape:
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any, label: Any = None) -> Any:
        return _onnx(g, data, self.axis)

    def to_pytorch(self, m: TorchBuilder, data: str, label: Any = None) -> str:
        return _pytorch(m, data, self.axis)


@operator("SoftmaxActivation")
@dataclass(frozen=True)
class SoftmaxActivation(Operator):
    """(N, *) -> same.  Source: src/operator/nn/softmax_activation-inl.h."""

    mode: Literal["instance", "channel"] = "instance"  # all axes but the first; axis 1

    shape_preserving = True

    @property
    def axis(self) -> int:
        return 1 if self.mode == "channel" else 0

    def infer(self, data: Shape) -> Shape:
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return _onnx(g, data, self.axis)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return _pytorch(m, data, self.axis)
