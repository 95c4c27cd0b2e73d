"""Convolutions of both directions."""

from __future__ import annotations

from typing import Any, Optional

from ..ops import Unsupported
from .builder import SymbolBuilder
from .registry import onnx_operator
from .values import Tensor, Value
from .windows import Ints, padded, positions, sides


def _weight(b: SymbolBuilder, weight: Value) -> Tensor:
    tensor = b.tensor(weight)
    if not all(isinstance(d, int) for d in tensor.shape):
        raise Unsupported("its weight has a free size; supported: a known one")
    return tensor


@onnx_operator("Conv")
def conv(
    b: SymbolBuilder,
    x: Value,
    weight: Value,
    bias: Optional[Value] = None,
    *,
    kernel_shape: Ints = (),
    strides: Ints = (),
    pads: Ints = (),
    dilations: Ints = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Tensor:
    """Convolution; behind a Pad where the padding is not the same on both sides."""
    filters = _weight(b, weight)
    kernel: Any = filters.shape[2:]
    before, behind = sides(pads, len(kernel), auto_pad)
    data = b.tensor(x)
    if before != behind:
        data = padded(b, data, (0, 0, *before), (0, 0, *behind))
        before = (0,) * len(kernel)
    given = [data, filters, *([] if bias is None else [bias])]
    spatial = positions(data, kernel, strides, before, dilations)
    return b.node(
        "Convolution",
        *given,
        out=(data.shape[0], filters.shape[0], *spatial),
        kernel=kernel,
        stride=strides or None,
        dilate=dilations or None,
        pad=before,
        num_filter=filters.shape[0],
        num_group=group,
        no_bias=bias is None,
    )


@onnx_operator("ConvTranspose")
def conv_transpose(
    b: SymbolBuilder,
    x: Value,
    weight: Value,
    bias: Optional[Value] = None,
    *,
    kernel_shape: Ints = (),
    strides: Ints = (),
    pads: Ints = (),
    dilations: Ints = (),
    output_padding: Ints = (),
    output_shape: Ints = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Tensor:
    """Deconvolution; what is padded on one side more than on the other is cut off it."""
    if output_shape:
        raise Unsupported(f"output_shape={output_shape}; supported: pads and output_padding")
    filters = _weight(b, weight)
    kernel: Any = filters.shape[2:]
    before, behind = sides(pads, len(kernel), auto_pad)
    least = tuple(map(min, before, behind))
    channels: Any = filters.shape[1]
    given = [x, filters, *([] if bias is None else [bias])]
    out = b.node(
        "Deconvolution",
        *given,
        kernel=kernel,
        stride=strides or None,
        dilate=dilations or None,
        pad=least,
        adj=output_padding if any(output_padding) else None,
        num_filter=channels * group,
        num_group=group,
        no_bias=bias is None,
    )
    return out if before == behind else _cut(b, out, before, behind)


def _cut(b: SymbolBuilder, out: Tensor, before: Ints, behind: Ints) -> Tensor:
    """What is padded on one side only."""
    least = tuple(map(min, before, behind))
    begins = tuple(n - m for n, m in zip(before, least))
    ends = tuple(m - n or None for n, m in zip(behind, least))
    return b.node("slice", out, begin=(0, 0, *begins), end=(None, None, *ends))
