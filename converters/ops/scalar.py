"""Functions of an array and a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Optional, Tuple, Union

import numpy as np

from ..python_text import literal
from . import binary as two
from .arithmetic import INTEGERS, Arithmetic
from .registry import OnnxBuilder, SameShape, TorchBuilder, Unsupported, declare, written

#: The number -> the text, where the text depends on it.
Text = Union[str, Callable[[float], str]]


@dataclass(frozen=True)
class ScalarOperator(SameShape):
    """(*) -> same.  Source: src/operator/tensor/elemwise_binary_scalar_op*.

    The number is one of the array's type: of whole numbers it loses its fraction, unless
    `is_int` is False. Then, as always for truth values, the result has another type.

    Class attributes:
        formula: in ONNX, of the array and the number.
        swapped: of the number and the array.
        text: in PyTorch, of {x} and {s}.
        whole: the text for whole numbers, if it is another.
    """

    scalar: float = 1.0
    is_int: bool = True

    formula: ClassVar[Tuple[two.Formula]]
    swapped: ClassVar[bool] = False
    text: ClassVar[Tuple[Text]]
    whole: ClassVar[Tuple[Text]]

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
        formula, result = self.formula[0], g.output_type()
        a = Arithmetic(g, data, result, composed=formula in two.COMPOSED)
        x, number = a.enter(data), a.number(self._number(result))
        pair = (number, x) if self.swapped else (x, number)
        return a.leave(formula(a, *pair))

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        result = m.output_type()
        number = self._number(result)
        x = data if m.type(data) == result else f"{data}.to({m.dtype(result)})"
        text = (self.whole if result in INTEGERS else self.text)[0]
        text = text if isinstance(text, str) else text(number)
        return written(m, text, x=x, s=literal(number))


def scalar(
    name: str,
    formula: two.Formula,
    text: Text,
    whole: Optional[Text] = None,
    swapped: bool = False,
    **more: Any,
) -> None:
    """Declare MXNet's operator `name`. See ScalarOperator.

    Args:
        more: other class attributes of the declaration.
    """
    more.update(formula=(formula,), swapped=swapped, text=(text,), whole=(whole or text,))
    declare(name, ScalarOperator, **more)


def _modulo(number: float) -> str:
    return "torch.remainder({x}, {s})" if number else "torch.zeros_like({x})"


def _truth(text: str, neither: str) -> Callable[[float], str]:
    """Of a number other than 0, and of 0."""
    return lambda number: text if number else neither


scalar("_plus_scalar", two.ADD, "{x} + {s}")
scalar("_minus_scalar", two.SUB, "{x} - {s}")
scalar("_rminus_scalar", two.SUB, "{s} - {x}", swapped=True)
scalar("_mul_scalar", two.MUL, "{x} * {s}")
scalar("_div_scalar", two.DIV, "{x} / {s}", whole='torch.div({x}, {s}, rounding_mode="trunc")')
scalar("_rdiv_scalar", two.DIV, "{s} / {x}", whole="({s} / {x}).to({dtype})", swapped=True)
scalar("_mod_scalar", two.MODULO, _modulo)
scalar("_rmod_scalar", two.MODULO, "modulo(torch.full_like({x}, {s}), {x})", swapped=True)
scalar("_power_scalar", two.POWER, "{x} ** {s}", whole="power({x}, torch.full_like({x}, {s}))")
scalar(
    "_rpower_scalar",
    two.POWER,
    "torch.pow({s}, {x})",
    whole="power(torch.full_like({x}, {s}), {x})",
    swapped=True,
)
scalar("_maximum_scalar", two.MAXIMUM, "{x}.clamp(min={s})")
scalar("_minimum_scalar", two.MINIMUM, "{x}.clamp(max={s})")
scalar(
    "_hypot_scalar",
    two.HYPOT,
    "torch.hypot({x}, torch.full_like({x}, {s}))",
    whole="torch.hypot({x}.to(torch.float32), torch.full_like({x}, {s}, dtype=torch.float32))"
    ".to({dtype})",
    limits=two.HYPOT_LIMITS,
)
for _name, _formula, _sign in two.COMPARISONS:
    _text = f"({{x}} {_sign} {{s}}).to({{dtype}})"
    scalar(f"_{_name}_scalar", _formula, _text, order_dependent=True)
scalar("_logical_and_scalar", two.AND, _truth("({x} != 0).to({dtype})", "torch.zeros_like({x})"))
scalar("_logical_or_scalar", two.OR, _truth("torch.ones_like({x})", "({x} != 0).to({dtype})"))
scalar("_logical_xor_scalar", two.XOR, _truth("({x} == 0).to({dtype})", "({x} != 0).to({dtype})"))
