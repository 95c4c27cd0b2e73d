"""Convolutions: of both directions, and with kernels that are deformed."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..ops import Unsupported
from .builder import SymbolBuilder
from .registry import onnx_operator
from .values import Tensor, Value
from .windows import Ints, padded, positions, sides


def _check_sizes(filters: Tensor) -> None:
    if not all(isinstance(d, int) for d in filters.shape):
        raise Unsupported("its weight has a free size; supported: a known one")


def _options(
    filters: Tensor, bias: Optional[Value], strides: Ints, dilations: Ints, pad: Ints
) -> Dict[str, Any]:
    """Attributes that MXNet's convolutions share."""
    return {
        "kernel": filters.shape[2:],
        "stride": strides or None,
        "dilate": dilations or None,
        "pad": pad,
        "no_bias": bias is None,
    }


@onnx_operator("Conv")
def conv(
    b: SymbolBuilder,
    data: Tensor,
    filters: Tensor,
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
    _check_sizes(filters)
    kernel: Any = filters.shape[2:]
    before, behind = sides(pads, len(kernel), auto_pad)
    if before != behind:
        data = padded(b, data, (0, 0, *before), (0, 0, *behind))
        before = (0,) * len(kernel)
    count, spatial = filters.shape[0], positions(data, kernel, strides, before, dilations)
    options = _options(filters, bias, strides, dilations, before)
    options.update(num_filter=count, num_group=group, out=(data.shape[0], count, *spatial))
    return b.node("Convolution", data, filters, bias, **options)


@onnx_operator("ConvTranspose")
def conv_transpose(
    b: SymbolBuilder,
    x: Value,
    filters: Tensor,
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
    _check_sizes(filters)
    before, behind = sides(pads, len(filters.shape) - 2, auto_pad)
    least = tuple(map(min, before, behind))
    options = _options(filters, bias, strides, dilations, least)
    options["adj"] = output_padding if any(output_padding) else None
    channels: Any = filters.shape[1]
    options.update(num_filter=channels * group, num_group=group)
    out = b.node("Deconvolution", x, filters, bias, **options)
    if before == behind:
        return out
    begins = tuple(n - m for n, m in zip(before, least))
    ends = tuple(m - n or None for n, m in zip(behind, least))
    return b.node("slice", out, begin=(0, 0, *begins), end=(None, None, *ends))


@onnx_operator("DeformConv")
def deformable_convolution(
    b: SymbolBuilder,
    x: Value,
    filters: Tensor,
    offset: Value,
    bias: Optional[Value] = None,
    mask: Optional[Value] = None,
    *,
    kernel_shape: Ints = (),
    strides: Ints = (),
    pads: Ints = (),
    dilations: Ints = (),
    group: int = 1,
    offset_group: int = 1,
) -> Tensor:
    before, behind = sides(pads, len(filters.shape) - 2, "NOTSET")
    if before != behind:
        raise Unsupported(f"pads={pads}; supported: the same on both sides")
    return b.node(
        f"_contrib_{'' if mask is None else 'Modulated'}DeformableConvolution",
        *(x, offset, mask, filters, bias),
        num_filter=filters.shape[0],
        num_group=group,
        num_deformable_group=offset_group,
        **_options(filters, bias, strides, dilations, before),
    )
