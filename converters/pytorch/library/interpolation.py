"""Bilinear interpolation at any places of a map."""

import torch
import torch.nn.functional as F  # noqa: N812


def lines_clamped(place, size, inside):
    """Places along an axis -> the two lines around each, and how much they count.

    Places that are `inside` though beyond the border are on it; others are 0.
    """
    place = place.clamp(0, size - 1)
    low = place.floor()
    part = place - low
    high = (low + 1).clamp(max=size - 1)
    return (low.long(), (1 - part) * inside), (high.long(), part * inside)


def lines_padded(place, size):
    """As lines_clamped, but all around the map is 0."""
    low = place.floor()
    part = place - low
    found = []
    for line, weight in ((low, 1 - part), (low + 1, part)):
        inside = (line >= 0) & (line < size)
        found.append((line.clamp(0, size - 1).long(), torch.where(inside, weight, 0)))
    return found


def interpolate(maps, first, rows, columns):
    """maps: (M, H, W, C), numbers of maps: (*P), lines of shape (*P) -> (*P, C)."""
    height, width = maps.shape[1:3]
    table = maps.flatten(0, 2)
    total = 0
    for row, part in rows:
        for column, other in columns:
            place = (first * height + row) * width + column
            total = total + F.embedding(place, table) * (part * other)[..., None]
    return total


def warp_grid(data):
    """Offsets in pixels, across and down, (N, 2, H, W) -> the places they lead to."""
    height, width = data.shape[2:]
    rows = torch.arange(height, dtype=data.dtype, device=data.device)[:, None]
    columns = torch.arange(width, dtype=data.dtype, device=data.device)
    places = torch.stack(torch.broadcast_tensors(columns, rows))
    half = data.new_tensor([(width - 1) / 2, (height - 1) / 2])[:, None, None]
    return (data + places) / half - 1
