"""Batch normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Tuple

import numpy as np

from ..errors import ShapeError
from ..shape import Dim, Shape, same, show
from .registry import Operator, Unsupported, operator

if TYPE_CHECKING:
    from ..onnx_model import OnnxBuilder
    from ..pytorch_module import TorchBuilder


@operator(
    "BatchNorm",
    ignores=("use_global_stats", "cudnn_off", "min_calib_range", "max_calib_range"),
    parameters=("gamma", "beta"),
    auxiliary=("moving_mean", "moving_var"),
)
@dataclass(frozen=True)
class BatchNorm(Operator):
    """(N, C, *S) -> same: (x - mean) / sqrt(var + eps) * gamma + beta by channel.

    Inference reads the moving statistics whatever `use_global_stats` says. With `fix_gamma`
    gamma is 1, whatever the checkpoint stores.  Source: src/operator/nn/batch_norm.cc.
    """

    eps: float = float(np.float32(1e-3))  # the default is a C float; a stored value is not
    momentum: float = 0.9  # of the old average; PyTorch's is of the new value
    fix_gamma: bool = True
    output_mean_var: bool = False
    axis: int = 1

    shape_preserving = True

    def __post_init__(self) -> None:
        if self.axis != 1:
            raise Unsupported(f"axis={self.axis}; supported: 1. Transpose before export")
        if self.output_mean_var:
            raise Unsupported("output_mean_var=True; supported: False")

    def stored_outputs(self) -> int:
        return 3

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        channels = data[1] if data else None
        return {name: (channels,) for name in self.parameters}

    def infer(
        self, data: Shape, gamma: Shape, beta: Shape, moving_mean: Shape, moving_var: Shape
    ) -> Shape:
        assert data is not None
        if len(data) < 2:
            raise ShapeError(f"takes (N, C, ...), got {show(data)}")
        if gamma and not same(gamma[0], data[1]):
            raise ShapeError(f"takes {gamma[0]} channels, got {data[1]} in {show(data)}")
        return data

    def to_onnx(
        self, g: OnnxBuilder, data: Any, gamma: Any, beta: Any, moving_mean: Any, moving_var: Any
    ) -> Any:
        if self.fix_gamma:
            gamma = g.constant(np.ones_like(g.array(gamma)))
        if g.is_input(data):
            # onnxruntime computes x a + b. Of numbers far from 0, as pixels are, the rounding of
            # x a goes into all that follows; MXNet subtracts the mean first, and so do we.
            mean = np.asarray(g.array(moving_mean), np.float32)
            axes = (-1, *(1,) * (len(g.shape(data)) - 2))
            data = g.op("Sub", data, g.constant(mean.reshape(axes)))
            moving_mean = g.constant(np.zeros_like(mean))
        return g.op(
            "BatchNormalization", data, gamma, beta, moving_mean, moving_var, epsilon=self.eps
        )

    def to_pytorch(
        self, m: TorchBuilder, data: str, gamma: str, beta: str, moving_mean: str, moving_var: str
    ) -> str:
        weight = m.array(gamma)
        spatial = len(m.shape(data)) - 2
        if spatial > 3:
            raise Unsupported(f"{spatial} spatial dimensions; supported: up to 3")
        norm = m.module(
            f"nn.BatchNorm{max(spatial, 1)}d",
            len(weight),
            eps=self.eps,
            momentum=round(1 - self.momentum, 12),
            state={
                "weight": np.ones_like(weight) if self.fix_gamma else weight,
                "bias": m.array(beta),
                "running_mean": m.array(moving_mean),
                "running_var": m.array(moving_var),
            },
        )
        return f"{norm}({data})"
