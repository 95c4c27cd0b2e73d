"""ONNX's neural layers in place of the reference evaluator's, each from ONNX's own definition.

Each says what is wrong with the evaluator's, up to onnx 1.23. tests/operators compares
them with MXNet.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_conv import Conv as WholeConv

from ..base import Array

Widths = List[Tuple[int, int]]

# ruff: noqa: N803 - these are the names of ONNX


class Conv(WholeConv):  # type: ignore[misc]
    """A sum over the positions of the kernel: each is a matrix, times the data that it reads.

    onnx's goes number by number before 1.22, and writes the data as a matrix that takes gigabytes
    where the kernel is large or dilated.
    """

    def _run(self, X: Array, W: Array, B: Optional[Array] = None, **options: Any) -> Any:
        if options.get("auto_pad") not in (None, "NOTSET"):
            return super()._run(X, W, B, **options)
        kernel, groups = W.shape[2:], options.get("group") or 1
        stride, dilate, pads = steps(options, kernel)
        read = _windows(np.pad(X, [(0, 0), (0, 0), *pads]), kernel, stride, dilate)
        sizes = read.shape[2 : X.ndim]
        weights = W.reshape(groups, -1, *W.shape[1:])
        total: Array = np.zeros((len(X), groups, weights.shape[1], int(np.prod(sizes))), X.dtype)
        for at in np.ndindex(*kernel):
            place: Any = (..., *at)
            # In one piece, as BLAS takes it: NumPy's own product is ten times slower.
            matrix = np.ascontiguousarray(weights[place])
            total += matrix @ read[place].reshape(len(X), groups, weights.shape[2], -1)
        found: Array = total.reshape(len(X), len(W), *sizes)
        return (found if B is None else found + _by_channel(B, X.ndim),)


class ConvTranspose(OpRun):  # type: ignore[misc]
    """Each number, times the kernel, is added to its window. onnx's confuses the groups."""

    def _run(self, X: Array, W: Array, B: Optional[Array] = None, **options: Any) -> Any:
        kernel, groups = W.shape[2:], options.get("group") or 1
        stride, dilate, pads = steps(options, kernel)
        more = options.get("output_padding") or (0,) * len(kernel)
        axes = zip(stride, X.shape[2:], kernel, dilate, more)
        size = [s * (n - 1) + (k - 1) * d + 1 + m for s, n, k, d, m in axes]
        x = X.reshape(len(X), groups, -1, *X.shape[2:])
        w = W.reshape(groups, -1, *W.shape[1:])
        y: Array = np.zeros((len(X), groups * W.shape[1], *size), X.dtype)
        inside: Any = (slice(None), slice(None), *map(slice, X.shape[2:]))
        written = _windows(y, kernel, stride, dilate)[inside]
        for at in np.ndindex(*kernel):
            place: Any = (..., *at)
            term = np.einsum("ngc...,gcf->ngf...", x, w[place])
            written[place] += term.reshape(len(X), -1, *X.shape[2:])
        kept: Any = (..., *(slice(begin, n - end) for n, (begin, end) in zip(size, pads)))
        return (y[kept] if B is None else y[kept] + _by_channel(B, y.ndim),)


class BatchNormalization(OpRun):  # type: ignore[misc]
    """onnx's normalises by the batch's own statistics in old opsets."""

    def _run(
        self, X: Array, scale: Array, B: Array, mean: Array, var: Array, **options: Any
    ) -> Any:
        if options.get("training_mode"):
            raise NotImplementedError("BatchNormalization with training_mode")
        gain, shift, mean, var = (_by_channel(a, X.ndim) for a in (scale, B, mean, var))
        return ((X - mean) / np.sqrt(var + options["epsilon"]) * gain + shift,)


