"""MXNet's operators by their definitions, in plain NumPy and float64.

They decide whether a change of a layer makes a difference, independently of the harness on trial.
Slow and simple. Attributes come typed from `converters.ops`, arrays from MXNet.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mxproof.runtimes.base import Array


def windows(x: Array, kernel: Sequence[int], stride: Sequence[int], dilate: Sequence[int]) -> Array:
    """(N, C, *S) -> (N, C, *positions, *kernel), a view.

    Raises:
        ValueError: the window is larger than x.
    """
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilate))
    axes: Any = tuple(range(2, x.ndim))  # NumPy's own annotation forgets tuples
    view: Array = sliding_window_view(x, reach, axis=axes)
    steps = (*stride, *dilate)
    result: Array = view[(slice(None), slice(None), *(slice(None, None, s) for s in steps))]
    return result


def padded(x: Array, pad: Sequence[int], value: float = 0.0) -> Array:
    """Both ends of each spatial axis."""
    widths = [(0, 0), (0, 0), *((p, p) for p in pad)]
    return np.pad(x, widths, constant_values=value)


def _count(weight: Array, filters: int) -> None:
    if len(weight) != filters:
        raise ValueError(f"{filters} filters were declared, but the weight has {len(weight)}")


def convolution(op: Any, x: Array, weight: Array, bias: Optional[Array] = None) -> Array:
    """(N, C, *S) -> (N, F, *S')."""
    _count(weight, op.num_filter)
    view = windows(padded(x, op.pad), op.kernel, op.stride, op.dilate)
    spatial = len(op.kernel)
    over = [1, *range(2 + spatial, 2 + 2 * spatial)], [1, *range(2, 2 + spatial)]
    groups = zip(np.split(view, op.num_group, 1), np.split(weight, op.num_group))
    parts = [np.moveaxis(np.tensordot(v, w, over), -1, 1) for v, w in groups]
    y: Array = np.concatenate(parts, axis=1)
    return y if bias is None else y + bias.reshape(-1, *(1,) * spatial)


def fully_connected(op: Any, x: Array, weight: Array, bias: Optional[Array] = None) -> Array:
    """(N, *) -> (N, F)."""
    _count(weight, op.num_hidden)
    flat = x.reshape(len(x), -1) if op.flatten else x
    y: Array = flat @ weight.T
    return y if bias is None else y + bias


def batch_norm(
    op: Any, x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_var: Array
) -> Array:
    """(N, C, *S) -> same."""
    scale = (1.0 if op.fix_gamma else gamma) / np.sqrt(moving_var + op.eps)
    shape = (-1, *(1,) * (x.ndim - 2))
    result: Array = (x - moving_mean.reshape(shape)) * scale.reshape(shape) + beta.reshape(shape)
    return result


def pooling(op: Any, x: Array) -> Array:
    """(N, C, *S) -> (N, C, *S').

    The convention "full" continues beyond the padding; positions there are never counted.
    """
    over = tuple(range(2, x.ndim))
    if op.global_pool:
        reduce: Any = {"max": np.max, "avg": np.mean, "sum": np.sum}[op.pool_type]
        whole: Array = reduce(x, axis=over, keepdims=True)
        return whole
    rooms = [s + 2 * p - k for s, p, k in zip(x.shape[2:], op.pad, op.kernel)]
    beyond = [(-r) % s if op.full else 0 for r, s in zip(rooms, op.stride)]
    margin = [(0, 0), (0, 0), *((0, b) for b in beyond)]

    def view(array: Array, empty: float) -> Array:
        wide = np.pad(array, margin, constant_values=empty)
        return windows(wide, op.kernel, op.stride, (1,) * len(op.kernel))

    within = tuple(range(-len(op.kernel), 0))
    if op.pool_type == "max":
        top: Array = view(padded(x, op.pad, -np.inf), -np.inf).max(within)
        return top
    total: Array = view(padded(x, op.pad), 0).sum(within)
    if op.pool_type == "sum":
        return total
    counted = padded(np.ones((1, 1, *x.shape[2:])), op.pad, float(op.counts_pad))
    result: Array = total / view(counted, 0).sum(within)
    return result


def activation(op: Any, x: Array) -> Array:
    forms: Dict[str, Callable[[Array], Array]] = {
        "relu": lambda v: np.maximum(v, 0),
        "sigmoid": lambda v: np.exp(-np.logaddexp(0, -v)),
        "tanh": np.tanh,
        "softrelu": lambda v: np.logaddexp(0, v),
        "softsign": lambda v: v / (1 + np.abs(v)),
    }
    return forms[op.act_type](x)


def softmax_output(op: Any, x: Array, label: Optional[Array] = None) -> Array:
    """Over axis 1 or the last, or over all axes but the first together."""
    single = op.multi_output or op.preserve_shape
    flat = x if single else x.reshape(len(x), -1)
    axis = 1 if op.multi_output else -1
    powers = np.exp(flat - flat.max(axis, keepdims=True))
    result: Array = (powers / powers.sum(axis, keepdims=True)).reshape(x.shape)
    return result


def mean(op: Any, x: Array) -> Array:
    named = {axis % x.ndim for axis in op.axis or range(x.ndim)}
    over = tuple(axis for axis in range(x.ndim) if (axis in named) != op.exclude)
    y: Array = x.mean(over, keepdims=op.keepdims)
    return y.reshape(op.infer(x.shape))


def reshaped(op: Any, x: Array) -> Array:
    """Operators that compute nothing: the same numbers in another shape."""
    return x.reshape(op.infer(x.shape))


DEFINITIONS: Dict[str, Callable[..., Array]] = {
    "Activation": activation,
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
