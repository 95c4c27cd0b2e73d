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


@onnx_operator("RoiAlign")
def roi_align(
    b: SymbolBuilder,
    x: Value,
    regions: Value,
    images: Value,
    *,
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
    mode: str = "avg",
    coordinate_transformation_mode: str = "half_pixel",
) -> Tensor:
    """MXNet has the number of the image in front of the corners."""
    if mode != "avg":
        raise Unsupported(f"mode={mode}; supported in MXNet: avg")
    corners = b.tensor(regions)
    column = b.node("expand_dims", images, axis=1)
    number = b.node("Cast", column, dtype=corners.dtype)
    return b.node(
        "_contrib_ROIAlign",
        x,
        b.node("Concat", number, corners, dim=1, num_args=2),
        pooled_size=(output_height, output_width),
        spatial_scale=spatial_scale,
        sample_ratio=sampling_ratio or -1,
        aligned=coordinate_transformation_mode == "half_pixel",
    )