class LRN(OpRun):  # type: ignore[misc]
    """onnx's sums neighbours along the batch axis."""

    def _run(self, X: Array, **options: Any) -> Any:
        size = options["size"]
        before = (size - 1) // 2
        squares = np.pad(X * X, [(0, 0), (before, size - 1 - before), *[(0, 0)] * (X.ndim - 2)])
        total = sum(squares[:, i : i + X.shape[1]] for i in range(size))
        return (X / (options["bias"] + options["alpha"] / size * total) ** options["beta"],)


class LogSoftmax(OpRun):  # type: ignore[misc]
    """onnx's takes the logarithm of probabilities that have underflowed."""

    def _run(self, X: Array, axis: Optional[int] = None) -> Any:
        axis = -1 if axis is None else axis
        shifted = X - X.max(axis=axis, keepdims=True)
        return (shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)),)


class GlobalMaxPool(OpRun):  # type: ignore[misc]
    """onnx's is right for images only."""

    def _run(self, X: Array) -> Any:
        return (X.max(axis=tuple(range(2, X.ndim)), keepdims=True),)


class MaxPool(OpRun):  # type: ignore[misc]
    """onnx's goes number by number."""

    def _run(self, X: Array, **options: Any) -> Any:
        lowest = -np.inf if X.dtype.kind == "f" else np.iinfo(X.dtype).min
        windows = _pooled(X, options, lowest, lowest)
        return (windows.max(axis=tuple(range(X.ndim, windows.ndim))),)


class AveragePool(OpRun):  # type: ignore[misc]
    """A window's sum, divided by how many positions count. onnx's goes number by number."""

    def _run(self, X: Array, **options: Any) -> Any:
        windows = _pooled(X, options, 0, 0)
        ones = np.ones((1, 1, *X.shape[2:]), X.dtype)
        counted = _pooled(ones, options, options.get("count_include_pad") or 0, 0)
        axes = tuple(range(X.ndim, windows.ndim))
        return ((windows.sum(axis=axes) / counted.sum(axis=axes)).astype(X.dtype),)


def _by_channel(array: Array, rank: int) -> Array:
    return array.reshape(-1, *(1,) * (rank - 2))


def steps(options: Any, kernel: Sequence[int]) -> Tuple[Sequence[int], Sequence[int], Widths]:
    """Of each spatial axis: the stride, the dilation, and the padding at its begin and end."""
    if options.get("auto_pad") not in (None, "NOTSET"):
        raise NotImplementedError(f"auto_pad={options['auto_pad']}: only stated pads are computed")
    stride, dilate = (options.get(k) or (1,) * len(kernel) for k in ("strides", "dilations"))
    pads = options.get("pads") or (0,) * 2 * len(kernel)
    return stride, dilate, list(zip(pads, pads[len(kernel) :]))


def _windows(
    x: Array, kernel: Sequence[int], stride: Sequence[int], dilate: Sequence[int]
) -> Array:
    """(N, C, *S) -> (N, C, *S', *kernel), a view that can be written to."""
    reach: Any = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilate))
    axes: Any = tuple(range(2, x.ndim))
    view: Array = sliding_window_view(x, reach, axes, writeable=True)
    steps = (slice(None, None, step) for step in (*stride, *dilate))
    return view[(slice(None), slice(None), *steps)]


def _pooled(x: Array, options: Any, padding: float, beyond: float) -> Array:
    """The windows of a pooling, see `_windows`.

    With `ceil_mode` there are as many as begin before the padding at the end does; they read on
    `beyond` that padding.
    """
    kernel = options["kernel_shape"]
    stride, dilate, pads = steps(options, kernel)
    padded = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=padding)
    if not options.get("ceil_mode"):
        return _windows(padded, kernel, stride, dilate)
    more = [(0, step - 1) for step in stride]
    padded = np.pad(padded, [(0, 0), (0, 0), *more], constant_values=beyond)
    counts = ((n + p[0] - 1) // s + 1 for n, p, s in zip(x.shape[2:], pads, stride))
    inside: Any = (slice(None), slice(None), *map(slice, counts))
    found: Array = _windows(padded, kernel, stride, dilate)[inside]
    return found
