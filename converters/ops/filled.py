"""Arrays of one number, as large as another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..shape import Shape
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


@dataclass(frozen=True)
class _Filled(Operator):
    value: ClassVar[int] = 0

    shape_preserving = True

    def infer(self, data: Shape) -> Shape:
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Expand", g.scalar(self.value, data), g.op("Shape", data))


@operator("zeros_like", ignores=("dtype",))  # which MXNet takes, and does not read
class ZerosLike(_Filled):
    """(*) -> same, of 0 in the input's type.  Source: src/operator/tensor/init_op.cc."""

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"torch.zeros_like({data})"


@operator("ones_like", ignores=("dtype",))
class OnesLike(_Filled):
    """(*) -> same, of 1 in the input's type.  Source: src/operator/tensor/init_op.cc."""

    value = 1

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"torch.ones_like({data})"
