"""What looks at places that are computed: regions of interest, deformed kernels."""

from __future__ import annotations

from typing import Any, Optional

from ..ops import Unsupported
from .builder import SymbolBuilder
from .registry import onnx_operator
from .values import Tensor, Value
from .windows import Ints, sides


@onnx_operator("DeformConv")
def deformable_convolution(
    b: SymbolBuilder,
    x: Value,
    weight: Value,
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
    filters = b.tensor(weight)
    kernel: Any = filters.shape[2:]
    before, behind = sides(pads, len(kernel), "NOTSET")
    if before != behind:
        raise Unsupported(f"pads={pads}; supported: the same on both sides")
    given = [x, offset, *([] if mask is None else [mask]), filters]
    given += [] if bias is None else [bias]
    return b.node(
        f"_contrib_{'' if mask is None else 'Modulated'}DeformableConvolution",
        *given,
        kernel=kernel,
        stride=strides or None,
        dilate=dilations or None,
        pad=before,
        num_filter=filters.shape[0],
        num_group=group,
        num_deformable_group=offset_group,
        no_bias=bias is None,
    )
