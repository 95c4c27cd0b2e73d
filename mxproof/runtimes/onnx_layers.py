"""ONNX's neural layers in place of the reference evaluator's, each from ONNX's own definition.

Each says what is wrong with the evaluator's, up to onnx 1.23. tests/mxproof/test_onnx_layers.py
compares them with onnxruntime.
"""

from __future__ import annotations

from itertools import product
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_conv import Conv as WholeConv

from .base import Array

# ruff: noqa: N803 - these are the names of ONNX


class Conv(WholeConv):  # type: ignore[misc]
    """A sum over the positions of the kernel: each is a matrix, times the data that it reads.

    onnx's goes number by number before 1.22, and writes the data as a matrix that takes gigabytes
    where the kernel is large or dilated.
    """

    def _run(self, X: Array, W: Array, B: Optional[Array] = None, **options: Any) -> Any:
        if options.get("auto_pad") not in (None, "NOTSET"):
            return super()._run(X, W, B, **options)
        kernel, ones = W.shape[2:], (1,) * (W.ndim - 2)
        stride, dilate = (options.get(k) or ones for k in ("strides", "dilations"))
        pads, groups = options.get("pads") or (0,) * 2 * len(ones), options.get("group") or 1
        widths = zip(pads, pads[len(ones) :])
        padded = np.pad(X, [(0, 0), (0, 0), *widths])
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilate)]
        sizes = [(n - r) // s + 1 for n, r, s in zip(padded.shape[2:], reach, stride)]
        weights = W.reshape(groups, -1, *W.shape[1:])
        total: Array = np.zeros((len(X), groups, weights.shape[1], int(np.prod(sizes))), X.dtype)
        for at in product(*map(range, kernel)):
            steps = zip(at, dilate, stride, sizes)
            read: Any = (..., *(slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, s, n in steps))
            place: Any = (..., *at)
            # In one piece, as BLAS takes it: NumPy's own product is ten times slower.
            matrix = np.ascontiguousarray(weights[place])
            total += matrix @ padded[read].reshape(len(X), groups, weights.shape[2], -1)
        found: Array = total.reshape(len(X), len(W), *sizes)
        return (found if B is None else found + B.reshape(-1, *ones),)


class ConvTranspose(OpRun):  # type: ignore[misc]
    """Each number, times the kernel, is added to its window. onnx's confuses the groups."""

    def _run(self, X: Array, W: Array, B: Optional[Array] = None, **options: Any) -> Any:
        kernel = W.shape[2:]
        ones, zeros = (1,) * len(kernel), (0,) * len(kernel)
        stride, dilate = (options.get(k) or ones for k in ("strides", "dilations"))
        more, groups = options.get("output_padding") or zeros, options.get("group") or 1
        pads = options.get("pads") or zeros * 2
        size = [
            s * (n - 1) + (k - 1) * d + 1 + m
            for s, n, k, d, m in zip(stride, X.shape[2:], kernel, dilate, more)
        ]
        count, channels = X.shape[:2]
        x = X.reshape(count, groups, channels // groups, *X.shape[2:])
        w = W.reshape(groups, channels // groups, *W.shape[1:])
        y: Array = np.zeros((count, groups, W.shape[1], *size), X.dtype)
        for at in product(*map(range, kernel)):
            steps = zip(at, dilate, stride, X.shape[2:])
            place: Any = (..., *(slice(p * d, p * d + s * n, s) for p, d, s, n in steps))
            here: Any = (..., *at)
            y[place] += np.einsum("ngc...,gcf->ngf...", x, w[here])
        ends = (n - p for n, p in zip(size, pads[len(kernel) :]))
        kept: Any = (..., *(slice(p, end) for p, end in zip(pads, ends)))
        y = y[kept]
        y = y.reshape(count, groups * W.shape[1], *y.shape[3:])
        return (y if B is None else y + _by_channel(B, y.ndim),)


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
        windows = _windows(X, options, lowest)[0]
        return (windows.max(axis=tuple(range(X.ndim, windows.ndim))),)


class AveragePool(OpRun):  # type: ignore[misc]
    """A window's sum, divided by how many positions count. onnx's goes number by number."""

    def _run(self, X: Array, **options: Any) -> Any:
        windows, pads = _windows(X, options, 0)
        counted = np.ones((1, 1, *X.shape[2:]), X.dtype)
        if options.get("count_include_pad"):
            counted = np.pad(counted, [(0, 0), (0, 0), *pads], constant_values=1)
            options = {**options, "pads": None}
        axes = tuple(range(X.ndim, windows.ndim))
        total = windows.sum(axis=axes)
        count = _windows(counted, options, 0)[0].sum(axis=axes)
        count = count[(..., *(slice(n) for n in total.shape[2:]))]  # of windows that begin inside
        return ((total / count).astype(X.dtype),)


def _by_channel(array: Array, rank: int) -> Array:
    return array.reshape(-1, *(1,) * (rank - 2))


def _windows(x: Array, options: Any, fill: float) -> Tuple[Array, List[Tuple[int, int]]]:
    """(N, C, *S), the pooling's attributes -> ((N, C, *S', *kernel), the padding of each axis).

    With `ceil_mode` there are as many windows as begin before the padding at the end does.
    """
    kernel: Sequence[int] = options["kernel_shape"]
    ones = (1,) * len(kernel)
    stride, dilate = (options.get(k) or ones for k in ("strides", "dilations"))
    flat = options.get("pads") or (0,) * 2 * len(kernel)
    pads = list(zip(flat, flat[len(kernel) :]))
    if options.get("auto_pad") not in (None, "NOTSET"):
        raise NotImplementedError(f"pooling with auto_pad={options['auto_pad']}")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilate)]
    rooms = [n + sum(p) - r for n, p, r in zip(x.shape[2:], pads, reach)]
    counts = [room // s + 1 for room, s in zip(rooms, stride)]
    if options.get("ceil_mode"):
        starts = zip(rooms, stride, x.shape[2:], pads)
        counts = [min(-(-r // s) + 1, (n + p[0] - 1) // s + 1) for r, s, n, p in starts]
    ends = [
        max(0, (c - 1) * s + r - n - p[0])
        for c, s, r, n, p in zip(counts, stride, reach, x.shape[2:], pads)
    ]
    widths = [(p[0], end) for p, end in zip(pads, ends)]
    padded = np.pad(x, [(0, 0), (0, 0), *widths], constant_values=fill)
    axes = tuple(range(2, x.ndim))
    windows = sliding_window_view(padded, tuple(reach), axes)  # type: ignore[call-overload]
    places = tuple(slice(0, (c - 1) * s + 1, s) for c, s in zip(counts, stride))
    inner = tuple(slice(None, None, d) for d in dilate)
    return windows[(slice(None), slice(None), *places, *inner)], pads


#: In place of the evaluator's own.
NEW_OPS = [
    AveragePool,
    BatchNormalization,
    Conv,
    ConvTranspose,
    GlobalMaxPool,
    LRN,
    LogSoftmax,
    MaxPool,
]
