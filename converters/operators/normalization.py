"""Batch normalisation in its forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Optional, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, same, show
from ..python_text import literal
from .attributes import Single, single
from .emit.onnx_math import OnnxExpr, moved
from .registry import Allowed, OnnxBuilder, Operator, TorchBuilder, operator


@dataclass(frozen=True)
class Norm(Operator):
    """(N, C, *S) -> same: (x - mean) / sqrt(var + eps) * gamma + beta by channel.

    Inference reads the moving statistics whatever `use_global_stats` says; with it, training reads
    them too, and leaves them as they are. With `fix_gamma` gamma is 1, whatever the checkpoint
    stores, and is not trained.
    """

    eps: float = float(np.float32(1e-3))  # the default is a C float; a stored value is not
    momentum: float = 0.9  # of the old average; PyTorch's is of the new value
    fix_gamma: bool = True
    output_mean_var: bool = False
    axis: int = 1
    use_global_stats: bool = False

    shape_preserving = True
    hidden_outputs = 2
    limits = "output_mean_var: MXNet's float32 and float64 kernels give different things for it"
    allowed: ClassVar[Allowed] = (
        (
            "output_mean_var",
            lambda stated: not stated,
            "False, as MXNet's float32 and float64 kernels differ",
        ),
    )

    def parameter_shapes(self, data: Shape) -> Dict[str, Dims]:
        known = data and -len(data) <= self.axis < len(data)
        channels = data[self.axis] if data and known else None
        return {name: (channels,) for name in self.parameters}

    def unread(self) -> Dict[str, Tuple[str, Optional[float]]]:
        return {"gamma": ("gamma is fixed at 1", 1.0)} if self.fix_gamma else {}

    def infer(
        self, data: Dims, gamma: Dims, beta: Dims, moving_mean: Dims, moving_var: Dims
    ) -> Shape:
        if len(data) < 2 or not -len(data) <= self.axis < len(data):
            raise ShapeError(f"takes (N, C, ...) with axis={self.axis}, got {show(data)}")
        channels = data[self.axis]
        if gamma and not same(gamma[0], channels):
            raise ShapeError(f"takes {gamma[0]} channels, got {channels} in {show(data)}")
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any, gamma: Any, beta: Any, mean: Any, var: Any) -> Any:
        rank = len(g.shape(data))
        given = data
        if self.fix_gamma and g.is_stored(gamma):
            gamma = g.constant(np.ones(g.array(gamma).shape), gamma)
        elif self.fix_gamma:
            gamma = g.op("Expand", g.scalar(1, gamma), g.op("Shape", gamma))
        if g.exact_batch_norm:
            return self._subtracted(g, data, gamma, beta, mean, var)
        if g.is_input(given) and g.is_stored(mean):
            # onnxruntime computes x a + b. Of numbers far from 0, as pixels are, the rounding of
            # x a goes into all that follows; MXNet subtracts the mean first, and so do we.
            middle = np.asarray(g.array(mean), np.float64)
            axes = (-1, *(1,) * (rank - 1 - self.axis % rank))
            data = g.op("Sub", data, g.constant(middle.reshape(axes), given))
            mean = g.constant(np.zeros_like(middle), given)
        data = moved(g, data, rank, self.axis, 1)
        out = g.op("BatchNormalization", data, gamma, beta, mean, var, epsilon=self.eps)
        return moved(g, out, rank, 1, self.axis)

    def _subtracted(self, g: OnnxBuilder, data: Any, *stored: Any) -> Any:
        """(data - mean) * (gamma / sqrt(var + eps)) + beta, as MXNet has it: data * scale is
        rounded at its own magnitude, which near a large mean is far above that of the result."""
        axes = (-1, *(1,) * (len(g.shape(data)) - 1 - self.axis % len(g.shape(data))))
        x, gamma, beta, mean, var = (OnnxExpr(g, v, g.type(data)) for v in (data, *stored))
        scale = gamma / (var + self.eps).op("Sqrt")
        scale, beta, mean = (v.reshape(*axes) for v in (scale, beta, mean))
        return ((x - mean) * scale + beta).value

    def to_pytorch(
        self, m: TorchBuilder, data: str, gamma: str, beta: str, mean: str, var: str
    ) -> str:
        rank = len(m.shape(data))
        axis = self.axis % rank
        given = data if axis == 1 else f"{data}.movedim({axis}, 1)"
        if rank <= 5 and all(map(m.is_stored, (gamma, beta, mean, var))):
            norm = self._module(m, rank, gamma, beta, mean, var)
            call = self._call(m)
            out = f"{m.function(call)}({given}, {norm})" if call else f"{norm}({given})"
        else:
            options = [] if self.fix_gamma else [f"weight={gamma}"]
            options.append(f"bias={beta}")
            if not self.use_global_stats:
                options += ["training=self.training", f"momentum={self._momentum}"]
            options.append(f"eps={literal(self.eps)}")
            out = f"F.batch_norm({given}, {mean}, {var}, {', '.join(options)})"
        return out if axis == 1 else f"{out}.movedim(1, {axis})"

    def _call(self, m: TorchBuilder) -> str:
        """The function that runs the module, if it does not run itself."""
        if m.exact_batch_norm:
            return "subtract_first" if self.use_global_stats else "exact_batch_norm"
        return "frozen_batch_norm" if self.use_global_stats else ""

    @property
    def _momentum(self) -> float:
        """PyTorch's, which is the share of the new value."""
        return round(1 - self.momentum, 12)

    def _module(self, m: TorchBuilder, rank: int, *stored: str) -> str:
        names = ("weight", "bias", "running_mean", "running_var")
        state = dict(zip(names, map(m.array, stored)))
        wrapper = ""
        if self.fix_gamma:
            state["weight"] = np.ones_like(state["weight"])
            wrapper = m.function("fixed_gamma")
        kind, options = f"nn.BatchNorm{max(rank - 2, 1)}d", {"momentum": self._momentum}
        channels = len(state["weight"])
        return m.module(kind, channels, wrapper=wrapper, eps=self.eps, **options, state=state)


