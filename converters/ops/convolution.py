"""Convolution in one, two and three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Literal, Mapping, Optional, Tuple

from ..errors import ShapeError
from ..python_text import literal
from ..shape import AXES, Dim, Dims, Shape, product, same, show, window
from .attributes import Ints
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


def per_axis(values: Ints, kernel: Ints, default: int) -> Ints:
    """An attribute given for every spatial axis; () means the default on each."""
    if values and len(values) != len(kernel):
        raise Unsupported(f"{values} does not fit the {len(kernel)}-dimensional kernel {kernel}")
    return values or (default,) * len(kernel)


def fill_windows(operator: Any, **defaults: int) -> None:
    """State an operator's attributes (stride=1, ...) for each axis of its kernel."""
    for name, default in defaults.items():
        values = per_axis(getattr(operator, name), operator.kernel, default)
        object.__setattr__(operator, name, values)


def functional(name: str, *inputs: Optional[str], **options: Any) -> str:
    """`F.conv2d(x, weight, bias, stride=(2, 2))`, PyTorch's defaults left out."""
    defaults = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
    given = [text for text in inputs if text is not None]
    for key, value in options.items():
        elements = value if isinstance(value, tuple) else (value,)
        if any(e != defaults[key] for e in elements):
            given.append(f"{key}={literal(value)}")
    return f"F.{name}({', '.join(given)})"


def weighted(
    m: TorchBuilder,
    kinds: Tuple[str, str],
    sizes: Callable[[Any], Tuple[int, int]],
    data: str,
    weight: str,
    bias: Optional[str],
    kernel: Optional[Ints] = None,
    **options: Any,
) -> str:
    """A module that holds weight and bias, or a function's call where other layers make them.

    Args:
        kinds: the function's name and the module's.
        sizes: weight -> how many channels go in and out.
    """
    if not all(m.is_stored(value) for value in (weight, bias) if value is not None):
        return functional(kinds[0], data, weight, bias, **options)
    arrays = {"weight": m.array(weight), "bias": None if bias is None else m.array(bias)}
    options = {"kernel_size": kernel, **options} if kernel else options
    inner, outer = sizes(arrays["weight"])
    module = m.module(
        f"nn.{kinds[1]}", inner, outer, **options, bias=bias is not None, state=arrays
    )
    return f"{module}({data})"


@dataclass(frozen=True)
class Filters(Operator):
    """What convolutions of both directions share. A weight or a bias may be another layer's."""

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
        fill_windows(self, stride=1, dilate=1, pad=0)

    def input_names(self) -> Tuple[str, ...]:
        return ("data", "weight") if self.no_bias else ("data", "weight", "bias")

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        channels = data[1] if data else None
        group = channels // self.num_group if isinstance(channels, int) else None
        return {"weight": (self.num_filter, group, *self.kernel), "bias": (self.num_filter,)}

    def check_rank(self, data: Dims) -> None:
        if len(data) != len(self.kernel) + 2:
            raise ShapeError(f"takes {len(self.kernel) + 2} dimensions, got {show(data)}")
        if isinstance(data[1], int) and data[1] % self.num_group:
            raise ShapeError(f"num_group={self.num_group} does not divide {data[1]} channels")


@operator(
    "Convolution",
    ignores=("workspace", "cudnn_tune", "cudnn_off"),
    parameters=("weight", "bias"),
)
class Convolution(Filters):
    """(N, C, *S) -> (N, num_filter, *S').  Source: src/operator/nn/convolution-inl.h."""

    limits = "layout NWC, NHWC and NDHWC: MXNet itself has them on a GPU only"

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        weight = shapes.get("weight")
        if weight is None or len(weight) < 2 or not isinstance(weight[1], int):
            return None
        batch, _, *spatial = AXES[len(self.kernel) + 2]
        return (batch, weight[1] * self.num_group, *spatial)

    def infer(self, data: Dims, weight: Dims, bias: Shape = None) -> Shape:
        self.check_rank(data)
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
        return weighted(
            m,
            (f"conv{len(self.kernel)}d", f"Conv{len(self.kernel)}d"),
            lambda stored: (stored.shape[1] * self.num_group, stored.shape[0]),
            data,
            weight,
            bias,
            kernel=self.kernel,
            stride=self.stride,
            padding=self.pad,
            dilation=self.dilate,
            groups=self.num_group,
        )


@operator(
    "Convolution_v1",
    ignores=("workspace", "cudnn_tune", "cudnn_off"),
    parameters=("weight", "bias"),
)
class ConvolutionV1(Convolution):
    """(N, C, H, W) -> (N, num_filter, H', W').  Source: src/operator/convolution_v1-inl.h."""

    limits = "MXNet itself has it for images, in layout NCHW, only"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.kernel) != 2:
            raise Unsupported(f"kernel={self.kernel}; supported: 2 dimensions, as in MXNet")
