"""Operators that hand their input on in inference: what they do is for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ShapeError
from ..shape import Dims, Shape, show
from .attributes import Ints
from .registry import (
    OnnxBuilder,
    Operator,
    SameShape,
    TorchBuilder,
    Unsupported,
    Written,
    declare,
    operator,
)


class HandedOn(Operator):
    """The first input, whatever else there is."""

    shape_preserving = True

    def to_onnx(self, g: OnnxBuilder, data: Any, *others: Any) -> Any:
        return g.op("Identity", data)

    def to_pytorch(self, m: TorchBuilder, data: str, *others: str) -> str:
        return f"{m.module('nn.Identity')}({data})"


@dataclass(frozen=True)
class Identity(HandedOn, SameShape):
    """(*) -> same.  Source: elemwise_unary_op_basic.cc, make_loss-inl.h, gradient_multiplier_op.cc.

    What it does is with the gradient: it begins, ends or is scaled here.
    """


declare("_copy", Identity)
declare("make_loss", Identity)
declare("MakeLoss", Identity, ignores=("grad_scale", "valid_thresh", "normalization"))
declare("_contrib_gradientmultiplier", Identity, ignores=("scalar", "is_int"))


@operator("BlockGrad")
class BlockGrad(Identity):
    """(*) -> same; the gradient ends here.  Source: elemwise_unary_op_basic.cc."""

    def to_pytorch(self, m: TorchBuilder, data: str, *others: str) -> str:
        return f"{data}.detach()"


@operator(
    "IdentityAttachKLSparseReg",
    ignores=("sparseness_target", "penalty", "momentum"),
    auxiliary=("moving_avg",),
)
class IdentityAttachKLSparseReg(HandedOn):
    """(N, C, *) -> same.  Source: src/operator/identity_attach_KL_sparse_reg-inl.h."""

    def parameter_shapes(self, data: Shape) -> dict[str, Dims]:
        return {"moving_avg": (data[1] if data else None,)}

    def infer(self, data: Dims, moving_avg: Dims) -> Shape:
        if len(data) < 2:
            raise ShapeError(f"takes (N, C, ...), got {show(data)}")
        return data


@operator("_identity_with_attr_like_rhs")
class IdentityWithAttrLikeRhs(HandedOn):
    """(*), (*) -> the first.  Source: src/operator/tensor/elemwise_unary_op_basic.cc."""

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        return lhs


@operator("Dropout", ignores=("cudnn_off",))
class Dropout(HandedOn, SameShape):
    """(*) -> same: the identity in inference.  Source: src/operator/nn/dropout-inl.h."""

    p: float = 0.5
    mode: Literal["training", "always"] = "training"
    axes: Ints = ()

    hidden_outputs = 1

    def __post_init__(self) -> None:
        if self.mode == "always":
            raise Unsupported(
                "mode='always' draws random numbers in inference; supported: training. "
                "Export the network with mode='training'"
            )

    def to_pytorch(self, m: TorchBuilder, data: str, *others: str) -> str:
        return f"{m.module('nn.Dropout', p=self.p)}({data})"


@operator("cast_storage")
class CastStorage(Written, SameShape):
    """(*) -> same: the numbers of a sparse array are those of the dense one."""

    stype: Literal["default", "csr", "row_sparse"]

    text = "{0}"

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return data
