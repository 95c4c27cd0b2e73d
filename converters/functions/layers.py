"""Layers that PyTorch has with other corners than MXNet."""

import torch


def softmax_of_length(data, length, axis):
    """Softmax of the first `length` numbers along the axis; the others are 0."""
    places = torch.arange(data.shape[axis], device=data.device)
    places = places.reshape(-1, *[1] * (data.dim() - 1 - axis))
    outside = places >= length.unsqueeze(axis)
    return data.masked_fill(outside, -torch.inf).softmax(axis).masked_fill(outside, 0)
