"""Windows laid out as columns, and columns summed up where their windows lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.shapes import Dims, Shape, product, with_axes
from .attributes import Ints
from .convolution import Deconvolution, fill_windows, windows
from .emit.computed import takes
from .emit.onnx_math import OnnxExpr, count_to, size_of
from .registry import OnnxBuilder, Unsupported, Written, operator


class Windows(Written):
    """What the two operators share.  Source: src/operator/nn/im2col.cc."""

    kernel: Ints
    stride: Ints
    dilate: Ints
    pad: Ints

    options = "dilation={self.dilate}, padding={self.pad}, stride={self.stride})"
    limits = "two dimensions: with one or three, MXNet 1.9.1 fails where it computes"

    allowed = (("kernel", lambda kernel: len(kernel) == 2, "two dimensions, as MXNet runs"),)

    def __post_init__(self) -> None:
        super().__post_init__()
        fill_windows(self, stride=1, dilate=1, pad=0)

    def _elements(self) -> int:
        return int(np.prod(self.kernel))


@operator("im2col")
class Im2col(Windows):
    """(N, C, H, W) -> (N, C * elements of the kernel, number of windows)."""

    kernel: Ints
    stride: Ints = ()
    dilate: Ints = ()
    pad: Ints = ()

    text = "F.unfold({0}, {self.kernel}, " + Windows.options

    def infer(self, data: Dims) -> Shape:
        batch, channels, *sizes = with_axes(data, "(N, C, H, W)")
        return (batch, product((channels, self._elements())), product(windows(self, sizes)))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        """Each axis is read at place kernel * dilate + window * stride, by both numbers."""
        value = OnnxExpr(g, data)
        if any(self.pad):
            value = value.op("Pad", value.ints((0, 0, *self.pad) * 2))
        for i, (k, s, d, p) in enumerate(zip(self.kernel, self.stride, self.dilate, self.pad)):
            number = (size_of(g, data, i + 2) + (2 * p - d * (k - 1) - 1)) / s + 1
            places = count_to(number) * s + number.array(np.arange(k)[:, None] * d)
            value = value.op("Gather", places, axis=2 + 2 * i)
        channels = (size_of(g, data, 1) * self._elements()).unsqueeze(0)
        return value.transpose(0, 1, 2, 4, 3, 5).reshape(0, channels, -1).value


@operator("col2im")
class Col2im(Windows):
    """(N, C * elements of the kernel, number of windows) -> (N, C, *output_size)."""

    output_size: Ints
    kernel: Ints
    stride: Ints = ()
    dilate: Ints = ()
    pad: Ints = ()

    text = "F.fold({0}, output_size={self.output_size}, kernel_size={self.kernel}, "
    text += Windows.options

    def infer(self, data: Dims) -> Shape:
        count = product(windows(self, self.output_size))
        batch, channels, _ = takes("data", data, (None, None, count))
        if not isinstance(channels, int) or channels % self._elements():
            raise Unsupported(
                f"{channels} channels for a kernel of {self._elements()} elements; supported: a "
                "fixed multiple of them"
            )
        return (batch, channels // self._elements(), *self.output_size)

    def _filters(self, channels: int) -> Any:
        """(C * elements, 1, *kernel): each channel's number goes to one place of the window."""
        one = np.eye(self._elements()).reshape(-1, 1, *self.kernel)
        return np.tile(one, (channels, *(1,) * (one.ndim - 1)))

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        counts = windows(self, self.output_size)
        channels = g.output_shape()[1]
        assert isinstance(channels, int)
        apart = g.op("Reshape", data, g.ints((0, 0, *(c for c in counts if isinstance(c, int)))))
        axes = zip(self.output_size, self.pad, self.dilate, self.kernel, self.stride)
        left = ((o + 2 * p - d * (k - 1) - 1) % s for o, p, d, k, s in axes)
        given = (self.kernel, channels, self.stride, self.dilate, self.pad, channels)
        summing = Deconvolution(*given, adj=tuple(left))
        return summing.to_onnx(g, apart, g.constant(self._filters(channels), data))
