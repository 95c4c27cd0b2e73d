"""RoiAlign, DeformConv and GridSample for onnx's reference evaluator."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np
from onnx.reference.op_run import OpRun

from .base import Array


def line_weights(places: Array, size: int) -> Array:
    """Places along an axis, (..., P) -> (..., P, size): how much each line counts; up to one line
    outside the border counts in full, beyond that nothing does."""
    inside = (places >= -1) & (places <= size)
    clipped = np.clip(places, 0, size - 1)[..., None]
    counts: Array = np.maximum(1 - np.abs(clipped - np.arange(size)), 0) * inside[..., None]
    return counts


def sampled(images: Array, places: Array) -> Array:
    """Interpolated between pixels, which are 0 outside: (N, C, H, W), rows and columns
    (N, ..., 2) -> (N, C, ...)."""
    size, low = np.array(images.shape[2:]), np.floor(places)
    first = np.arange(len(images)).reshape(-1, *[1] * (places.ndim - 2))
    total = np.zeros((*places.shape[:-1], images.shape[1]))
    for corner in np.ndindex(2, 2):
        line = low + corner
        parts = (1 - np.abs(places - line)) * ((line >= 0) & (line < size))
        at = np.clip(line, 0, size - 1).astype(int)
        total += images[first, :, at[..., 0], at[..., 1]] * parts.prod(-1)[..., None]
    result: Array = np.moveaxis(total, -1, 1)
    return result


class RoiAlign(OpRun):  # type: ignore[misc]
    """onnx's shifts the regions of opset 10 by half a pixel, and takes numbers one by one."""

    def _run(
        self,
        data: Array,
        rois: Array,
        images: Array,
        coordinate_transformation_mode: Optional[str] = None,
        mode: str = "avg",
        output_height: int = 1,
        output_width: int = 1,
        sampling_ratio: int = 0,
        spatial_scale: float = 1.0,
    ) -> Any:
        if mode != "avg":
            raise NotImplementedError(f"RoiAlign with mode={mode}")
        # Opset 10 has no such attribute, and means the corners of pixels.
        stated = {a.name for a in self.onnx_node.attribute}
        default = "half_pixel" if self.run_params["opsets"][""] >= 16 else "output_half_pixel"
        named = "coordinate_transformation_mode" in stated
        aligned = (coordinate_transformation_mode if named else default) == "half_pixel"
        corners = rois * spatial_scale - 0.5 * aligned
        pooled = np.empty((len(rois), data.shape[1], output_height, output_width), data.dtype)
        for number, (left, top, right, bottom) in enumerate(corners):
            height, width = bottom - top, right - left
            if not aligned:
                height, width = max(height, 1.0), max(width, 1.0)
            weights = []
            for begin, length, bins, size in (
                (top, height, output_height, data.shape[2]),
                (left, width, output_width, data.shape[3]),
            ):
                samples = sampling_ratio or int(np.ceil(length / bins))
                steps = np.arange(bins)[:, None] + (np.arange(samples) + 0.5) / samples
                weights.append(line_weights(begin + steps * (length / bins), size).mean(axis=1))
            pooled[number] = weights[0] @ data[images[number]] @ weights[1].T
        return (pooled,)


class DeformConv(OpRun):  # type: ignore[misc]
    """onnx's goes through the pixels one by one."""

    def _run(
        self,
        data: Array,
        weight: Array,
        offset: Array,
        bias: Optional[Array] = None,
        mask: Optional[Array] = None,
        dilations: Sequence[int] = (1, 1),
        group: int = 1,
        kernel_shape: Optional[Sequence[int]] = None,
        offset_group: int = 1,
        pads: Sequence[int] = (0, 0, 0, 0),
        strides: Sequence[int] = (1, 1),
    ) -> Any:
        batch, channels, *size = data.shape
        kernel, sizes = weight.shape[2:], offset.shape[2:]
        taps, pieces = kernel[0] * kernel[1], batch * offset_group
        grid = np.indices((*kernel, *sizes)).reshape(4, taps, *sizes)
        axes = zip(grid[:2], grid[2:], dilations, strides, pads)
        places = np.stack([tap * d + place * s - p for tap, place, d, s, p in axes], axis=-1)
        moved = np.moveaxis(offset.reshape(pieces, taps, 2, *sizes), 2, -1)
        columns = sampled(data.reshape(pieces, -1, *size), places + moved)
        if mask is not None:
            columns = columns * mask.reshape(pieces, 1, taps, *sizes)
        grouped = columns.reshape(batch, group, channels // group, taps, *sizes)
        kernels = weight.reshape(group, -1, channels // group, taps)
        out = np.einsum("bgcthw,goct->bgohw", grouped, kernels, optimize=True)
        out = out.reshape(batch, -1, *sizes).astype(data.dtype)
        return (out if bias is None else out + bias[:, None, None],)


class GridSample(OpRun):  # type: ignore[misc]
    """onnx's interpolates in float32."""

    def _run(
        self,
        data: Array,
        grid: Array,
        align_corners: int = 0,
        mode: str = "linear",
        padding_mode: str = "zeros",
    ) -> Any:
        options = (mode, padding_mode, data.ndim)
        if not align_corners or options not in (("linear", "zeros", 4), ("bilinear", "zeros", 4)):
            raise NotImplementedError(f"GridSample: {options}, align_corners={align_corners}")
        places = (grid[..., ::-1] + 1) * (np.array(data.shape[2:]) - 1) / 2
        return (sampled(data, places).astype(data.dtype),)
