"""MXNet's operators by their definitions, in plain NumPy and float64.

What tests hold the rules of `equivalence` to, and what says whether a change shows on given inputs,
independently of the harness on trial. Slow and simple. Attributes come typed from
`converters.operators`, arrays from MXNet.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Optional, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mxproof.proof.judge import channels
from mxproof.proof.tolerance import Budget

#: An array; NumPy's annotations lose track of it in most of these expressions.
Values = Any


def windows(x: Values, kernel: Sequence[int], stride: Sequence[int], dilate: Any = None) -> Values:
    """(N, C, *S) -> (N, C, *positions, *kernel), a view.

    Raises:
        ValueError: the window is larger than x.
    """
    dilate = dilate or (1,) * len(kernel)
    reach: Any = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilate))
    view = sliding_window_view(x, reach, axis=tuple(range(2, x.ndim)))  # type: ignore[call-overload]
    return view[(slice(None), slice(None), *(slice(None, None, s) for s in (*stride, *dilate)))]


def padded(x: Values, pad: Sequence[int], value: float = 0.0) -> Values:
    """Both ends of each spatial axis."""
    return np.pad(x, [(0, 0), (0, 0), *((p, p) for p in pad)], constant_values=value)


def _count(weight: Values, filters: int) -> None:
    if len(weight) != filters:
        raise ValueError(f"{filters} filters were declared, but the weight has {len(weight)}")


def convolution(op: Any, x: Values, weight: Values, bias: Optional[Values] = None) -> Values:
    """(N, C, *S) -> (N, F, *S')."""
    _count(weight, op.num_filter)
    view = windows(padded(x, op.pad), op.kernel, op.stride, op.dilate)
    spatial = len(op.kernel)
    over = [1, *range(2 + spatial, 2 + 2 * spatial)], [1, *range(2, 2 + spatial)]
    groups = zip(np.split(view, op.num_group, 1), np.split(weight, op.num_group))
    parts = [np.moveaxis(np.tensordot(v, w, over), -1, 1) for v, w in groups]
    y = np.concatenate(parts, axis=1)
    return y if bias is None else y + bias.reshape(-1, *(1,) * spatial)


def fully_connected(op: Any, x: Values, weight: Values, bias: Optional[Values] = None) -> Values:
    """(N, *) -> (N, F)."""
    _count(weight, op.num_hidden)
    y = (x.reshape(len(x), -1) if op.flatten else x) @ weight.T
    return y if bias is None else y + bias


def batch_norm(
    op: Any, x: Values, gamma: Values, beta: Values, moving_mean: Values, moving_var: Values
) -> Values:
    """(N, C, *S) -> same."""
    shape = (-1, *(1,) * (x.ndim - 2))
    scale = (1.0 if op.fix_gamma else gamma) / np.sqrt(moving_var + op.eps)
    return (x - moving_mean.reshape(shape)) * scale.reshape(shape) + beta.reshape(shape)


def pooling(op: Any, x: Values) -> Values:
    """(N, C, *S) -> (N, C, *S').

    The convention "full" continues beyond the padding; positions there are never counted.
    """
    reduce: Any = {"max": np.max, "avg": np.mean, "sum": np.sum}[op.pool_type]
    if op.global_pool:
        return reduce(x, axis=tuple(range(2, x.ndim)), keepdims=True)
    rooms = [s + 2 * p - k for s, p, k in zip(x.shape[2:], op.pad, op.kernel)]
    beyond = [(-r) % s if op.full else 0 for r, s in zip(rooms, op.stride)]
    margin = [(0, 0), (0, 0), *((0, b) for b in beyond)]

    def total(array: Values, empty: float = 0.0) -> Values:
        wide = np.pad(array, margin, constant_values=empty)
        over = tuple(range(-len(op.kernel), 0))
        add: Any = np.max if op.pool_type == "max" else np.sum
        return add(windows(wide, op.kernel, op.stride), over)

    if op.pool_type == "max":
        return total(padded(x, op.pad, -np.inf), -np.inf)
    if op.pool_type == "sum":
        return total(padded(x, op.pad))
    counted = padded(np.ones((1, 1, *x.shape[2:])), op.pad, float(op.counts_pad))
    return total(padded(x, op.pad)) / total(counted)


ACTIVATIONS: Dict[str, Callable[[Values], Values]] = {
    "relu": lambda v: np.maximum(v, 0),
    "sigmoid": lambda v: np.exp(-np.logaddexp(0, -v)),
    "tanh": np.tanh,
    "softrelu": lambda v: np.logaddexp(0, v),
    "softsign": lambda v: v / (1 + np.abs(v)),
}


def softmax_output(op: Any, x: Values, label: Optional[Values] = None) -> Values:
    """Over axis 1 or the last, or over all axes but the first together."""
    single = op.multi_output or op.preserve_shape
    flat = x if single else x.reshape(len(x), -1)
    axis = 1 if op.multi_output else -1
    powers = np.exp(flat - flat.max(axis, keepdims=True))
    return (powers / powers.sum(axis, keepdims=True)).reshape(x.shape)


def mean(op: Any, x: Values) -> Values:
    named = {axis % x.ndim for axis in op.axis or range(x.ndim)}
    over = tuple(axis for axis in range(x.ndim) if (axis in named) != op.exclude)
    return x.mean(over, keepdims=op.keepdims).reshape(op.infer(x.shape))


def reshaped(op: Any, x: Values) -> Values:
    """Operators that compute nothing: the same numbers in another shape."""
    return x.reshape(op.infer(x.shape))


DEFINITIONS: Dict[str, Callable[..., Values]] = {
    "Activation": lambda op, x: ACTIVATIONS[op.act_type](x),
    "BatchNorm": batch_norm,
    "Convolution": convolution,
    "Dropout": lambda op, x: x,
    "elemwise_add": lambda op, x, y: x + y,
    "Flatten": reshaped,
    "FullyConnected": fully_connected,
    "mean": mean,
    "Pooling": pooling,
    "Reshape": reshaped,
    "SoftmaxOutput": softmax_output,
    "squeeze": reshaped,
}


def difference(value: Values, reference: Values) -> float:
    """max|x - t| over each channel, relative to the channel's magnitude, which is the largest
    number in it or, if that is greater, a fraction of the largest of all (`Budget`)."""
    if value.shape != reference.shape:
        return math.inf
    x, t = channels(value), channels(reference)
    errors, sizes = np.abs(x - t).max(axis=(0, 2)), np.abs(t).max(axis=(0, 2))
    if not np.isfinite(errors).all():
        return math.inf
    least = max(Budget().channel_floor * float(sizes.max()), float(np.finfo(np.float64).tiny))
    return float((errors / np.maximum(sizes, least)).max())
