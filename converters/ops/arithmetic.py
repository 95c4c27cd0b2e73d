"""ONNX's arithmetic on numbers of one type, with casts where onnxruntime has no kernel."""

from __future__ import annotations

from copy import copy
from typing import Any, Optional

import numpy as np

from .registry import OnnxBuilder, Unsupported

#: Of the types with a fraction, onnxruntime's CPU provider runs these in float32 only.
SINGLE_ONLY = (
    *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Erf", "HardSigmoid"),
    *("LeakyRelu", "PRelu", "Sinh", "Softplus", "Softsign", "Tan"),
)
INTEGERS = ("uint8", "int8", "int32", "int64")
#: Opset 13 has no Add, Sub, Mul, Div of these.
BYTES, BYTES_SINCE = ("uint8", "int8"), 14


def refuse_integers(dtype: str) -> None:
    """For functions of which MXNet cuts the fraction off.

    Raises:
        Unsupported: the element type has no fractions.
    """
    if not dtype.startswith("float"):
        raise Unsupported(f"of {dtype}; supported: a float type. Cast the input")


class Arithmetic:
    """Builds with operators whose inputs are all of the element type `type`.

    Values enter by `enter`, and the result leaves by `leave`: casts, where there is need of one.
    """

    def __init__(
        self, g: OnnxBuilder, like: Any, dtype: Optional[str] = None, *, composed: bool = True
    ) -> None:
        """
        Args:
            like: the layer's input that has this type.
            dtype: in place of the type of `like`. 8 bits are computed in int32 where ONNX has no
                arithmetic of them.
            composed: of several operators, so that float16 is computed in float32.
        """
        self.g = g
        self.given = g.type(like)
        self.type = dtype or self.given
        if self.type == "float16" and composed:
            self.type = "float32"
        if self.type in BYTES and g.opset < BYTES_SINCE:
            self.type = "int32"

    @property
    def integers(self) -> bool:
        return self.type in INTEGERS

    def enter(self, value: Any) -> Any:
        return value if self.given == self.type else self.g.cast(value, self.type)

    def leave(self, value: Any) -> Any:
        """In the element type of the layer's output."""
        dtype = self.g.output_type()
        return value if dtype == self.type else self.g.cast(value, dtype)

    def number(self, value: float) -> Any:
        if self.integers:
            return self.g.constant(np.array(int(value), self.type))
        return self.numbers(value)

    def op(self, op_type: str, *inputs: Any, **attributes: Any) -> Any:
        if self.type != "float64" or op_type not in SINGLE_ONLY:
            return self.g.op(op_type, *inputs, **attributes)
        singles = (self.g.cast(value, "float32") for value in inputs)
        return self.g.cast(self.g.op(op_type, *singles, **attributes), "float64")

    def numbers(self, values: Any) -> Any:
        return self.g.constant(np.asarray(values, np.float64), dtype=self.type)

    def copy(self, dtype: str) -> Arithmetic:
        """The same in another type, without casts from and to the layer's."""
        other = copy(self)
        other.given = other.type = dtype
        return other

    def truth(self, value: Any) -> Any:
        """Numbers -> bool: are they other than 0?"""
        return self.g.cast(value, "bool")

    def polynomial(self, x: Any, *coefficients: float) -> Any:
        """c0 x^n + c1 x^(n-1) + … + cn"""
        result = self.number(coefficients[0])
        for c in coefficients[1:]:
            result = self.op("Add", self.op("Mul", result, x), self.number(c))
        return result
