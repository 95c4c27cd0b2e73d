"""Operators that hand their input on in inference: what they do is for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Tuple

from ..errors import ShapeError
from ..shape import Dim, Dims, Shape, show
from .registry import OnnxBuilder, Operator, SameShape, TorchBuilder, operator


@dataclass(frozen=True)
class Identity(SameShape):
    """(*) -> same.  Source: src/operator/tensor/elemwise_unary_op_basic.cc."""

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        return g.op("Identity", data)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"{m.module('nn.Identity')}({data})"


@operator("_copy")
class Copy(Identity):
    """(*) -> same.  Source: src/operator/tensor/elemwise_unary_op_basic.cc."""


@operator("make_loss")
class MakeLossOfAnArray(Identity):
    """(*) -> same; the gradient begins here.  Source: elemwise_unary_op_basic.cc."""


@operator("MakeLoss", ignores=("grad_scale", "valid_thresh", "normalization"))
class MakeLoss(Identity):
    """(*) -> same; the gradient begins here.  Source: src/operator/make_loss-inl.h."""


@operator("_contrib_gradientmultiplier", ignores=("scalar", "is_int"))
class GradientMultiplier(Identity):
    """(*) -> same; the gradient is scaled.  Source: contrib/gradient_multiplier_op.cc."""


@operator("BlockGrad")
class BlockGrad(Identity):
    """(*) -> same; the gradient ends here.  Source: elemwise_unary_op_basic.cc."""

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"{data}.detach()"


class WithAnother(Operator):
    """The first of two inputs, handed on."""

    shape_preserving = True

    def to_onnx(self, g: OnnxBuilder, data: Any, other: Any) -> Any:
        return g.op("Identity", data)

    def to_pytorch(self, m: TorchBuilder, data: str, other: str) -> str:
        return f"{m.module('nn.Identity')}({data})"


@operator(
    "IdentityAttachKLSparseReg",
    ignores=("sparseness_target", "penalty", "momentum"),
    auxiliary=("moving_avg",),
)
class IdentityAttachKLSparseReg(WithAnother):
    """(N, C, *) -> same.  Source: src/operator/identity_attach_KL_sparse_reg-inl.h."""

    def parameter_shapes(self, data: Shape) -> Dict[str, Tuple[Dim, ...]]:
        return {"moving_avg": (data[1] if data else None,)}

    def infer(self, data: Dims, moving_avg: Dims) -> Shape:
        if len(data) < 2:
            raise ShapeError(f"takes (N, C, ...), got {show(data)}")
        return data


@operator("_identity_with_attr_like_rhs")
class IdentityWithAttrLikeRhs(WithAnother):
    """(*), (*) -> the first.  Source: src/operator/tensor/elemwise_unary_op_basic.cc."""

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        return lhs
