"""Normalisation by the size of what is near."""

from __future__ import annotations

from typing import Any, Literal, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, show, with_axes
from ..python_text import literal
from .attributes import Single, single
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


@operator("L2Normalization")
class L2Normalization(Operator):
    """(N, C, *S) -> same: x / sqrt(sum of x * x + eps), over all but the first axis, over axis 1
    or over *S.  Source: src/operator/l2_normalization-inl.h.
    """

    eps: Single = single(1e-10)
    mode: Literal["instance", "channel", "spatial"] = "instance"

    shape_preserving = True
    hidden_outputs = 1

    def _axes(self, rank: int) -> Tuple[int, ...]:
        first, last = {"instance": (1, rank), "channel": (1, 2), "spatial": (2, rank)}[self.mode]
        return tuple(range(first, last))

    def infer(self, data: Dims) -> Shape:
        least = 1 if self.mode == "instance" else 3
        if len(data) < least:
            raise ShapeError(f"takes {least} dimensions or more, got {show(data)}")
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        total = g.op("Mul", data, data)
        axes = self._axes(len(g.shape(data)))
        if axes:
            total = g.reduce("ReduceSum", total, axes, True)
        norm = g.op("Sqrt", g.op("Add", total, g.scalar(self.eps, data)))
        return g.op("Div", data, norm)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        axes = self._axes(len(m.shape(data)))
        total = f"{data}.square()"
        if axes:
            total += f".sum({axes[0] if len(axes) == 1 else axes}, keepdim=True)"
        return f"{data} / ({total} + {literal(self.eps)}).sqrt()"


@operator("LRN")
class LRN(Operator):
    """(N, C, H, W) -> same: x / (knorm + alpha / nsize * sum of x * x) ** beta, the sum being over
    the nsize nearest channels.  Source: src/operator/nn/lrn-inl.h.
    """

    nsize: int
    alpha: Single = single(1e-4)
    beta: Single = single(0.75)
    knorm: Single = single(2)

    shape_preserving = True
    hidden_outputs = 1
    limits = "nsize must be odd, as MXNet says"

    allowed = (("nsize", lambda n: n % 2, "odd numbers"),)

    def infer(self, data: Dims) -> Shape:
        return with_axes(data, "(N, C, H, W)")

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("LRN", data, size=self.nsize, alpha=self.alpha, beta=self.beta, bias=self.knorm)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        norm = m.module(
            "nn.LocalResponseNorm", self.nsize, alpha=self.alpha, beta=self.beta, k=self.knorm
        )
        return f"{norm}({data})"
