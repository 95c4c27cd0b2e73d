"""Grids of places, from -1 (the first) to 1 (the last) along each axis."""

import torch


def warp_grid(data):
    """Offsets in pixels, across and down, (N, 2, H, W) -> the places they lead to."""
    height, width = data.shape[2:]
    rows = torch.arange(height, dtype=data.dtype, device=data.device)[:, None]
    columns = torch.arange(width, dtype=data.dtype, device=data.device)
    places = torch.stack(torch.broadcast_tensors(columns, rows))
    half = data.new_tensor([(width - 1) / 2, (height - 1) / 2])[:, None, None]
    return (data + places) / half - 1
