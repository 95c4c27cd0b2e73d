"""ONNX operators that onnx's reference evaluator computes wrongly or far too slowly.

Each is the operator's definition in NumPy; tests/mxproof/test_onnx_ops.py holds it to another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_resize import Resize as WholeResize

from . import onnx_layers, onnx_maths, onnx_random, onnx_recurrent, onnx_vision
from .base import Array


class GatherElements(OpRun):  # type: ignore[misc]
    """onnx's takes no more than 32 numbers along the axis."""

    op_domain = ""

    def _run(self, data: Array, indices: Array, axis: int = 0) -> Any:
        indices = np.where(indices < 0, indices + data.shape[axis], indices)
        # Where the other axes differ in size, the first of the data's are meant.
        part = tuple(
            slice(None) if a == axis % data.ndim else slice(n) for a, n in enumerate(indices.shape)
        )
        return (np.take_along_axis(data[part], indices, axis),)


class GatherND(OpRun):  # type: ignore[misc]
    """onnx's goes through the indices one by one."""

    op_domain = ""

    def _run(self, data: Array, indices: Array, batch_dims: int = 0) -> Any:
        shape = indices.shape[:batch_dims]
        batch = [
            np.arange(n).reshape(-1, *[1] * (indices.ndim - 2 - i)) for i, n in enumerate(shape)
        ]
        return (data[(*batch, *np.moveaxis(indices, -1, 0))],)


class Resize(WholeResize):  # type: ignore[misc]
    """onnx's goes pixel by pixel before 1.23: minutes, where each is only to be repeated."""

    op_domain = ""

    def _run(
        self,
        X: Array,  # noqa: N803
        roi: Any = None,
        scales: Any = None,
        sizes: Any = None,
        **options: Any,
    ) -> Any:
        factors = scales if scales is not None else np.divide(sizes, X.shape)
        kind = ("mode", "coordinate_transformation_mode", "nearest_mode")
        repeats = [options.get(key) for key in kind] == ["nearest", "asymmetric", "floor"]
        if not repeats or options.get("axes") or np.any((factors < 1) | (factors % 1 != 0)):
            return super()._run(X, roi, scales, sizes, **options)
        for axis, factor in enumerate(factors):
            X = np.repeat(X, int(factor), axis)  # noqa: N806
        return (X,)


#: In place of the evaluator's own.
NEW_OPS = [
    GatherElements,
    GatherND,
    Resize,
    *onnx_layers.NEW_OPS,
    *onnx_maths.NEW_OPS,
    *onnx_random.NEW_OPS,
    *onnx_recurrent.NEW_OPS,
    *onnx_vision.NEW_OPS,
]
