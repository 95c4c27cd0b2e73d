"""Bilinear interpolation at any places of a map."""

import torch


def lines_within(place, size, beyond):
    """Places along an axis -> the two lines around each, and how much they count.

    Places up to `beyond` outside of the map are its border, others 0.
    """
    inside = (place >= -beyond) & (place <= size - 1 + beyond)
    place = place.clamp(0, size - 1)
    low = place.floor()
    part = place - low
    high = (low + 1).clamp(max=size - 1)
    return (low.long(), (1 - part) * inside), (high.long(), part * inside)


def lines_padded(place, size):
    """As lines_within, but all around the map is 0."""
    low = place.floor()
    part = place - low
    found = []
    for line, weight in ((low, 1 - part), (low + 1, part)):
        inside = (line >= 0) & (line < size)
        found.append((line.clamp(0, size - 1).long(), torch.where(inside, weight, 0)))
    return found


def interpolate(maps, first, rows, columns):
    """maps: (M, H, W, C), numbers of maps: (*P), lines of shape (*P) -> (*P, C)."""
    total = 0
    for row, part in rows:
        for column, other in columns:
            total = total + maps[first, row, column] * (part * other)[..., None]
    return total
