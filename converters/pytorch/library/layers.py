"""Layers that torch has otherwise, or not at all."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def softmax_of_length(data, length, axis):
    """Softmax of the first `length` numbers along the axis, of which it has 1; the others are 0."""
    places = torch.arange(data.shape[axis], device=data.device)
    places = places.reshape(-1, *[1] * (data.dim() - 1 - axis))
    outside = places >= length
    return data.masked_fill(outside, -torch.inf).softmax(axis).masked_fill(outside, 0)


def cube_root(x):
    """Of negative numbers, too."""
    return x.sign() * x.abs().pow(1 / 3)


def subtract_first(x, norm):
    """What an nn.BatchNorm makes of (N, C, *S) in inference, as (x - mean) * scale + bias.

    Its own x * scale + (bias - mean * scale) is rounded at the magnitude of x: where the mean is
    large beside the deviation, digits are lost.
    """
    shape = (-1, *[1] * (x.dim() - 2))
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    mean, scale, bias = (v.reshape(shape) for v in (norm.running_mean, scale, norm.bias))
    return (x - mean) * scale + bias


def exact_batch_norm(x, norm):
    """An nn.BatchNorm that subtracts the mean first, which in training it does anyway."""
    return norm(x) if norm.training else subtract_first(x, norm)


def frozen_batch_norm(x, norm):
    """An nn.BatchNorm whose statistics are used as they are, and stay so, in training too."""
    statistics = norm.running_mean, norm.running_var
    return F.batch_norm(x, *statistics, norm.weight, norm.bias, eps=norm.eps)


def fixed_gamma(norm: nn.Module) -> nn.Module:
    """An nn.BatchNorm with a weight that stays 1 in training: a buffer, not a parameter."""
    weight = norm.get_parameter("weight").detach()
    del norm.weight
    norm.register_buffer("weight", weight)
    return norm


def shared_dropout(x, p, axes, training):
    """Dropout that keeps or drops the numbers along the axes together."""
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    return x * F.dropout(x.new_ones(shape), p) if training else x


def random_slope(x, lower, upper, slope, training):
    """A leaky ReLU whose slope is drawn for each number in training."""
    return F.rrelu(x, lower, upper, training=True) if training else F.leaky_relu(x, slope)


def multiply_gradient(x, factor):
    """The same numbers; their gradient is multiplied by the factor."""
    y = x.view_as(x)
    if y.requires_grad:
        y.register_hook(lambda gradient: factor * gradient)
    return y


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


def head_part(x, heads, parts, part):
    """(T, N, heads * parts * D) -> (N * heads, T, D): the queries, keys or values."""
    time, batch, _ = x.shape
    return x.reshape(time, batch * heads, parts, -1)[:, :, part].transpose(0, 1)


def attention_scores(queries, keys):
    """(B, S, D), (B, T, D) -> (B, S, T)."""
    return queries / queries.shape[2] ** 0.5 @ keys.transpose(1, 2)


def joined_heads(x, heads):
    """(N * heads, T, D) -> (T, N, heads * D)."""
    _, time, size = x.shape
    return x.transpose(0, 1).reshape(time, -1, heads * size)


def correlation(data1, data2, kernel_size, max_displacement, stride1, stride2, pad_size, product):
    """(N, C, H, W) twice -> (N, displacements, H', W'): mean product (or distance) of windows."""
    here, there = (F.pad(data, (pad_size,) * 4) for data in (data1, data2))
    height, width = (size - 2 * max_displacement for size in here.shape[2:])
    here = here[:, :, max_displacement:, max_displacement:][:, :, :height, :width]
    reach = max_displacement // stride2 * stride2
    begins = range(max_displacement - reach, max_displacement + reach + 1, stride2)
    maps = []
    for top in begins:
        for left in begins:
            moved = there[:, :, top : top + height, left : left + width]
            maps.append((here * moved if product else (here - moved).abs()).mean(1))
    return F.avg_pool2d(torch.stack(maps, 1), kernel_size, stride1)
