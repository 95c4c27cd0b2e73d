"""Pooling over regions that are turned."""

import torch

from .interpolation import interpolate, lines_clamped


def rotated_roi_align(data, rois, pooled_size, spatial_scale, sampling_ratio=0):
    """(B, C, H, W), (R, 6) of image, center, width, height and degrees -> (R, C, *pooled_size):
    means of interpolated samples."""
    maps, first = data.permute(0, 2, 3, 1), rois[:, 0].long()[:, None, None]
    x, y, width, height = (rois[:, 1:5] * spatial_scale)[:, :, None, None].unbind(1)
    angle = (rois[:, 5].double() * torch.pi / 180).to(data.dtype).double()[:, None, None]
    cosine, sine = angle.cos().to(data.dtype), angle.sin().to(data.dtype)
    axes = []
    for size, bins, shape in ((height, pooled_size[0], (-1, 1)), (width, pooled_size[1], (1, -1))):
        size = size.clamp(min=1)
        step = size / bins
        number = torch.arange(bins, dtype=data.dtype, device=data.device).reshape(shape)
        samples = torch.full_like(step, sampling_ratio) if sampling_ratio > 0 else step.ceil()
        axes.append((-size / 2 + number * step, step, samples))
    (top, tall, rows), (left, wide, columns) = axes
    total = data.new_zeros(len(rois), *pooled_size, data.shape[1])
    for row in range(int(rows.max())):
        for column in range(int(columns.max())):
            down = top + (row + 0.5) * tall / rows
            across = left + (column + 0.5) * wide / columns
            lines = []
            for place, size, more in (
                (down * cosine - across * sine + y, data.shape[2], row < rows),
                (across * cosine + down * sine + x, data.shape[3], column < columns),
            ):
                inside = (place >= -1) & (place <= size) & more
                lines.append(lines_clamped(place, size, inside))
            total = total + interpolate(maps, first, *lines)
    return (total / (rows * columns)[..., None]).permute(0, 3, 1, 2)
