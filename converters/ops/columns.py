"""Windows laid out as columns, and columns summed up where their windows lie."""

from __future__ import annotations

from typing import Any, List, Tuple

import numpy as np

from ..errors import ShapeError
from ..shape import Dim, Dims, Shape, product, same, show, window, with_axes
from .attributes import Ints
from .broadcasting import times
from .convolution import fill_windows
from .onnx_sizes import count_to, size_of, whole
from .registry import OnnxBuilder, Operator, TorchBuilder, Unsupported, operator


class Windows(Operator):
    """What the two operators share.  Source: src/operator/nn/im2col.cc."""

    kernel: Ints
    stride: Ints
    dilate: Ints
    pad: Ints

    limits = "two dimensions: with one or three, MXNet 1.9.1 fails where it computes"

    def __post_init__(self) -> None:
        if len(self.kernel) != 2:
            raise Unsupported(f"kernel={self.kernel}; supported: two dimensions, as MXNet runs")
        fill_windows(self, stride=1, dilate=1, pad=0)

    def _elements(self) -> int:
        return int(np.prod(self.kernel))

    def _counts(self, sizes: Tuple[Dim, ...]) -> List[Dim]:
        """How many windows there are along each spatial axis."""
        axes = zip(sizes, self.kernel, self.stride, self.pad, self.dilate)
        return [window(*axis) for axis in axes]

    def _text(self, **options: Ints) -> str:
        """The call's arguments behind the data and the first size."""
        options = {**options, "dilation": self.dilate, "padding": self.pad, "stride": self.stride}
        return ", ".join(f"{name}={value}" for name, value in options.items())


@operator("im2col")
class Im2col(Windows):
    """(N, C, H, W) -> (N, C * elements of the kernel, number of windows)."""

    kernel: Ints
    stride: Ints = ()
    dilate: Ints = ()
    pad: Ints = ()

    def infer(self, data: Dims) -> Shape:
        batch, channels, *sizes = with_axes(data, "(N, C, H, W)")
        return (batch, times(channels, self._elements()), product(self._counts(tuple(sizes))))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        """Each axis is read at place kernel * dilate + window * stride, by both numbers."""
        value = data
        if any(self.pad):
            pads = (0, 0, *self.pad)
            value = g.op("Pad", value, g.ints(pads * 2))
        for i, (k, s, d, p) in enumerate(zip(self.kernel, self.stride, self.dilate, self.pad)):
            room = 2 * p - d * (k - 1) - 1
            last = g.op("Add", size_of(g, data, i + 2), whole(g, room))
            count = g.op("Add", g.op("Div", last, whole(g, s)), whole(g, 1))
            starts = g.op("Mul", count_to(g, count), whole(g, s))
            places = g.op("Add", starts, g.constant(np.arange(k)[:, None] * d))
            value = g.op("Gather", value, places, axis=2 + 2 * i)
        apart = g.op("Transpose", value, perm=[0, 1, 2, 4, 3, 5])
        channels = g.op("Mul", size_of(g, data, 1), whole(g, self._elements()))
        channels = g.op("Unsqueeze", channels, g.ints((0,)))
        return g.op("Reshape", apart, g.op("Concat", g.ints((0,)), channels, g.ints((-1,)), axis=0))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"F.unfold({data}, {self.kernel}, {self._text()})"


@operator("col2im")
class Col2im(Windows):
    """(N, C * elements of the kernel, number of windows) -> (N, C, *output_size)."""

    output_size: Ints
    kernel: Ints
    stride: Ints = ()
    dilate: Ints = ()
    pad: Ints = ()

    def infer(self, data: Dims) -> Shape:
        count = product(self._counts(self.output_size))
        if len(data) != 3 or not same(data[2], count):
            raise ShapeError(f"takes (N, C * {self._elements()}, {count}), got {show(data)}")
        channels = data[1]
        if not isinstance(channels, int) or channels % self._elements():
            raise Unsupported(
                f"{channels} channels for a kernel of {self._elements()} elements; supported: a "
                "fixed multiple of them"
            )
        return (data[0], channels // self._elements(), *self.output_size)

    def _filters(self, channels: int) -> Any:
        """(C * elements, 1, *kernel): each channel's number goes to one place of the window."""
        one = np.eye(self._elements()).reshape(-1, 1, *self.kernel)
        return np.tile(one, (channels, *(1,) * (one.ndim - 1)))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        counts = self._counts(self.output_size)
        channels = g.output_shape()[1]
        assert isinstance(channels, int)
        apart = g.op("Reshape", data, g.ints((0, 0, *(c for c in counts if isinstance(c, int)))))
        axes = zip(self.output_size, self.pad, self.dilate, self.kernel, self.stride)
        left = ((o + 2 * p - d * (k - 1) - 1) % s for o, p, d, k, s in axes)
        return g.op(
            "ConvTranspose",
            apart,
            g.constant(self._filters(channels), data),
            kernel_shape=self.kernel,
            strides=self.stride,
            dilations=self.dilate,
            pads=self.pad * 2,
            output_padding=tuple(left),
            group=channels,
        )

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        options = self._text(output_size=self.output_size, kernel_size=self.kernel)
        return f"F.fold({data}, {options})"
