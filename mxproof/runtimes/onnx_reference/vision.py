"""RoiAlign, DeformConv and GridSample for onnx's reference evaluator."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np
from onnx.reference.op_run import OpRun

from ..base import Array
from .layers import steps


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

    def _run(self, data: Array, rois: Array, images: Array, **options: Any) -> Any:
        if options["mode"] != "avg":
            raise NotImplementedError(f"RoiAlign with mode={options['mode']}")
        # Opset 10 has no such attribute, and means the corners of pixels.
        mode = options.get("coordinate_transformation_mode")
        aligned = mode == "half_pixel" and self.run_params["opsets"][""] >= 16
        corners = rois * options["spatial_scale"] - 0.5 * aligned
        size = options["output_height"], options["output_width"]
        pooled = np.empty((len(rois), data.shape[1], *size), data.dtype)
        for number, (left, top, right, bottom) in enumerate(corners):
            height, width = bottom - top, right - left
            if not aligned:
                height, width = max(height, 1.0), max(width, 1.0)
            weights = []
            axes = zip((top, left), (height, width), size, data.shape[2:])
            for begin, length, bins, lines in axes:
                samples = options["sampling_ratio"] or int(np.ceil(length / bins))
                parts = np.arange(bins)[:, None] + (np.arange(samples) + 0.5) / samples
                weights.append(line_weights(begin + parts * (length / bins), lines).mean(axis=1))
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
        **options: Any,
    ) -> Any:
        batch, channels, *size = data.shape
        kernel, sizes, group = weight.shape[2:], offset.shape[2:], options["group"]
        taps, pieces = kernel[0] * kernel[1], batch * options["offset_group"]
        grid = np.indices((*kernel, *sizes)).reshape(4, taps, *sizes)
        axes = zip(grid[:2], grid[2:], *steps(options, kernel))
        places = np.stack([tap * d + at * s - p for tap, at, s, d, (p, _) in axes], axis=-1)
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

    def _run(self, data: Array, grid: Array, **options: Any) -> Any:
        linear = options["mode"] in ("linear", "bilinear") and options["padding_mode"] == "zeros"
        if not (linear and options["align_corners"] and data.ndim == 4):
            raise NotImplementedError(f"GridSample of {data.ndim} axes with {options}")
        places = (grid[..., ::-1] + 1) * (np.array(data.shape[2:]) - 1) / 2
        return (sampled(data, places).astype(data.dtype),)
