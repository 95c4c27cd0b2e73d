"""Layers that end a network in training; in inference they are an activation or nothing."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..shape import Dims, Shape, same, show
from .attributes import single
from .registry import OnnxBuilder, Operator, TorchBuilder, Written, declare, operator


class Output(Written):
    """(*) -> same; the label is for training.

    Source: src/operator/regression_output.cc, svm_output-inl.h.
    """

    shape_preserving = True
    text = "{0}"

    def infer(self, data: Dims, label: Shape = None) -> Shape:
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any, label: Any = None) -> Any:
        return data


class Logistic(Output):
    """(*) -> same: the sigmoid; the label is for training.

    Source: src/operator/regression_output.cc.
    """

    text = "{0}.sigmoid()"

    def to_onnx(self, g: OnnxBuilder, data: Any, label: Any = None) -> Any:
        return g.op("Sigmoid", data)


_SVM = ("margin", "regularization_coefficient", "use_linear")
for _name, _base, _ignores in (
    ("LinearRegressionOutput", Output, ("grad_scale",)),
    ("MAERegressionOutput", Output, ("grad_scale",)),
    ("LogisticRegressionOutput", Logistic, ("grad_scale",)),
    ("SVMOutput", Output, _SVM),
):
    declare(_name, _base, ignores=_ignores, labels=("label",))


@operator("softmax_cross_entropy")
class SoftmaxCrossEntropy(Operator):
    """(N, C), (N,) classes -> (1,): the sum of -log(max(softmax, 1e-8)) at the classes.

    Source: src/operator/loss_binary_op-inl.h.
    """

    def infer(self, data: Dims, label: Dims) -> Shape:
        if len(data) != 2 or len(label) != 1:
            raise ShapeError(f"takes (N, C) and (N,), got {show(data)} and {show(label)}")
        if not same(data[0], label[0]):
            raise ShapeError(f"got {show(data)} and {show(label)}, whose first axes differ")
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
