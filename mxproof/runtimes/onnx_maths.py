"""Functions of single numbers for ONNX's evaluator; see onnx_ops.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from .base import Array


class Erf(OpRun):  # type: ignore[misc]
    """onnx's rounds to float32."""

    op_domain = ""

    def _run(self, x: Array) -> Any:
        return (np.reshape([math.erf(number) for number in x.flat], x.shape).astype(x.dtype),)


NEW_OPS = [Erf]
