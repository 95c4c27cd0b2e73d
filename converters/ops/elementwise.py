"""Operators that treat every element alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..shape import Shape, merge_shapes
from .attributes import Ints
from .registry import Operator, Unsupported, operator

if TYPE_CHECKING:
    from ..onnx_model import OnnxBuilder
    from ..pytorch_module import TorchBuilder


@operator("Activation")
@dataclass(frozen=True)
class Activation(Operator):
    """(*) -> same.  Source: src/operator/nn/activation-inl.h, src/operator/mshadow_op.h."""

    act_type: Literal["relu", "sigmoid", "tanh", "softrelu", "softsign"]

    shape_preserving = True

    def infer(self, data: Shape) -> Shape:
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        name = {
            "relu": "Relu",
            "sigmoid": "Sigmoid",
            "tanh": "Tanh",
            "softrelu": "Softplus",
            "softsign": "Softsign",
        }[self.act_type]
        return g.op(name, data)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        name = {
            "relu": "F.relu",
            "sigmoid": "torch.sigmoid",
            "tanh": "torch.tanh",
            "softrelu": "F.softplus",
            "softsign": "F.softsign",
        }[self.act_type]
        return f"{name}({data})"


@operator("elemwise_add")
@dataclass(frozen=True)
class ElemwiseAdd(Operator):
    """(*), (*) -> same.  Source: src/operator/tensor/elemwise_binary_op_basic.cc."""

    shape_preserving = True

    def infer(self, lhs: Shape, rhs: Shape) -> Shape:
        assert lhs is not None and rhs is not None
        return merge_shapes(lhs, rhs)

    def to_onnx(self, g: OnnxBuilder, lhs: Any, rhs: Any) -> Any:
        return g.op("Add", lhs, rhs)

    def to_pytorch(self, m: TorchBuilder, lhs: str, rhs: str) -> str:
        return f"{lhs} + {rhs}"


@operator("Dropout", ignores=("cudnn_off",))
@dataclass(frozen=True)
class Dropout(Operator):
    """(*) -> same: the identity in inference.  Source: src/operator/nn/dropout-inl.h."""

    p: float = 0.5
    mode: Literal["training", "always"] = "training"
    axes: Ints = ()

    shape_preserving = True

    def __post_init__(self) -> None:
        if self.mode == "always":
            raise Unsupported(
                "mode='always' draws random numbers in inference; supported: training. "
                "Export the network with mode='training'"
            )

    def stored_outputs(self) -> int:
        return 2

    def infer(self, data: Shape) -> Shape:
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Identity", data)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"{m.module('nn.Dropout', p=self.p)}({data})"
