"""ONNX's random operators that onnx's evaluator has not."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.helper import tensor_dtype_to_np_dtype
from onnx.reference.op_run import OpRun

from .base import Array


class Multinomial(OpRun):  # type: ignore[misc]
    """(N, K) logarithms of probabilities up to a factor -> (N, sample_size) classes."""

    op_domain = ""

    def _run(self, logs: Array, dtype: int = 6, sample_size: int = 1, seed: Any = None) -> Any:
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
        draws = np.random.default_rng().random((len(logs), sample_size))
        chosen = (draws[:, :, None] >= shares[:, None, :-1]).sum(axis=2)
        return (chosen.astype(tensor_dtype_to_np_dtype(dtype)),)


NEW_OPS = [Multinomial]
