"""Pooling over regions of interest: (number of the image, left, top, right, bottom) each."""

import torch

from .elementwise import round_away


def line_weights(place, size):
    """Places along an axis, (*P) -> (*P, size): how much each line counts.

    A place up to one line outside is on the border; beyond that it is 0.
    """
    inside = (place >= -1) & (place <= size)
    apart = place.clamp(0, size - 1)[..., None] - torch.arange(size, device=place.device)
    return (1 - apart.abs()).clamp(min=0) * inside[..., None]


def roi_align(
    data, rois, pooled_size, spatial_scale, sample_ratio=-1, position_sensitive=False, aligned=False
):
    """(B, C, H, W), (R, 5) -> (R, C, *pooled_size): means of interpolated samples."""
    maps = data.unflatten(1, (-1, *pooled_size)) if position_sensitive else data
    pooled = data.new_zeros(len(rois), maps.shape[1], *pooled_size)
    corners = rois[:, 1:] * spatial_scale - 0.5 * aligned
    for number, image in enumerate(rois[:, 0].int().tolist()):
        weights = []
        for axis, bins in ((1, pooled_size[0]), (0, pooled_size[1])):
            begin, length = corners[number, axis], corners[number, axis + 2] - corners[number, axis]
            step = (length if aligned else length.clamp(min=1)) / bins
            samples = sample_ratio if sample_ratio > 0 else int(step.ceil())
            sample = torch.arange(samples, dtype=data.dtype, device=data.device)
            first = torch.arange(bins, dtype=data.dtype, device=data.device)[:, None]
            place = begin + first * step + (sample + 0.5) * step / samples
            weights.append(line_weights(place, data.shape[3 - axis]).mean(1))
        down, across = weights
        if image >= 0 and position_sensitive:
            pooled[number] = torch.einsum("ph,cpqhw,qw->cpq", down, maps[image], across)
        elif image >= 0:
            pooled[number] = down @ maps[image] @ across.T
    return pooled


def roi_pooling(data, rois, pooled_size, spatial_scale):
    """(B, C, H, W), (R, 5) -> (R, C, *pooled_size): the largest number of each bin, or 0."""
    pooled = data.new_zeros(len(rois), data.shape[1], *pooled_size)
    corners = round_away(rois[:, 1:] * spatial_scale)
    for number, image in enumerate(rois[:, 0].int().tolist()):
        if not 0 <= image < len(data):
            continue
        bins = []
        for axis in (1, 0):
            begin, end = corners[number, axis], corners[number, axis + 2]
            count, size = pooled_size[1 - axis], data.shape[3 - axis]
            edges = torch.arange(count + 1, dtype=data.dtype, device=data.device)
            edges = edges * ((end - begin + 1).clamp(min=1) / count)
            first = (edges[:-1].floor() + begin).clamp(0, size).int().tolist()
            behind = (edges[1:].ceil() + begin).clamp(0, size).int().tolist()
            bins.append(list(map(slice, first, behind)))
        for row, lines in enumerate(bins[0]):
            for column, columns in enumerate(bins[1]):
                window = data[image, :, lines, columns]
                if window.numel():
                    pooled[number, :, row, column] = window.amax((1, 2))
    return pooled