_AXIS_1 = ("axis", lambda axis: axis == 1, "1, as in MXNet")
_STORED = ("gamma", "beta")
_MOVING = ("moving_mean", "moving_var")
_TUNING = ("cudnn_off", "min_calib_range", "max_calib_range")


@operator("BatchNorm", ignores=_TUNING, parameters=_STORED, auxiliary=_MOVING)
class BatchNorm(Norm):
    """(N, C, *S) -> same, with the channels on any axis.  Source: src/operator/nn/batch_norm.cc."""


@operator("_contrib_BatchNormWithReLU", ignores=_TUNING, parameters=_STORED, auxiliary=_MOVING)
class BatchNormWithReLU(Norm):
    """(N, C, H, W) -> same, negative numbers being 0.

    Source: src/operator/contrib/batch_norm_relu.cc.
    """

    hidden_outputs = 3
    limits = "MXNet itself has it for images, in float32 and on axis 1, only"
    allowed = (*Norm.allowed, _AXIS_1)

    def to_onnx(self, g: OnnxBuilder, *inputs: Any) -> Any:
        return g.op("Relu", super().to_onnx(g, *inputs))

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        return f"{super().to_pytorch(m, *inputs)}.relu()"


@dataclass(frozen=True)
class _OldNorm(Norm):
    """The epsilon is a C float, and the channels are on axis 1."""

    eps: Single = single(1e-3)

    allowed = (*Norm.allowed, _AXIS_1)


_SYNC = ("ndev", "key")


@operator("BatchNorm_v1", parameters=_STORED, auxiliary=_MOVING)
class BatchNormV1(_OldNorm):
    """(N, C, H, W) or (N, C) -> same.  Source: src/operator/batch_norm_v1-inl.h."""


@operator("_contrib_SyncBatchNorm", ignores=_SYNC, parameters=_STORED, auxiliary=_MOVING)
class SyncBatchNorm(_OldNorm):
    """(N, C, *S) -> same: inference on one device.

    Source: src/operator/contrib/sync_batch_norm-inl.h.
    """
