"""Functions of one number, applied to every element."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Tuple, Union

import numpy as np

from . import special
from .arithmetic import INTEGERS, Arithmetic, refuse_integers
from .registry import OnnxBuilder, SameShape, TorchBuilder, declare, written

Formula = Callable[[Arithmetic, Any], Any]


@dataclass(frozen=True)
class Unary(SameShape):
    """(*) -> same.  Source: src/operator/mshadow_op.h, src/operator/tensor/elemwise_unary_op*.cc.

    Class attributes:
        formula: in ONNX: an operator's name, or what to build.
        text: in PyTorch, of {x}. See Written.
        whole: how whole numbers are treated: like others, left as they "stay", or not at all ("").
    """

    formula: ClassVar[Tuple[Union[str, Formula]]]
    text: ClassVar[str]
    whole: ClassVar[str]

    def _check(self, dtype: str) -> None:
        if not self.whole or dtype == "bool":
            refuse_integers(dtype)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        self._check(g.type(data))
        if self.whole == "stay" and g.type(data) in INTEGERS:
            return g.op("Identity", data)
        formula = self.formula[0]
        a = Arithmetic(g, data, composed=not isinstance(formula, str))
        x = a.enter(data)
        return a.leave(a.op(formula, x) if isinstance(formula, str) else formula(a, x))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        self._check(m.type(data))
        if self.whole == "stay" and m.type(data) in INTEGERS:
            return f"{data}.clone()"
        return written(m, self.text, x=data)


def unary(
    name: str, formula: Union[str, Formula], text: str, whole: str = "", limits: str = ""
) -> None:
    """Declare MXNet's operator `name`. See Unary."""
    declare(name, Unary, formula=(formula,), text=text, whole=whole, limits=limits)


def _round_away(a: Arithmetic, x: Any) -> Any:
    """ONNX's Round goes to the even number from midway."""
    even = a.op("Round", x)
    midway = a.op("Equal", a.op("Abs", a.op("Sub", x, even)), a.number(0.5))
    away = a.op("Add", x, a.op("Mul", a.op("Sign", x), a.number(0.5)))
    return a.op("Where", midway, away, even)


def _round_down(a: Arithmetic, x: Any) -> Any:
    """From midway to the lower number; by MXNet's differences, for they are rounded too."""
    low, high = a.op("Floor", x), a.op("Ceil", x)
    nearer = a.op("LessOrEqual", a.op("Sub", x, low), a.op("Sub", high, x))
    return a.op("Where", nearer, low, high)


def _trunc(a: Arithmetic, x: Any) -> Any:
    return a.op("Mul", a.op("Sign", x), a.op("Floor", a.op("Abs", x)))


def _cbrt(a: Arithmetic, x: Any) -> Any:
    return a.op("Mul", a.op("Sign", x), a.op("Pow", a.op("Abs", x), a.number(1 / 3)))


def _log1p(a: Arithmetic, x: Any) -> Any:
    """log(u) + (x - (u - 1)) / u, where u is 1 + x as it was rounded."""
    u = a.op("Add", x, a.number(1))
    kept = a.op("Sub", u, a.number(1))
    log = a.op("Log", u)
    lost = a.op("Div", a.op("Sub", x, kept), u)
    return a.op("Where", a.op("Equal", kept, x), log, a.op("Add", log, lost))


def _negative(a: Arithmetic, x: Any) -> Any:
    return a.op("Sub", a.number(0), x) if a.type == "uint8" else a.op("Neg", x)


def _relu(a: Arithmetic, x: Any) -> Any:
    return a.op("Max", x, a.number(0)) if a.integers else a.op("Relu", x)


def _logical_not(a: Arithmetic, x: Any) -> Any:
    return a.g.cast(a.op("Equal", x, a.number(0)), a.type)


def _log_to(base: float) -> Formula:
    return lambda a, x: a.op("Div", a.op("Log", x), a.number(math.log(base)))


def _times(factor: float) -> Formula:
    return lambda a, x: a.op("Mul", x, a.number(factor))


#: MXNet's are C floats.
DEGREES = float(np.float32(180) / np.float32(math.pi))
RADIANS = float(np.float32(math.pi) / np.float32(180))

#: ONNX and PyTorch know them by MXNet's name, and by "a" in place of "arc".
for _name in ("abs", "sign"):
    unary(_name, _name.capitalize(), f"{{x}}.{_name}()", whole="like others")
for _name in ("ceil", "floor"):
    unary(_name, _name.capitalize(), f"{{x}}.{_name}()", whole="stay")
_FRACTIONS = "sqrt reciprocal exp log sin cos tan sinh cosh tanh sigmoid erf"
_INVERSES = "arcsin arccos arctan arcsinh arccosh arctanh"
for _name in (_FRACTIONS + " " + _INVERSES).split():
    _short = _name.replace("arc", "a")
    unary(_name, _short.capitalize(), f"{{x}}.{_short}()")

unary("_contrib_sign_ste", "Sign", "{x}.sign()", whole="like others")
unary("negative", _negative, "-{x}", whole="like others")
unary("square", lambda a, x: a.op("Mul", x, x), "{x}.square()", whole="like others")
unary("relu", _relu, "F.relu({x})", whole="like others")
unary("logical_not", _logical_not, "({x} == 0).to({x}.dtype)", whole="like others")

for _name in ("trunc", "fix"):
    unary(_name, _trunc, "{x}.trunc()", whole="stay")
for _name in ("round", "_contrib_round_ste"):
    unary(_name, _round_away, "round_away({x})", whole="stay")
unary("rint", _round_down, "round_down({x})", whole="stay")

_CBRT = "{x}.sign() * {x}.abs().pow(1 / 3)"
unary("rsqrt", lambda a, x: a.op("Reciprocal", a.op("Sqrt", x)), "{x}.rsqrt()")
unary("cbrt", _cbrt, _CBRT)
unary("rcbrt", lambda a, x: a.op("Reciprocal", _cbrt(a, x)), f"({_CBRT}).reciprocal()")
unary("expm1", special.expm1, "{x}.expm1()")
unary("log2", _log_to(2), "{x}.log2()")
unary("log10", _log_to(10), "{x}.log10()")
unary("log1p", _log1p, "{x}.log1p()")
unary("degrees", _times(DEGREES), f"{{x}} * {DEGREES!r}")
unary("radians", _times(RADIANS), f"{{x}} * {RADIANS!r}")
unary("softsign", "Softsign", "F.softsign({x})")
unary("erfinv", special.erfinv, "{x}.erfinv()")
_POLES = "At its poles it is infinite, where MXNet has NaN."
unary("gamma", special.gamma, "gamma({x})", limits=_POLES)
unary("gammaln", special.gammaln, "{x}.lgamma()")
