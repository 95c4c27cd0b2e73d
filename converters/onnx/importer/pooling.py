"""Sliding and global pooling."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np

from ...operators import Unsupported
from .builder import SymbolBuilder
from .registry import onnx_operator
from .values import Tensor
from .windows import Ints, padded, positions, sides

LOWEST = float(np.finfo(np.float32).min)


@onnx_operator("GlobalAveragePool", "GlobalMaxPool")
def global_pool(b: SymbolBuilder, data: Tensor, *, op_type: str) -> Tensor:
    kind = "avg" if op_type == "GlobalAveragePool" else "max"
    kernel = (1,) * (len(data.shape) - 2)
    return b.node("Pooling", data, kernel=kernel, pool_type=kind, global_pool=True)


@onnx_operator("MaxPool", "AveragePool")
def pool(
    b: SymbolBuilder, data: Tensor, *, op_type: str, kernel_shape: Ints, **window: Any
) -> Tensor:
    """Pooling; behind a Pad where the padding is not the same on both sides."""
    before, behind = sides(window, len(kernel_shape))
    dilations, full = window.get("dilations", ()), window["ceil_mode"]
    counted = window.get("count_include_pad", 0)
    if any(d != 1 for d in dilations):
        raise Unsupported(f"dilations={dilations}; supported in MXNet: 1")
    largest = op_type == "MaxPool"
    if before != behind or any(p >= k for p, k in zip(before, kernel_shape)):
        pads = window["pads"]
        if largest and full:
            raise Unsupported(f"ceil_mode=1 with pads={pads}; supported: the same on both sides")
        if not largest and (not counted or full):
            raise Unsupported(
                f"pads={pads} with ceil_mode={full}, count_include_pad={counted}; "
                "supported: pads that are the same on both sides and smaller than the kernel, or "
                "count_include_pad=1 without ceil_mode"
            )
        data = padded(b, data, (0, 0, *before), (0, 0, *behind), LOWEST if largest else 0.0)
        before = (0,) * len(kernel_shape)
    strides = window.get("strides") or (1,) * len(kernel_shape)
    shape = (*data.shape[:2], *positions(data, kernel_shape, strides, before, full=bool(full)))
    options: Dict[str, Any] = {"kernel": kernel_shape, "stride": strides, "pad": before}
    options["pooling_convention"] = "full" if full else "valid"
    options["count_include_pad"] = None if largest else bool(counted)
    out = b.node("Pooling", data, pool_type="max" if largest else "avg", out=shape, **options)
    return _cut(b, data, out, kernel_shape, strides, before) if full else out


def _cut(
    b: SymbolBuilder, x: Tensor, out: Tensor, kernel: Ints, strides: Ints, pad: Ints
) -> Tensor:
    """MXNet's "full" has a last window that begins in the padding behind; ONNX leaves it out."""
    for axis, (k, s, p) in enumerate(zip(kernel, strides, pad), 2):
        if p + s <= k:  # then none begins there
            continue
        size, count = x.shape[axis], out.shape[axis]
        if not isinstance(size, int) or not isinstance(count, int):
            raise Unsupported(
                f"ceil_mode=1 with a kernel of {k}, a stride of {s} and a padding of {p} for an "
                "input of free size, where MXNet and ONNX may differ; supported: a known size. "
                "Give it: --input"
            )
        if (count - 1) * s >= size + p:
            out = b.node("slice_axis", out, axis=axis, begin=0, end=count - 1)
    return out
