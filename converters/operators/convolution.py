"""Convolution and its transpose in one, two and three dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Literal, Mapping, Optional, Sequence, Tuple

from ..errors import ShapeError
from ..ir.shapes import AXES, Dim, Dims, Shape, product, same, show, window
from .attributes import Ints
from .linear import weighted
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


def windows(operator: Any, sizes: Sequence[Dim]) -> List[Dim]:
    """How many windows an operator has along each spatial axis of these sizes."""
    axes = zip(sizes, operator.kernel, operator.stride, operator.pad, operator.dilate)
    return [window(*axis) for axis in axes]


@dataclass(frozen=True)
class Filters(Operator):
    """What all convolutions share. A weight or a bias may be another layer's."""

    kernel: Ints
    num_filter: int
    stride: Ints = ()  # () means 1 along each spatial axis
    dilate: Ints = ()
    pad: Ints = ()  # the same on both sides
    num_group: int = 1
    no_bias: bool = False
    layout: Optional[Literal["NCW", "NCHW", "NCDHW"]] = None

    allowed = (("kernel", lambda kernel: 1 <= len(kernel) <= 3, "1 to 3 dimensions"),)

    def __post_init__(self) -> None:
        super().__post_init__()
        fill_windows(self, stride=1, dilate=1, pad=0)

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        channels = data[1] if data else None
        group = channels // self.num_group if isinstance(channels, int) else None
        return {"weight": (self.num_filter, group, *self.kernel), "bias": (self.num_filter,)}

    def data_channels(self, weight: Dims) -> Dim:
        """How many channels the data has, by the weight's shape."""
        return product((weight[1], self.num_group))

    def data_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        weight = shapes.get("weight")
        if weight is None or len(weight) != len(self.kernel) + 2:
            return None
        batch, _, *spatial = AXES[len(weight)]
        return (batch, self.data_channels(weight), *spatial)

    def onnx(
        self, g: OnnxBuilder, name: str, *inputs: Any, pad: Ints, adj: Ints = (), **more: Any
    ) -> Any:
        return g.op(
            name,
            *inputs,
            kernel_shape=self.kernel,
            strides=self.stride,
            pads=pad * 2,
            output_padding=adj if any(adj) else None,
            dilations=self.dilate,
            group=self.num_group,
            **more,
        )


class _Plain(Filters):
    """What moves the same kernel to every place: (N, C, *S) -> (N, num_filter, *S')."""

    def sizes(self, data: Dims) -> List[Dim]:
        """*S'"""
        return windows(self, data[2:])

    def infer(self, data: Dims, weight: Dims, bias: Shape = None) -> Shape:
        if len(data) != len(self.kernel) + 2:
            raise ShapeError(f"takes {len(self.kernel) + 2} dimensions, got {show(data)}")
        if isinstance(data[1], int) and data[1] % self.num_group:
            raise ShapeError(f"num_group={self.num_group} does not divide {data[1]} channels")
        expected = self.data_channels(weight)
        if not same(expected, data[1]):
            raise ShapeError(f"takes {expected} channels, got {data[1]} in {show(data)}")
        return (data[0], self.num_filter, *self.sizes(data))


_TUNING = ("workspace", "cudnn_tune", "cudnn_off")


@operator("Convolution", ignores=_TUNING, parameters=("weight", "bias"))
class Convolution(_Plain):
    """(N, C, *S) -> (N, num_filter, *S').  Source: src/operator/nn/convolution-inl.h."""

    limits = "layout NWC, NHWC and NDHWC: MXNet itself has them on a GPU only"

    def to_onnx(self, g: OnnxBuilder, *inputs: Any) -> Any:
        return self.onnx(g, "Conv", *inputs, pad=self.pad)

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        return weighted(
            m,
            f"conv{len(self.kernel)}d",
            *inputs,
            kernel_size=self.kernel,
            stride=self.stride,
            padding=self.pad,
            dilation=self.dilate,
            groups=self.num_group,
        )


