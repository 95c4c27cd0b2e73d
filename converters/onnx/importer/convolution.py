"""Convolutions: of both directions, and with kernels that are deformed."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ...operators import Unsupported
from .builder import SymbolBuilder
from .registry import onnx_operator
from .values import Tensor, Value
from .windows import Ints, padded, positions, sides


def _options(
    filters: Tensor, bias: Optional[Value], pad: Ints, window: Mapping[str, Any]
) -> Dict[str, Any]:
    """Attributes that MXNet's convolutions share."""
    if not all(isinstance(d, int) for d in filters.shape):
        raise Unsupported("its weight has a free size; supported: a known one")
    return {
        "kernel": filters.shape[2:],
        "stride": window.get("strides"),
        "dilate": window.get("dilations"),
        "pad": pad,
        "no_bias": bias is None,
        "num_group": window["group"],
    }


@onnx_operator("Conv")
def conv(
    b: SymbolBuilder, data: Tensor, filters: Tensor, bias: Optional[Value] = None, **window: Any
) -> Tensor:
    """Convolution; behind a Pad where the padding is not the same on both sides."""
    before, behind = sides(window, len(filters.shape) - 2)
    if before != behind:
        data = padded(b, data, (0, 0, *before), (0, 0, *behind))
        before = (0,) * len(before)
    options, count = _options(filters, bias, before, window), filters.shape[0]
    spatial = positions(data, *(options[k] for k in ("kernel", "stride", "pad", "dilate")))
    out = (data.shape[0], count, *spatial)
    return b.node("Convolution", data, filters, bias, num_filter=count, out=out, **options)


@onnx_operator("ConvTranspose")
def conv_transpose(
    b: SymbolBuilder, x: Value, filters: Tensor, bias: Optional[Value] = None, **window: Any
) -> Tensor:
    """Deconvolution; what is padded on one side more than on the other is cut off it."""
    if window.get("output_shape"):
        shape = window["output_shape"]
        raise Unsupported(f"output_shape={shape}; supported: pads and output_padding")
    before, behind = sides(window, len(filters.shape) - 2)
    least = tuple(map(min, before, behind))
    options = _options(filters, bias, least, window)
    extra = window.get("output_padding", ())
    channels: Any = filters.shape[1]
    options.update(num_filter=channels * window["group"], adj=extra if any(extra) else None)
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
    **window: Any,
) -> Tensor:
    before, behind = sides(window, len(filters.shape) - 2)
    if before != behind:
        raise Unsupported(f"pads={window['pads']}; supported: the same on both sides")
    return b.node(
        f"_contrib_{'' if mask is None else 'Modulated'}DeformableConvolution",
        *(x, offset, mask, filters, bias),
        num_filter=filters.shape[0],
        num_deformable_group=window["offset_group"],
        **_options(filters, bias, before, window),
    )
