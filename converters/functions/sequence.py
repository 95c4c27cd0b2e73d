"""Sequences of several lengths in one array."""

import torch


def reverse_sequences(data, lengths):
    """(time, batch, *), whole numbers (batch,) -> each sequence backwards within its length."""
    step = torch.arange(len(data), device=data.device)[:, None]
    source = torch.where(step < lengths, lengths - 1 - step, step)
    return data[source, torch.arange(data.shape[1], device=data.device)]
