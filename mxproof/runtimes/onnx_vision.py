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
        batch, channels, *sizes = data.shape
        kernel, (out_height, out_width) = weight.shape[2:], offset.shape[2:]
        taps = kernel[0] * kernel[1]
        moved = offset.reshape(batch, offset_group, taps, 2, out_height, out_width)
        counted = np.ones(1) if mask is None else mask.reshape(moved[:, :, :, 0].shape)
        grid = np.indices(kernel).reshape(2, taps)
        columns = np.zeros(
            (batch, offset_group, channels // offset_group, *moved.shape[2:3], *moved.shape[4:])
        )
        images = data.reshape(batch, offset_group, -1, *sizes)
        first = np.arange(batch)[:, None, None, None, None]
        second = np.arange(offset_group)[:, None, None, None]
        places = []
        for axis in (0, 1):
            starts = np.arange(offset.shape[2 + axis]) * strides[axis] - pads[axis]
            starts = starts.reshape((-1, 1) if axis == 0 else (1, -1))
            places.append(
                moved[:, :, :, axis] + (grid[axis] * dilations[axis])[:, None, None] + starts
            )
        low = [np.floor(place) for place in places]
        for corner in np.ndindex(2, 2):
            lines, part = [], counted
            for axis in (0, 1):
                line = low[axis] + corner[axis]
                inside = (line >= 0) & (line < sizes[axis])
                part = part * (1 - np.abs(places[axis] - line)) * inside
                lines.append(np.clip(line, 0, sizes[axis] - 1).astype(int))
            taken = images[first, second, :, lines[0], lines[1]]
            columns += np.moveaxis(taken * part[..., None], -1, 2)
        grouped = columns.reshape(batch, group, channels // group, taps, out_height, out_width)
        kernels = weight.reshape(group, -1, channels // group, taps)
        out = np.einsum("bgcthw,goct->bgohw", grouped, kernels, optimize=True)
        out = out.reshape(batch, -1, out_height, out_width).astype(data.dtype)
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
        size = np.array(data.shape[2:])
        places = (grid[..., ::-1] + 1) * (size - 1) / 2
        low = np.floor(places)
        images = np.arange(len(data))[:, None, None]
        total = np.zeros((*grid.shape[:3], data.shape[1]), data.dtype)
        for corner in np.ndindex(2, 2):
            line = low + corner
            parts = (1 - np.abs(places - line)) * ((line >= 0) & (line < size))
            at = np.clip(line, 0, size - 1).astype(int)
            total += data[images, :, at[..., 0], at[..., 1]] * parts.prod(-1)[..., None]
        return (np.moveaxis(total, -1, 1),)


#: In place of the evaluator's own.
NEW_OPS = [DeformConv, GridSample, RoiAlign]
