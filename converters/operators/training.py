"""Layers that are for training: in inference they hand their input on, or are little more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Optional

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, show
from .attributes import Ints, single
from .emit.computed import takes
from .registry import OnnxBuilder, Operator, SameShape, TorchBuilder, Written, declare, operator


class HandedOn(Operator):
    """The first input, whatever else there is."""

    shape_preserving = True
    node: ClassVar[str] = "Identity"

    def to_onnx(self, g: OnnxBuilder, data: Any, *others: Any) -> Any:
        return g.op(self.node, data)

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


@operator("_contrib_gradientmultiplier", ignores=("is_int",))
class GradientMultiplier(Written, Identity):
    """(*) -> same; the gradient is multiplied.  Source: contrib/gradient_multiplier_op.cc."""

    scalar: float = 1.0

    text = "multiply_gradient({0}, {self.scalar})"


@operator("BlockGrad")
class BlockGrad(Written, Identity):
    """(*) -> same; the gradient ends here.  Source: elemwise_unary_op_basic.cc."""

    text = "{0}.detach()"


@operator(
    "IdentityAttachKLSparseReg",
    ignores=("sparseness_target", "penalty", "momentum"),
    auxiliary=("moving_avg",),
)
class IdentityAttachKLSparseReg(HandedOn):
    """(N, C, *) -> same.  Source: src/operator/identity_attach_KL_sparse_reg-inl.h."""

    def parameter_shapes(self, data: Shape) -> dict[str, Dims]:
        return {"moving_avg": (data[1] if data else None,)}

    def unread(self) -> dict[str, tuple[str, Optional[float]]]:
        return {"moving_avg": ("only training reads it", None)}

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

    allowed = (
        (
            "mode",
            lambda mode: mode != "always",
            "training, for the other draws random numbers in inference. Export the network with it",
        ),
    )

    def to_pytorch(self, m: TorchBuilder, data: str, *others: str) -> str:
        if not self.axes:
            return f"{m.module('nn.Dropout', p=self.p)}({data})"
        axes = tuple(axis % len(m.shape(data)) for axis in self.axes)
        return f"{m.function('shared_dropout')}({data}, {self.p}, {axes}, self.training)"


class Output(Written, HandedOn):
    """(*) -> same, or its sigmoid (of LogisticRegressionOutput); the label is for training.

    Source: src/operator/regression_output.cc, svm_output-inl.h.
    """

    text = "{0}"

    def infer(self, data: Dims, label: Shape = None) -> Shape:
        return data


_SCALE, _SVM = ("grad_scale",), ("margin", "regularization_coefficient", "use_linear")
_SIGMOID = {"node": "Sigmoid", "text": "{0}.sigmoid()"}
declare("LinearRegressionOutput", Output, ignores=_SCALE, labels=("label",))
declare("MAERegressionOutput", Output, ignores=_SCALE, labels=("label",))
declare("LogisticRegressionOutput", Output, ignores=_SCALE, labels=("label",), **_SIGMOID)
declare("SVMOutput", Output, ignores=_SVM, labels=("label",))


@operator("softmax_cross_entropy")
class SoftmaxCrossEntropy(Operator):
    """(N, C), (N,) classes -> (1,): the sum of -log(max(softmax, 1e-8)) at the classes.

    Source: src/operator/loss_binary_op-inl.h.
    """

    def infer(self, data: Dims, label: Dims) -> Shape:
        takes("data", data, tuple("NC"))
        takes("label", label, (data[0],))
        return (1,)

    def to_onnx(self, g: OnnxBuilder, data: Any, label: Any) -> Any:
        soft = g.op("Softmax", data, axis=1)
        classes = g.op("Unsqueeze", g.cast(label, "int64"), g.ints((1,)))
        chosen = g.op("GatherElements", soft, classes, axis=1)
        logs = g.op("Log", g.op("Max", chosen, g.scalar(single(1e-8), data)))
        total = g.reduce("ReduceSum", logs, (0, 1), False)
        return g.op("Reshape", g.op("Neg", total), g.ints((1,)))

    def to_pytorch(self, m: TorchBuilder, data: str, label: str) -> str:
        chosen = f"{data}.softmax(1).gather(1, {label}.long()[:, None])"
        return f"-{chosen}.clamp(min={single(1e-8)!r}).log().sum().reshape(1)"
