"""Pictures made larger and smaller, and space moved into channels."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from ...operators import Unsupported
from .builder import SymbolBuilder
from .registry import onnx_operator, renamed
from .values import Operand, SymbolicSize, Tensor, Value, is_stored

BILINEAR = {"align_corners": True, "pytorch_half_pixel": False, "half_pixel": False}


@onnx_operator("Resize")
def resize(
    b: SymbolBuilder,
    data: Tensor,
    roi: Optional[Value] = None,
    scales: Optional[Value] = None,
    given: Optional[Value] = None,
    *,
    mode: str,
    coordinate_transformation_mode: str,
    nearest_mode: str,
    axes: Optional[Tuple[int, ...]] = None,
) -> Tensor:
    """UpSampling for the nearest by a whole number; BilinearResize2D for pictures."""
    place = coordinate_transformation_mode
    if len(data.shape) != 4 or axes not in (None, (0, 1, 2, 3)):
        raise Unsupported("supported: (N, C, H, W) without axes")
    if mode == "nearest" and place == "asymmetric" and nearest_mode == "floor":
        return _nearest(b, data, scales, given)
    if mode != "linear" or place not in BILINEAR:
        raise Unsupported(
            f"mode={mode}, coordinate_transformation_mode={place}, nearest_mode={nearest_mode}; "
            "supported: linear with align_corners or (pytorch_)half_pixel; nearest, asymmetric "
            "with floor"
        )
    height, width = _sizes(b, data, scales, given)
    corners = BILINEAR[place]
    if isinstance(height, int) and isinstance(width, int):
        return b.node(
            "_contrib_BilinearResize2D", data, height=height, width=width, align_corners=corners
        )
    return _resized_like(b, data, height, width, corners)


def _resized_like(
    b: SymbolBuilder, data: Tensor, height: Operand, width: Operand, corners: bool
) -> Tensor:
    """To the free size of another value, which must be a picture."""
    like = b.neighbours((b.dim(height), b.dim(width)))
    if like is None or like[1] != 2 or len(like[0].shape) != 4:
        raise Unsupported(
            f"to a size of {height} by {width}; supported: numbers, or the size of another value. "
            "Give the input a fixed size: --input"
        )
    shape = (*data.shape[:2], b.dim(height), b.dim(width))
    return b.node(
        "_contrib_BilinearResize2D", data, like[0], mode="like", align_corners=corners, out=shape
    )


def _sizes(
    b: SymbolBuilder, data: Tensor, scales: Optional[Value], given: Optional[Value]
) -> Tuple[Any, Any]:
    if given is not None:
        _, _, height, width = b.numbers(given, "its sizes")
        return height, width
    if not is_stored(scales):
        raise Unsupported("its scales are computed; supported: known ones")
    found: List[Operand] = []
    for dim, scale in zip(data.shape[2:], scales.array.tolist()[2:]):
        if isinstance(dim, int):
            found.append(int(dim * scale))
        elif scale == 1:
            found.append(b.size(dim))
        else:
            raise Unsupported(
                f"by {scale} of a free size; supported: a known one. Give it: --input"
            )
    return found[0], found[1]


def _nearest(
    b: SymbolBuilder, data: Tensor, scales: Optional[Value], given: Optional[Value]
) -> Tensor:
    ratios = []
    if given is not None:
        for dim, size in zip(data.shape[2:], b.numbers(given, "its sizes")[2:]):
            ratio = size // b.size(dim)
            ratios.append(ratio if ratio * b.size(dim) == size else 0)
    elif is_stored(scales):
        ratios = scales.array.tolist()[2:]
    if (
        len(set(map(str, ratios))) != 1
        or isinstance(ratios[0], SymbolicSize)
        or ratios[0] % 1
        or not ratios[0]
    ):
        raise Unsupported(f"by {ratios}; supported for the nearest: one whole number")
    scale = int(ratios[0])
    shape = (*data.shape[:2], *(b.dim(b.size(d) * scale) for d in data.shape[2:]))
    return b.node("UpSampling", data, scale=scale, sample_type="nearest", num_args=1, out=shape)


renamed("DepthToSpace", "depth_to_space", {"blocksize": "block_size"})
renamed("SpaceToDepth", "space_to_depth", {"blocksize": "block_size"})


@onnx_operator("GridSample")
def grid_sample(
    b: SymbolBuilder, x: Value, grid: Value, *, mode: str, padding_mode: str, align_corners: int
) -> Tensor:
    """BilinearSampler, whose grid has the coordinates on its second axis."""
    if mode not in ("linear", "bilinear") or padding_mode != "zeros" or not align_corners:
        raise Unsupported(
            f"mode={mode}, padding_mode={padding_mode}, align_corners={align_corners}; "
            "supported: linear, zeros, 1"
        )
    turned = b.node("transpose", grid, axes=(0, 3, 1, 2))
    return b.node("BilinearSampler", x, turned)


@onnx_operator("RoiAlign")
def roi_align(
    b: SymbolBuilder,
    x: Value,
    corners: Tensor,
    images: Value,
    *,
    output_height: int,
    output_width: int,
    sampling_ratio: int,
    spatial_scale: float,
    coordinate_transformation_mode: str = "output_half_pixel",
) -> Tensor:
    """MXNet has the number of the image in front of the corners. Old opsets shift no pixels."""
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
