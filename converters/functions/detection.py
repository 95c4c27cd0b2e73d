"""Boxes."""

import torch


def corner_areas(boxes):
    """(..., 4) as left, top, right, bottom -> (...): areas, 0 where a box is turned inside out."""
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def box_overlaps(a, b):
    """(N, 4) and (M, 4) corners -> (N, M): intersection over union."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = corner_areas(torch.cat([low, high], -1))
    union = corner_areas(a)[:, None] + corner_areas(b)[None] - shared
    return torch.where(union > 0, shared / union, 0)
