"""Functions of single numbers that have attributes."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from ..errors import ShapeError
from ..python_text import literal
from ..shape import Dims
from .arithmetic import INTEGERS, Arithmetic, refuse_integers
from .attributes import Single, single
from .registry import OnnxBuilder, SameShape, TorchBuilder, Unsupported, operator

#: What ONNX and PyTorch call them.
ACTIVATIONS = {
    "relu": ("Relu", "F.relu"),
    "sigmoid": ("Sigmoid", "torch.sigmoid"),
    "tanh": ("Tanh", "torch.tanh"),
    "softrelu": ("Softplus", "F.softplus"),
    "softsign": ("Softsign", "F.softsign"),
}
#: Above it MXNet's softrelu is its input, as torch's is.
SOFTRELU_END = 20.0


@operator("Activation")
class Activation(SameShape):
    """(*) -> same.  Source: src/operator/nn/activation-inl.h, src/operator/mshadow_op.h."""

    act_type: Literal["relu", "sigmoid", "tanh", "softrelu", "softsign"]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        a = Arithmetic(g, data, composed=False)
        result = a.op(ACTIVATIONS[self.act_type][0], data)
        if self.act_type == "softrelu":  # Softplus adds 2e-9 there
            return a.op("Where", a.op("Greater", data, a.number(SOFTRELU_END)), data, result)
        return result

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"{ACTIVATIONS[self.act_type][1]}({data})"


@operator("hard_sigmoid")
class HardSigmoid(SameShape):
    """(*) -> same: alpha x + beta, cut to 0 … 1.  Source: tensor/elemwise_unary_op.h."""

    alpha: Single = single(0.2)
    beta: Single = single(0.5)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        a = Arithmetic(g, data, composed=False)
        return a.op("HardSigmoid", data, alpha=self.alpha, beta=self.beta)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"({literal(self.alpha)} * {data} + {literal(self.beta)}).clamp(0, 1)"


@operator("clip")
class Clip(SameShape):
    """(*) -> same: a_max above it, else a_min below that (which may be the larger of the two).

    Source: src/operator/tensor/matrix_op-inl.h, clip.
    """

    a_min: Single
    a_max: Single

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        dtype = g.type(data)
        low, high = (g.constant(np.array(end), dtype=dtype) for end in self._ends(dtype))
        if self.a_min > self.a_max:
            exact = g.cast(data, "float64") if dtype in INTEGERS else data
            kind = "float64" if dtype in INTEGERS else dtype
            above = g.op("Greater", exact, g.constant(np.array(self.a_max), dtype=kind))
            return g.op("Where", above, high, low)
        return g.op("Clip", data, low, high)

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        low, high = (literal(end) for end in self._ends(m.type(data)))
        if self.a_min > self.a_max:
            above = f"{data} > {literal(self.a_max)}"
            return f"torch.where({above}, {high}, {low}).to({data}.dtype)"
        return f"{data}.clamp({low}, {high})"

    def _ends(self, dtype: str) -> Any:
        """Of whole numbers they lose their fraction, as MXNet's result does."""
        if dtype not in INTEGERS:
            return self.a_min, self.a_max
        info = np.iinfo(dtype)
        return (min(max(int(end), info.min), info.max) for end in (self.a_min, self.a_max))


@operator("smooth_l1", ignores=("is_int",))
class SmoothL1(SameShape):
    """(*) -> same: (s x)^2 / 2 where |x| <= 1 / s^2, |x| - 1 / (2 s^2) elsewhere.

    Source: src/operator/mshadow_op.h, smooth_l1_loss.
    """

    scalar: float = 1.0

    def __post_init__(self) -> None:
        if not self.scalar:
            raise Unsupported("scalar=0; supported: other numbers")

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        refuse_integers(g.type(data))
        a, square = Arithmetic(g, data), self.scalar**2
        x = a.enter(data)
        size = a.op("Abs", x)
        inner = a.op("Mul", a.op("Mul", x, x), a.number(0.5 * square))
        outer = a.op("Sub", size, a.number(0.5 / square))
        return a.leave(a.op("Where", a.op("Greater", size, a.number(1 / square)), outer, inner))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        refuse_integers(m.type(data))
        beta = literal(1 / self.scalar**2)
        return f'F.smooth_l1_loss({data}, torch.zeros_like({data}), reduction="none", beta={beta})'


@operator("_contrib_quadratic")
class Quadratic(SameShape):
    """(*) -> same: a x^2 + b x + c.  Source: src/operator/contrib/quadratic_op-inl.h."""

    a: Single = single(0)
    b: Single = single(0)
    c: Single = single(0)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        refuse_integers(g.type(data))
        a = Arithmetic(g, data)
        return a.leave(a.polynomial(a.enter(data), self.a, self.b, self.c))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        refuse_integers(m.type(data))
        a, b, c = (literal(number) for number in (self.a, self.b, self.c))
        return f"{data} * ({a} * {data} + {b}) + {c}"


@operator("_contrib_div_sqrt_dim")
class DivSqrtDim(SameShape):
    """(*, C) -> same, over sqrt(C).  Source: src/operator/contrib/transformer-inl.h."""

    def infer(self, data: Dims) -> Dims:
        if not data:
            raise ShapeError("takes at least one dimension, got ()")
        return data

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        refuse_integers(g.type(data))
        a, size = Arithmetic(g, data), g.shape(data)[-1]
        if isinstance(size, int):
            root = a.number(math.sqrt(size))
        else:
            last = g.op("Gather", g.op("Shape", data), g.ints((-1,)), axis=0)
            root = a.op("Sqrt", g.cast(last, a.type))
        return a.leave(a.op("Div", a.enter(data), root))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        refuse_integers(m.type(data))
        return f"{data} / {data}.shape[-1] ** 0.5"
