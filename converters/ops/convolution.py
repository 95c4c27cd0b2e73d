"""Convolution in one, two and three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Literal, Mapping, Optional, Tuple

from ..errors import ShapeError
from ..shape import AXES, Dim, Shape, product, same, show, window
from .attributes import Ints
from .registry import Operator, Unsupported, operator

if TYPE_CHECKING:
    from ..onnx_model import OnnxBuilder
    from ..pytorch_module import TorchBuilder


def per_axis(values: Ints, kernel: Ints, default: int) -> Ints:
    """An attribute given for every spatial axis; () means the default on each."""
    if values and len(values) != len(kernel):
        raise Unsupported(f"{values} does not fit the {len(kernel)}-dimensional kernel {kernel}")
    return values or (default,) * len(kernel)


@operator(
    "Convolution",
    ignores=("workspace", "cudnn_tune", "cudnn_off"),
    parameters=("weight", "bias"),
)
@dataclass(frozen=True)
class Convolution(Operator):
    """(N, C, *S) -> (N, num_filter, *S').  Source: src/operator/nn/convolution-inl.h."""

    kernel: Ints
    num_filter: int
    stride: Ints = ()  # () means 1 along each spatial axis
    dilate: Ints = ()
    pad: Ints = ()  # the same on both sides
    num_group: int = 1
    no_bias: bool = False
    layout: Optional[Literal["NCW", "NCHW", "NCDHW"]] = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.kernel) <= 3:
            raise Unsupported(f"kernel={self.kernel}; supported: 1 to 3 dimensions")
        for name, default in (("stride", 1), ("dilate", 1), ("pad", 0)):
            value = per_axis(getattr(self, name), self.kernel, default)
            object.__setattr__(self, name, value)

    def input_names(self) -> Tuple[str, ...]:
        return ("data", "weight") if self.no_bias else ("data", "weight", "bias")

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        channels = data[1] if data else None
        group = channels // self.num_group if isinstance(channels, int) else None
        return {"weight": (self.num_filter, group, *self.kernel), "bias": (self.num_filter,)}

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        weight = shapes.get("weight")
        if weight is None or len(weight) < 2 or not isinstance(weight[1], int):
            return None
        batch, _, *spatial = AXES[len(self.kernel) + 2]
        return (batch, weight[1] * self.num_group, *spatial)

    def infer(self, data: Shape, weight: Shape, bias: Shape = None) -> Shape:
        assert data is not None
        if len(data) != len(self.kernel) + 2:
            raise ShapeError(f"takes {len(self.kernel) + 2} dimensions, got {show(data)}")
        if isinstance(data[1], int) and data[1] % self.num_group:
            raise ShapeError(f"num_group={self.num_group} does not divide {data[1]} channels")
        if weight and not same(product((weight[1], self.num_group)), data[1]):
            expected = product((weight[1], self.num_group))
            raise ShapeError(f"takes {expected} channels, got {data[1]} in {show(data)}")
        axes = zip(data[2:], self.kernel, self.stride, self.pad, self.dilate)
        return (data[0], self.num_filter, *(window(*axis) for axis in axes))

    def to_onnx(self, g: OnnxBuilder, data: Any, weight: Any, bias: Any = None) -> Any:
        return g.op(
            "Conv",
            *(v for v in (data, weight, bias) if v is not None),
            kernel_shape=self.kernel,
            strides=self.stride,
            pads=self.pad * 2,
            dilations=self.dilate,
            group=self.num_group,
        )

    def to_pytorch(
        self, m: TorchBuilder, data: str, weight: str, bias: Optional[str] = None
    ) -> str:
        out_channels, group_channels = m.array(weight).shape[:2]
        conv = m.module(
            f"nn.Conv{len(self.kernel)}d",
            group_channels * self.num_group,
            out_channels,
            kernel_size=self.kernel,
            stride=self.stride,
            padding=self.pad,
            dilation=self.dilate,
            groups=self.num_group,
            bias=bias is not None,
            state={"weight": m.array(weight), "bias": None if bias is None else m.array(bias)},
        )
        return f"{conv}({data})"
