"""Layers that PyTorch has with other corners than MXNet."""

import torch
import torch.nn.functional as F  # noqa: N812


def softmax_of_length(data, length, axis):
    """Softmax of the first `length` numbers along the axis, of which it has 1; the others are 0."""
    places = torch.arange(data.shape[axis], device=data.device)
    places = places.reshape(-1, *[1] * (data.dim() - 1 - axis))
    outside = places >= length
    return data.masked_fill(outside, -torch.inf).softmax(axis).masked_fill(outside, 0)


def cube_root(x):
    """Of negative numbers, too."""
    return x.sign() * x.abs().pow(1 / 3)


def average_pool(x, kernel, stride, padding, beyond, count_padding):
    """(N, C, *S) -> (N, C, *S'): sums over counts, 0 where a window holds nothing.

    `beyond` is what follows the padding at the end of each axis; it never counts.
    """
    inner = [p for p in reversed(padding) for _ in range(2)]
    outer = [p for b in reversed(beyond) for p in (0, b)]
    counted = torch.ones_like(x[:1, :1])
    counted = F.pad(F.pad(counted, inner, value=float(count_padding)), outer)
    pool = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[len(kernel)]
    shares = pool(counted, kernel, stride)
    means = pool(F.pad(F.pad(x, inner), outer), kernel, stride)
    return means / torch.where(shares > 0, shares, 1)


def resize_bilinear(x, size):
    """Where a single row or column is asked for, it is the first, not the middle."""
    x = x[:, :, :1] if size[0] == 1 else x
    x = x[:, :, :, :1] if size[1] == 1 else x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
