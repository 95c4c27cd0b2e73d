"""Functions of single numbers that have attributes."""

from __future__ import annotations

import math
from typing import Any, Callable, Literal

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims
from ..python_text import literal
from .attributes import Single, single
from .emit.onnx_math import INTEGERS, OnnxExpr, exact, formula, result
from .registry import OnnxBuilder, SameShape, TorchBuilder, Unsupported, Written, operator
from .special import polynomial

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


def refuse_integers(dtype: str) -> None:
    """For functions of which MXNet cuts the fraction off.

    Raises:
        Unsupported: the element type has no fractions.
    """
    if not dtype.startswith("float"):
        raise Unsupported(f"of {dtype}; supported: a float type. Cast the input")


@operator("Activation")
class Activation(SameShape):
    """(*) -> same.  Source: src/operator/nn/activation-inl.h, src/operator/mshadow_op.h."""

    act_type: Literal["relu", "sigmoid", "tanh", "softrelu", "softsign"]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        x = formula(g, data, g.type(data))
        made = x.op(ACTIVATIONS[self.act_type][0])
        if self.act_type == "softrelu":  # Softplus adds 2e-9 there
            made = (x > SOFTRELU_END).where(x, made)
        return made.value

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        return f"{ACTIVATIONS[self.act_type][1]}({data})"


@operator("hard_sigmoid")
class HardSigmoid(Written, SameShape):
    """(*) -> same: alpha x + beta, cut to 0 … 1.  Source: tensor/elemwise_unary_op.h."""

    alpha: Single = single(0.2)
    beta: Single = single(0.5)

    text = "({self.alpha!r} * {0} + {self.beta!r}).clamp(0, 1)"

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        x = formula(g, data, g.type(data))
        return x.op("HardSigmoid", alpha=self.alpha, beta=self.beta).value


@operator("clip")
class Clip(SameShape):
    """(*) -> same: a_max above it, else a_min below that (which may be the larger of the two).

    Source: src/operator/tensor/matrix_op-inl.h, clip.
    """

    a_min: Single
    a_max: Single

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        x = formula(g, data, g.type(data))
        low, high = map(x.array, self._ends(x.kind))
        if self.a_min > self.a_max:
            wide = x.to("float64") if x.kind in INTEGERS else x
            return (wide > self.a_max).where(high, low).value
        return x.op("Clip", low, high).value

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


class Fractional(Written, SameShape):
    """A function of numbers with fractions: a formula in ONNX, a text in PyTorch."""

    formula: Callable[[OnnxExpr], OnnxExpr]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        refuse_integers(g.type(data))
        return result(self.formula(exact(g, data)))

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        refuse_integers(m.type(inputs[0]))
        return super().to_pytorch(m, *inputs)


@operator("smooth_l1", ignores=("is_int",))
class SmoothL1(Fractional):
    """(*) -> same: (s x)^2 / 2 where |x| <= 1 / s^2, |x| - 1 / (2 s^2) elsewhere.

    Source: src/operator/mshadow_op.h, smooth_l1_loss.
    """

    scalar: float = 1.0

    text = 'F.smooth_l1_loss({0}, torch.zeros_like({0}), reduction="none", beta={self.beta!r})'
    allowed = (("scalar", bool, "other numbers"),)

    @property
    def beta(self) -> float:
        return 1 / self.scalar**2

    def formula(self, x: OnnxExpr) -> OnnxExpr:
        size, square = abs(x), self.scalar**2
        return (size > self.beta).where(size - 0.5 / square, x * x * (0.5 * square))


@operator("_contrib_quadratic")
class Quadratic(Fractional):
    """(*) -> same: a x^2 + b x + c.  Source: src/operator/contrib/quadratic_op-inl.h."""

    a: Single = single(0)
    b: Single = single(0)
    c: Single = single(0)

    text = "{0} * ({self.a!r} * {0} + {self.b!r}) + {self.c!r}"

    def formula(self, x: OnnxExpr) -> OnnxExpr:
        return polynomial(x, (self.a, self.b, self.c))


@operator("_contrib_div_sqrt_dim")
class DivSqrtDim(Fractional):
    """(*, C) -> same, over sqrt(C).  Source: src/operator/contrib/transformer-inl.h."""

    text = "{0} / {0}.shape[-1] ** 0.5"

    def infer(self, data: Dims) -> Dims:
        if not data:
            raise ShapeError("takes at least one dimension, got ()")
        return data

    def formula(self, x: OnnxExpr) -> OnnxExpr:
        size = x.g.output_shape()[-1]
        return x / (math.sqrt(size) if isinstance(size, int) else x.size(-1).to(x.kind).op("Sqrt"))
