"""Pooling over regions in which each bin reads channels of its own: R-FCN's layers."""

import torch

from .elementwise import round_away
from .interpolation import interpolate, lines_clamped


def maps_of_parts(data, rois, classes, pooled_size, group_size):
    """(B, classes * C * group_size ** 2, H, W) -> maps (M, H, W, C), and the number of the one that
    each bin reads: (R, classes, pooled_size, pooled_size)."""
    area, device = group_size**2, data.device
    split = data.reshape(len(data), classes, -1, area, *data.shape[2:])
    part = torch.arange(pooled_size, device=device) * group_size // pooled_size
    image = rois[:, 0].long().reshape(-1, 1, 1, 1) * classes
    number = image + torch.arange(classes, device=device).reshape(-1, 1, 1)
    maps = split.permute(0, 1, 3, 4, 5, 2).flatten(0, 2)
    return maps, number * area + part[:, None] * group_size + part


def rounded_region(rois, axis, spatial_scale, shift=0.0):
    """Where regions start along an axis (0 is across), and their sizes: (R, 1) each."""
    begin = round_away(rois[:, 1 + axis]) * spatial_scale - shift
    end = (round_away(rois[:, 3 + axis]) + 1) * spatial_scale - shift
    return begin[:, None], (end - begin).clamp(min=0.1)[:, None]


def psroi_pooling(data, rois, spatial_scale, pooled_size, group_size):
    """The mean of each bin, widened to whole lines; an empty one is 0."""
    maps, first = maps_of_parts(data, rois, 1, pooled_size, group_size)
    number = torch.arange(pooled_size, dtype=data.dtype, device=data.device)
    edges = []
    for axis, shape in ((1, (-1, 1, pooled_size, 1)), (0, (-1, 1, 1, pooled_size))):
        begin, size = rounded_region(rois, axis, spatial_scale)
        step, lines = size / pooled_size, data.shape[3 - axis]
        low = (number * step + begin).floor().clamp(0, lines).long()
        high = ((number + 1) * step + begin).ceil().clamp(0, lines).long()
        edges.append((low.reshape(shape), high.reshape(shape)))
    (row, behind_row), (column, behind_column) = edges
    total = data.new_zeros(*first.shape, maps.shape[3])
    for down in range(int((behind_row - row).max())):
        for across in range(int((behind_column - column).max())):
            y, x = row + down, column + across
            rows = [(y.clamp(max=data.shape[2] - 1), y < behind_row)]
            columns = [(x.clamp(max=data.shape[3] - 1), x < behind_column)]
            total = total + interpolate(maps, first, rows, columns)
    count = (behind_row - row) * (behind_column - column)
    mean = total / count.clamp(min=1)[..., None]
    return mean.permute(0, 1, 4, 2, 3).flatten(1, 2)


def deformable_psroi_pooling(
    data, rois, spatial_scale, pooled_size, group_size, samples=1, trans=None, trans_std=0.0
):
    """The mean of interpolated samples of each bin, which trans (R, 2 * classes, part, part) moves
    across and down, by parts of the region's size.

    Samples more than half a line outside do not count.
    """
    classes = 1 if trans is None else trans.shape[1] // 2
    maps, first = maps_of_parts(data, rois, classes, pooled_size, group_size)
    number = torch.arange(pooled_size, dtype=data.dtype, device=data.device)
    places = []
    for axis, shape in ((1, (-1, 1, pooled_size, 1)), (0, (-1, 1, 1, pooled_size))):
        begin, size = rounded_region(rois, axis, spatial_scale, 0.5)
        step = size / pooled_size
        start = (number * step + begin).reshape(shape)
        if trans is not None:
            part = (number / pooled_size * trans.shape[2]).floor().long()
            moves = trans[:, axis::2, part][..., part] * trans_std
            start = start + moves * size[..., None, None]
        places.append((start, (step / samples)[..., None, None]))
    (top, down), (left, across) = places
    total, count = data.new_zeros(*first.shape, maps.shape[3]), 0
    for row in range(samples):
        for column in range(samples):
            y, x = top + row * down, left + column * across
            inside_y = (y >= -0.5) & (y <= data.shape[2] - 0.5)
            inside_x = (x >= -0.5) & (x <= data.shape[3] - 0.5)
            rows = lines_clamped(y, data.shape[2], inside_y)
            columns = lines_clamped(x, data.shape[3], inside_x)
            total = total + interpolate(maps, first, rows, columns)
            count = count + (inside_y & inside_x).int()
    mean = total / count.clamp(min=1)[..., None]
    return mean.permute(0, 1, 4, 2, 3).flatten(1, 2)
