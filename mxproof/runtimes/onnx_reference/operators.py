"""ONNX operators that onnx's reference evaluator computes wrongly or far too slowly.

Each is the operator's definition; tests/operators compares it with MXNet.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from onnx.helper import tensor_dtype_to_np_dtype
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_resize import Resize as WholeResize

from ..base import Array

# ruff: noqa: N803, N806 - these are the names of ONNX


class Erf(OpRun):  # type: ignore[misc]
    """onnx's rounds to float32."""

    def _run(self, x: Array) -> Any:
        return (np.vectorize(math.erf, otypes=[x.dtype])(x),)


class GatherElements(OpRun):  # type: ignore[misc]
    """onnx's takes no more than 32 numbers along the axis."""

    def _run(self, data: Array, indices: Array, axis: int = 0) -> Any:
        indices = np.where(indices < 0, indices + data.shape[axis], indices)
        # Where the other axes differ in size, the first of the data's are meant.
        part = [slice(n) for n in indices.shape]
        part[axis] = slice(None)
        return (np.take_along_axis(data[tuple(part)], indices, axis),)


class GatherND(OpRun):  # type: ignore[misc]
    """onnx's goes through the indices one by one."""

    def _run(self, data: Array, indices: Array, batch_dims: int = 0) -> Any:
        batch = np.indices(indices.shape[:-1], sparse=True)[:batch_dims]
        return (data[(*batch, *np.moveaxis(indices, -1, 0))],)


class Resize(WholeResize):  # type: ignore[misc]
    """onnx's goes pixel by pixel before 1.23: minutes, where each is only to be repeated."""

    def _run(
        self, X: Array, roi: Any = None, scales: Any = None, sizes: Any = None, **options: Any
    ) -> Any:
        factors = scales if scales is not None else np.divide(sizes, X.shape)
        kind = ("mode", "coordinate_transformation_mode", "nearest_mode")
        repeats = [options.get(key) for key in kind] == ["nearest", "asymmetric", "floor"]
        if not repeats or options.get("axes") or np.any((factors < 1) | (factors % 1 != 0)):
            return super()._run(X, roi, scales, sizes, **options)
        for axis, factor in enumerate(factors):
            X = np.repeat(X, int(factor), axis)
        return (X,)


class Multinomial(OpRun):  # type: ignore[misc]
    """onnx has none. (N, K) logarithms of unscaled probabilities -> (N, sample_size) classes."""

    def _run(self, logs: Array, dtype: int = 6, sample_size: int = 1, seed: Any = None) -> Any:
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
        draws = np.random.default_rng().random((len(logs), sample_size))
        chosen = (draws[:, :, None] >= shares[:, None, :-1]).sum(axis=2)
        return (chosen.astype(tensor_dtype_to_np_dtype(dtype)),)
