"""Functions of one number, applied to every element."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Union

import numpy as np

from . import special
from .elementwise import refuse_integers
from .emit.onnx_math import INTEGERS, OnnxExpr, exact, result
from .registry import OnnxBuilder, SameShape, TorchBuilder, declare, written

Function = Callable[[OnnxExpr], OnnxExpr]


@dataclass(frozen=True)
class Unary(SameShape):
    """(*) -> same.  Source: src/operator/mshadow_op.h, src/operator/tensor/elemwise_unary_op*.cc.

    Class attributes:
        formula: in ONNX: an operator's name, or what to build.
        text: in PyTorch, of {x}. See Written.
        whole: how whole numbers are treated: like others, left as they "stay", or not at all ("").
    """

    formula: ClassVar[Union[str, Callable[..., OnnxExpr]]]
    text: ClassVar[str]
    whole: ClassVar[str]

    def _check(self, dtype: str) -> None:
        if not self.whole or dtype == "bool":
            refuse_integers(dtype)

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        self._check(g.type(data))
        if self.whole == "stay" and g.type(data) in INTEGERS:
            return g.op("Identity", data)
        x = exact(g, data, composed=not isinstance(self.formula, str))
        return result(x.op(self.formula) if isinstance(self.formula, str) else self.formula(x))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        self._check(m.type(data))
        if self.whole == "stay" and m.type(data) in INTEGERS:
            return f"{data}.clone()"
        return written(m, self.text, x=data)


def unary(
    name: str, formula: Union[str, Function], text: str, whole: str = "", limits: str = ""
) -> None:
    """Declare MXNet's operator `name`. See Unary."""
    made = formula if isinstance(formula, str) else staticmethod(formula)
    declare(name, Unary, formula=made, text=text, whole=whole, limits=limits)


def _round_down(x: OnnxExpr) -> OnnxExpr:
    """From midway to the lower number; by MXNet's differences, for they are rounded too."""
    low, high = x.op("Floor"), x.op("Ceil")
    return (x - low <= high - x).where(low, high)


def _cbrt(x: OnnxExpr) -> OnnxExpr:
    return x.op("Sign") * abs(x) ** (1 / 3)


def _log1p(x: OnnxExpr) -> OnnxExpr:
    """log(u) + (x - (u - 1)) / u, where u is 1 + x as it was rounded."""
    u = x + 1
    kept, log = u - 1, u.op("Log")
    return kept.equals(x).where(log, log + (x - kept) / u)


def _negative(x: OnnxExpr) -> OnnxExpr:
    return x.array(0) - x if x.kind == "uint8" else -x


def _relu(x: OnnxExpr) -> OnnxExpr:
    return x.maximum(0) if x.kind in INTEGERS else x.op("Relu")


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

unary("_contrib_sign_ste", "Sign", "sign_straight_through({x})", whole="like others")
unary("negative", _negative, "-{x}", whole="like others")
unary("square", lambda x: x * x, "{x}.square()", whole="like others")
unary("relu", _relu, "F.relu({x})", whole="like others")
unary("logical_not", lambda x: x.equals(0), "({x} == 0).to({x}.dtype)", whole="like others")

for _name in ("trunc", "fix"):
    unary(_name, lambda x: x.op("Sign") * abs(x).op("Floor"), "{x}.trunc()", whole="stay")
unary("round", OnnxExpr.rounded, "round_away({x})", whole="stay")
unary("_contrib_round_ste", OnnxExpr.rounded, "round_straight_through({x})", whole="stay")
unary("rint", _round_down, "round_down({x})", whole="stay")

_CBRT = "{x}.sign() * {x}.abs().pow(1 / 3)"
unary("rsqrt", lambda x: x.op("Sqrt").op("Reciprocal"), "{x}.rsqrt()")
unary("cbrt", _cbrt, _CBRT)
unary("rcbrt", lambda x: _cbrt(x).op("Reciprocal"), f"({_CBRT}).reciprocal()")
unary("expm1", special.expm1, "{x}.expm1()")
unary("log2", lambda x: x.op("Log") / math.log(2), "{x}.log2()")
unary("log10", lambda x: x.op("Log") / math.log(10), "{x}.log10()")
unary("log1p", _log1p, "{x}.log1p()")
unary("degrees", lambda x: x * DEGREES, f"{{x}} * {DEGREES!r}")
unary("radians", lambda x: x * RADIANS, f"{{x}} * {RADIANS!r}")
unary("softsign", "Softsign", "F.softsign({x})")
unary("erfinv", special.erfinv, "{x}.erfinv()")
_POLES = "At its poles it is infinite, where MXNet has NaN."
unary("gamma", special.gamma, "gamma({x})", limits=_POLES)
unary("gammaln", special.gammaln, "{x}.lgamma()")
