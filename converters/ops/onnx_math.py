"""ONNX nodes written as formulas: `(right - left).maximum(0)`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Optional, Sequence, Tuple, Union

import numpy as np

from .registry import OnnxBuilder

Operand = Union["Formula", int, float]


def _operation(name: str, kind: str = "") -> Callable[[Formula, Operand], Formula]:
    """A method that appends the ONNX operator of that name, whose result is of that kind."""
    return lambda self, other: self.op(name, other, kind=kind)


@dataclass(frozen=True, eq=False)
class Formula:
    """A value with arithmetic; each operation appends the ONNX node of its name.

    Attributes:
        like: a float64 input of the layer where the network is of that type; numbers are
            float32 otherwise.
        kind: "float", "int64" or "bool"; numbers beside the value are of its kind.
    """

    g: OnnxBuilder
    value: Any
    like: Any = None
    kind: str = "float"

    def array(self, numbers: Any) -> Formula:
        """A constant of this kind: () of one number."""
        if self.kind == "int64":
            return replace(self, value=self.g.constant(np.asarray(numbers, np.int64)))
        return replace(self, value=self.g.constant(np.asarray(numbers, np.float64), self.like))

    def op(self, name: str, *others: Operand, kind: str = "", **attributes: Any) -> Formula:
        """The ONNX operator of that name on this value and the others."""
        given = [o if isinstance(o, Formula) else self.array(o) for o in others]
        made = self.g.op(name, self.value, *(o.value for o in given), **attributes)
        return replace(self, value=made, kind=kind or self.kind)

    __add__, __sub__ = _operation("Add"), _operation("Sub")
    __mul__, __truediv__ = _operation("Mul"), _operation("Div")
    __mod__ = _operation("Mod")
    __gt__, __ge__ = _operation("Greater", "bool"), _operation("GreaterOrEqual", "bool")
    __lt__, __le__ = _operation("Less", "bool"), _operation("LessOrEqual", "bool")
    __and__, __or__ = _operation("And"), _operation("Or")
    equals = _operation("Equal", "bool")
    minimum, maximum = _operation("Min"), _operation("Max")

    def __rsub__(self, other: Union[int, float]) -> Formula:
        return self.array(other) - self

    def __invert__(self) -> Formula:
        return self.op("Not")

    def where(self, yes: Formula, no: Operand) -> Formula:
        """`yes` where this is true, `no` elsewhere."""
        other = no if isinstance(no, Formula) else yes.array(no)
        return replace(yes, value=self.g.op("Where", self.value, yes.value, other.value))

    def rounded(self) -> Formula:
        """To the nearest whole number; from midway away from 0, where ONNX goes to the even one."""
        even = self.op("Round")
        midway = (self - even).op("Abs").equals(0.5)
        return midway.where(self + self.op("Sign") * 0.5, even)

    def whole(self) -> Formula:
        """int64, cut off towards 0."""
        return replace(self, value=self.g.cast(self.value, "int64"), kind="int64")

    def real(self) -> Formula:
        """Floating-point numbers."""
        dtype = "float32" if self.like is None else "float64"
        return replace(self, value=self.g.cast(self.value, dtype), kind="float")

    def reduced(self, name: str, axis: int, keep: bool = False) -> Formula:
        """ "ReduceMax" and the like along one axis."""
        return replace(self, value=self.g.reduce(name, self.value, (axis,), keep))

    def largest(self) -> Formula:
        """(): of all numbers."""
        return self.reshape(-1).reduced("ReduceMax", 0)

    def any(self) -> Formula:
        """bool (): is one of them true?"""
        return self.real().largest() > 0.5

    def ints(self, values: Sequence[int]) -> Formula:
        """int64 (n,)"""
        return replace(self, value=self.g.ints(tuple(values)), kind="int64")

    def unsqueeze(self, *axes: int) -> Formula:
        return self.op("Unsqueeze", self.ints(axes))

    def squeeze(self, *axes: int) -> Formula:
        return self.op("Squeeze", self.ints(axes))

    def transpose(self, *order: int) -> Formula:
        return self.op("Transpose", perm=order)

    def reshape(self, *sizes: Union[int, Formula]) -> Formula:
        """Sizes are numbers (0 keeps one, -1 is the rest) or int64 (1,)."""
        return self.op("Reshape", self._sizes(sizes))

    def expand(self, *sizes: Union[int, Formula]) -> Formula:
        return self.op("Expand", self._sizes(sizes))

    def _sizes(self, sizes: Sequence[Union[int, Formula]]) -> Formula:
        if all(isinstance(s, int) for s in sizes):
            return self.ints(sizes)  # type: ignore[arg-type]
        return join([s if isinstance(s, Formula) else self.ints((s,)) for s in sizes], 0)

    def shape(self) -> Formula:
        """int64 (dimensions,)."""
        return replace(self, value=self.g.op("Shape", self.value), kind="int64")

    def size(self, axis: int) -> Formula:
        """int64 (1,): how many there are along an axis (-1 is the last)."""
        return self.shape().op("Gather", self.ints((axis,)), axis=0)

    def column(self, index: int, axis: int = -1) -> Formula:
        """(..., W) -> (...): one of the last axis, or of another."""
        return self.op("Gather", replace(self, kind="int64").array(index), axis=axis)

    def slice(self, axis: int, begin: int, end: Optional[int] = None) -> Formula:
        last = 2**62 if end is None else end
        return self.op("Slice", *(self.ints((n,)) for n in (begin, last, axis)))


def formula(g: OnnxBuilder, data: Any) -> Formula:
    """A layer's input as a formula: float16 in float32."""
    dtype = g.type(data)
    if dtype == "float64":
        return Formula(g, data, like=data)
    return Formula(g, data if dtype == "float32" else g.cast(data, "float32"))


def result(value: Formula, number: int = 0) -> Any:
    """A formula as the layer's output, in its element type."""
    dtype = value.g.output_type(number)
    computed = "float32" if value.like is None else "float64"
    given = value.kind == "float" and dtype == computed
    return value.value if given else value.g.cast(value.value, dtype)


def join(parts: Sequence[Formula], axis: int) -> Formula:
    """Concatenated along an axis."""
    first, *others = parts
    return first.op("Concat", *others, axis=axis)


def stack(parts: Sequence[Formula], axis: int) -> Formula:
    """Side by side along a new axis."""
    return join([part.unsqueeze(axis) for part in parts], axis)


def count(like: Formula, size: Formula) -> Formula:
    """int64 (n,): 0, 1, ... to `size`, which is int64 (1,)."""
    ints = replace(like, kind="int64")
    return ints.array(0).op("Range", size.squeeze(0), ints.array(1))


def grid(height: Formula, width: Formula) -> Tuple[Formula, Formula]:
    """int64 (1,) both -> int64 (height, width): the row and the column of each place."""
    places = count(height, height * width).reshape(height, width)
    return places / width, places % width