@operator("Convolution_v1", ignores=_TUNING, parameters=("weight", "bias"))
class ConvolutionV1(Convolution):
    """(N, C, H, W) -> (N, num_filter, H', W').  Source: src/operator/convolution_v1-inl.h."""

    limits = "MXNet itself has it for images, in layout NCHW, only"
    allowed = (("kernel", lambda kernel: len(kernel) == 2, "2 dimensions, as in MXNet"),)


@operator("Deconvolution", ignores=_TUNING, parameters=("weight", "bias"))
class Deconvolution(_Plain):
    """(N, C, *S) -> (N, num_filter, *S').  Source: src/operator/nn/deconvolution-inl.h.

    `adj` makes the output that much larger at its end. `target_shape` states the output's size,
    and pad and adj follow from it.
    """

    no_bias: bool = True
    adj: Ints = ()
    target_shape: Ints = ()

    limits = (
        "target_shape needs a fixed input size; layout NWC, NHWC and NDHWC: MXNet itself has them "
        "on a GPU only"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        fill_windows(self, adj=0)
        if any(self.target_shape):
            per_axis(self.target_shape, self.kernel, 0)
            if not all(self.target_shape):
                raise Unsupported(f"target_shape={self.target_shape}; supported: all above 0")
        elif any(a >= s for a, s in zip(self.adj, self.stride)):
            raise Unsupported(f"adj={self.adj} with stride={self.stride}; supported: below stride")
        if len(self.kernel) == 3 and set(self.dilate) != {1}:
            raise Unsupported(f"dilate={self.dilate}; supported for video: 1, as in MXNet")

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        channels = data[1] if data else None
        filters = self.num_filter // self.num_group
        return {"weight": (channels, filters, *self.kernel), "bias": (self.num_filter,)}

    def data_channels(self, weight: Dims) -> Dim:
        return weight[0]

    def _full(self, axis: int, size: int) -> int:
        """The output's size along a spatial axis without padding."""
        return self.stride[axis] * (size - 1) + self.dilate[axis] * (self.kernel[axis] - 1) + 1

    def _padding(self, builder: Any, data: Any) -> Tuple[Ints, Ints]:
        """pad and adj."""
        if not any(self.target_shape):
            return self.pad, self.adj
        shape, total = builder.shape(data), []
        for axis, (size, target) in enumerate(zip(shape[2:], self.target_shape)):
            if not isinstance(size, int):
                raise Unsupported(
                    f"target_shape={self.target_shape} needs a fixed input size, got "
                    f"{show(shape)}: give --input"
                )
            total.append(self._full(axis, size) - target)
        return tuple((t + 1) // 2 for t in total), tuple(t % 2 for t in total)

    def sizes(self, data: Dims) -> List[Dim]:
        return [self._size(axis, size) for axis, size in enumerate(data[2:])]

    def _size(self, axis: int, size: Dim) -> Dim:
        if any(self.target_shape):
            target = self.target_shape[axis]
            surplus = self._full(axis, size) - target if isinstance(size, int) else 0
            if surplus < 0 or surplus % 2 >= self.stride[axis]:
                raise ShapeError(f"cannot make {target} out of {size} on spatial axis {axis}")
            return target
        more = self.adj[axis] - 2 * self.pad[axis]
        if not isinstance(size, int):
            # A 1 by 1 kernel, say: the size stays.
            return size if self.stride[axis] == 1 and self._full(axis, 1) + more == 1 else None
        if self._full(axis, size) + more < 1:
            raise ShapeError(f"pad={self.pad} leaves nothing of spatial axis {axis}")
        return self._full(axis, size) + more

    def to_onnx(self, g: OnnxBuilder, *inputs: Any) -> Any:
        pad, adj = self._padding(g, inputs[0])
        return self.onnx(g, "ConvTranspose", *inputs, pad=pad, adj=adj)

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        pad, adj = self._padding(m, inputs[0])
        return weighted(
            m,
            f"conv_transpose{len(self.kernel)}d",
            *inputs,
            kernel_size=self.kernel,
            stride=self.stride,
            padding=pad,
            output_padding=adj,
            groups=self.num_group,
            dilation=self.dilate,
        )
