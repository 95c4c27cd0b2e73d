"""Layers that end a network in training; in inference they are an activation or nothing."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..shape import Dims, Shape, same, show
from .attributes import single
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


@operator("LinearRegressionOutput", ignores=("grad_scale",), labels=("label",))
class LinearRegressionOutput(Operator):
    """(*) -> same; the label is for training.  Source: src/operator/regression_output.cc."""

    shape_preserving = True

    def infer(self, data: Dims, label: Shape = None) -> Shape:
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any, label: Any = None) -> Any:
        return data

    def to_pytorch(self, m: TorchBuilder, data: str, label: Any = None) -> str:
        return data


@operator("MAERegressionOutput", ignores=("grad_scale",), labels=("label",))
class MAERegressionOutput(LinearRegressionOutput):
    """(*) -> same.  Source: src/operator/regression_output.cc."""


@operator("LogisticRegressionOutput", ignores=("grad_scale",), labels=("label",))
class LogisticRegressionOutput(LinearRegressionOutput):
    """(*) -> same: the sigmoid.  Source: src/operator/regression_output.cc."""

    def to_onnx(self, g: OnnxBuilder, data: Any, label: Any = None) -> Any:
        return g.op("Sigmoid", data)

    def to_pytorch(self, m: TorchBuilder, data: str, label: Any = None) -> str:
        return f"{data}.sigmoid()"


@operator(
    "SVMOutput",
    ignores=("margin", "regularization_coefficient", "use_linear"),
    labels=("label",),
)
class SVMOutput(LinearRegressionOutput):
    """(*) -> same.  Source: src/operator/svm_output-inl.h."""


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
