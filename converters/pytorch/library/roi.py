"""Pooling over regions of interest: (number of the image, left, top, right, bottom) each."""

import torch

from .elementwise import round_away
from .interpolation import interpolate, lines_clamped


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
    corners = rois[:, 1:].detach() * spatial_scale - 0.5 * aligned
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
