"""Pooling over regions of interest: (number of the image, left, top, right, bottom) each."""

import torch

from .interpolation import interpolate, lines_within


def roi_align(
    data, rois, pooled_size, spatial_scale, sample_ratio=-1, position_sensitive=False, aligned=False
):
    """(B, C, H, W), (R, 5) -> (R, C, *pooled_size): means of interpolated samples."""
    bins_down, bins_across = pooled_size
    image = rois[:, 0].long()
    corners = rois[:, 1:] * spatial_scale - 0.5 * aligned
    start, size = corners[:, :2], corners[:, 2:] - corners[:, :2]
    size = size if aligned else size.clamp(min=1)
    bin_size = size / size.new_tensor([bins_across, bins_down])
    samples = torch.full_like(size, sample_ratio) if sample_ratio > 0 else bin_size.ceil()
    most_across, most_down = samples.amax(0).int().tolist()
    first = image.clamp(min=0)[:, None, None]
    maps = data.permute(0, 2, 3, 1)
    if position_sensitive:
        area = bins_down * bins_across
        maps = data.unflatten(1, (-1, area)).permute(0, 2, 3, 4, 1).flatten(0, 1)
        first = first * area + torch.arange(area, device=data.device).view(bins_down, bins_across)
    total = 0
    for sample in range(most_down * most_across):
        lines = []
        for axis, number, bins in (
            (1, sample // most_across, bins_down),
            (0, sample % most_across, bins_across),
        ):
            step, count = bin_size[:, axis : axis + 1], samples[:, axis : axis + 1]
            begin = start[:, axis : axis + 1] + torch.arange(bins, device=data.device) * step
            place = begin + (number + 0.5) * step / count
            found = lines_within(place, data.shape[3 - axis], 1.0)
            lines.append([(line, part * (number < count)) for line, part in found])
        down = [(line[:, :, None], part[:, :, None]) for line, part in lines[0]]
        across = [(line[:, None], part[:, None]) for line, part in lines[1]]
        total = total + interpolate(maps, first, down, across)
    mean = total.permute(0, 3, 1, 2) / samples.prod(1)[:, None, None, None]
    return torch.where((image >= 0)[:, None, None, None], mean, 0)
