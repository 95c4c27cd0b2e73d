"""Functions of an array and a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Optional

import numpy as np

from ..python_text import literal
from .binary import COMPARISONS
from .emit.onnx_math import INTEGERS, OnnxExpr, exact, result
from .registry import (
    REGISTRY,
    OnnxBuilder,
    SameShape,
    TorchBuilder,
    Unsupported,
    declare,
    written,
)


@dataclass(frozen=True)
class ScalarOperator(SameShape):
    """(*) -> same.  Source: src/operator/tensor/elemwise_binary_scalar_op*.

    The number is one of the array's type: of whole numbers it loses its fraction, unless
    `is_int` is False. Then, as always for truth values, the result has another type.

    Class attributes:
        formula, composed: those of the function of two arrays.
        swapped: the number is the first of the two.
        text: in PyTorch, of {a} and {b}. See Written.
        whole: the text for whole numbers.
        zero: the text where the number is 0, if that is another.
    """

    scalar: float = 1.0
    is_int: bool = True

    formula: ClassVar[Callable[..., OnnxExpr]]
    composed: ClassVar[bool]
    swapped: ClassVar[bool]
    text: ClassVar[str]
    whole: ClassVar[str]
    zero: ClassVar[str]

    def infer_type(self, *types: Optional[str]) -> Optional[str]:
        data = types[0]
        if data in INTEGERS and self.is_int:
            return data
        if data in INTEGERS or data == "bool":
            return "int64" if self.is_int else "float64"
        return data

    def _number(self, dtype: str) -> float:
        """The number as it is in that type."""
        if dtype not in INTEGERS:
            return float(np.float16(self.scalar)) if dtype == "float16" else self.scalar
        info, number = np.iinfo(dtype), int(self.scalar)
        if not info.min <= number <= info.max:
            raise Unsupported(f"scalar={number} with {dtype}; supported: {info.min} … {info.max}")
        return number

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        dtype = g.output_type()
        x = exact(g, data, dtype, composed=self.composed)
        pair = x, x.array(self._number(dtype))
        return result(self.formula(*(pair[::-1] if self.swapped else pair)))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        dtype = m.output_type()
        number = self._number(dtype)
        x = data if m.type(data) == dtype else f"{data}.to({m.dtype(dtype)})"
        text = self.whole if dtype in INTEGERS else self.text
        if self.zero and not number:
            text = self.zero
        pair = x, literal(number)
        a, b = pair[::-1] if self.swapped else pair
        return written(m, text, a=a, b=b)


def scalar(
    name: str, like: str, text: str = "", whole: str = "", zero: str = "", swapped: bool = False
) -> None:
    """Declare MXNet's operator `name`, the function of two arrays `like` of an array and a number.

    Args:
        text, whole: in place of those of `like`.
    """
    body = {
        key: getattr(REGISTRY[like], key)
        for key in ("formula", "composed", "text", "whole", "order_dependent", "limits")
    }
    body["formula"] = staticmethod(body["formula"])
    if text or whole:
        body.update(text=text or body["text"], whole=whole or text)
    declare(name, ScalarOperator, swapped=swapped, zero=zero, **body)


for _name, _like in (("plus", "add"), ("minus", "sub"), ("mul", "mul"), ("div", "div")):
    scalar(f"_{_name}_scalar", f"elemwise_{_like}")
for _name in COMPARISONS:
    scalar(f"_{_name}_scalar", f"_{_name}")
scalar("_rminus_scalar", "elemwise_sub", swapped=True)
scalar("_rdiv_scalar", "elemwise_div", whole="({a} / {b}).to({dtype})", swapped=True)
scalar("_mod_scalar", "_mod", "torch.remainder({a}, {b})", zero="torch.zeros_like({a})")
scalar("_rmod_scalar", "_mod", "modulo(torch.full_like({b}, {a}), {b})", swapped=True)
scalar("_power_scalar", "_power", whole="power({a}, torch.full_like({a}, {b}))")
_WHOLE = "power(torch.full_like({b}, {a}), {b})"
scalar("_rpower_scalar", "_power", "torch.pow({a}, {b})", whole=_WHOLE, swapped=True)
scalar("_maximum_scalar", "_maximum", "{a}.clamp(min={b})")
scalar("_minimum_scalar", "_minimum", "{a}.clamp(max={b})")
_WHOLE = "torch.hypot({a}.to(torch.float32), torch.full_like({a}, {b}, dtype=torch.float32))"
_WHOLE += ".to({dtype})"
scalar("_hypot_scalar", "_hypot", "torch.hypot({a}, torch.full_like({a}, {b}))", whole=_WHOLE)
_TRUTH, _FALSEHOOD = "({a} != 0).to({dtype})", "({a} == 0).to({dtype})"
scalar("_logical_and_scalar", "_logical_and", _TRUTH, zero="torch.zeros_like({a})")
scalar("_logical_or_scalar", "_logical_or", "torch.ones_like({a})", zero=_TRUTH)
scalar("_logical_xor_scalar", "_logical_xor", _FALSEHOOD, zero=_TRUTH)
