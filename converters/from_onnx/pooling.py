"""Sliding and global pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import Unsupported
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
    b: SymbolBuilder,
    data: Tensor,
    *,
    kernel_shape: Ints,
    strides: Ints = (),
    pads: Ints = (),
    dilations: Ints = (),
    ceil_mode: int = 0,
    storage_order: int = 0,
    count_include_pad: int = 0,
    auto_pad: str = "NOTSET",
    op_type: str,
) -> Tensor:
    """Pooling; behind a Pad where the padding is not the same on both sides."""
    before, behind = sides(pads, len(kernel_shape), auto_pad)
    if any(d != 1 for d in dilations):
        raise Unsupported(f"dilations={dilations}; supported in MXNet: 1")
    largest = op_type == "MaxPool"
    if before != behind or any(p >= k for p, k in zip(before, kernel_shape)):
        if largest and ceil_mode:
            raise Unsupported(f"ceil_mode=1 with pads={pads}; supported: the same on both sides")
        if not largest and (not count_include_pad or ceil_mode):
            raise Unsupported(
                f"pads={pads} with ceil_mode={ceil_mode}, count_include_pad={count_include_pad}; "
                "supported: pads that are the same on both sides and smaller than the kernel, or "
                "count_include_pad=1 without ceil_mode"
            )
        data = padded(b, data, (0, 0, *before), (0, 0, *behind), LOWEST if largest else 0.0)
        before = (0,) * len(kernel_shape)
    padding = None if largest else bool(count_include_pad)
    options = {"pool_type": "max" if largest else "avg", "count_include_pad": padding}
    return _pool(b, data, kernel_shape, strides, before, ceil_mode, **options)


def _pool(
    b: SymbolBuilder, x: Tensor, kernel: Ints, strides: Ints, pad: Ints, full: int, **more: Any
) -> Tensor:
    """MXNet's "full" has a last window that begins in the padding behind; ONNX leaves it out."""
    strides = tuple(strides) or (1,) * len(kernel)
    out = b.node(
        "Pooling",
        x,
        kernel=tuple(kernel),
        stride=strides,
        pad=pad,
        pooling_convention="full" if full else "valid",
        out=(*x.shape[:2], *positions(x, kernel, strides, pad, full=bool(full))),
        **more,
    )
    if not full:
        return out
    for axis, (k, s, p) in enumerate(zip(kernel, strides, pad), 2):
        if p + s <= k:  # then none begins there
            continue
        size, count = x.shape[axis], out.shape[axis]
        if not isinstance(size, int) or not isinstance(count, int):
            raise Unsupported(
                f"ceil_mode=1 with a kernel of {k}, a stride of {s} and a padding of {p} for an "
                "input of free size, where MXNet and ONNX may differ; supported: a known size. "
                "Give it: --input NAME=1x3x224x224"
            )
        if (count - 1) * s >= size + p:
            out = b.node("slice_axis", out, axis=axis, begin=0, end=count - 1)
    return out
