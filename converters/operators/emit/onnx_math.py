"""ONNX nodes written as formulas: `(right - left).maximum(0)`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Optional, Sequence, Tuple, Union

import numpy as np

from ..registry import OnnxBuilder

INTEGERS = ("uint8", "int8", "int32", "int64")
#: Opset 13 has no Add, Sub, Mul, Div of these.
BYTES, BYTES_SINCE = ("uint8", "int8"), 14
#: Of the types with a fraction, onnxruntime's CPU provider runs these in float32 only.
SINGLE_ONLY = (
    *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Erf", "HardSigmoid"),
    *("LeakyRelu", "PRelu", "Sinh", "Softplus", "Softsign", "Tan"),
)
Operand = Union["OnnxExpr", int, float]


def _operation(name: str, kind: str = "") -> Callable[[OnnxExpr, Operand], OnnxExpr]:
    """A method that appends the ONNX operator of that name, whose result is of that kind."""
    return lambda self, other: self.op(name, other, kind=kind)


@dataclass(frozen=True, eq=False)
class OnnxExpr:
    """A value with arithmetic; each operation appends the ONNX node of its name.

    Attributes:
        kind: the value's element type; numbers beside it are of the same.
        real_kind: the type of the layer's numbers with fractions: "float32", or "float64" in
            networks of that type.
    """

    g: OnnxBuilder
    value: Any
    kind: str = "float32"
    real_kind: str = "float32"

    def array(self, numbers: Any) -> OnnxExpr:
        """A constant of this kind, () of one number."""
        return replace(self, value=constant(self.g, numbers, self.kind).value)

    def op(self, name: str, *others: Operand, kind: str = "", **attributes: Any) -> OnnxExpr:
        """The ONNX operator of that name on this value and the others."""
        given = [o if isinstance(o, OnnxExpr) else self.array(o) for o in others]
        if self.kind == "float64" and name in SINGLE_ONLY:
            first, *more = (value.to("float32") for value in (self, *given))
            return first.op(name, *more, **attributes).to("float64")
        made = self.g.op(name, self.value, *(o.value for o in given), **attributes)
        return replace(self, value=made, kind=kind or self.kind)

    __add__, __sub__ = _operation("Add"), _operation("Sub")
    __mul__, __truediv__ = _operation("Mul"), _operation("Div")
    __mod__, __pow__ = _operation("Mod"), _operation("Pow")
    __gt__, __ge__ = _operation("Greater", "bool"), _operation("GreaterOrEqual", "bool")
    __lt__, __le__ = _operation("Less", "bool"), _operation("LessOrEqual", "bool")
    __and__, __or__ = _operation("And"), _operation("Or")
    equals = _operation("Equal", "bool")
    minimum, maximum = _operation("Min"), _operation("Max")

    def __rsub__(self, other: Union[int, float]) -> OnnxExpr:
        return self.array(other) - self

    def __rtruediv__(self, other: Union[int, float]) -> OnnxExpr:
        return self.array(other) / self

    def __neg__(self) -> OnnxExpr:
        return self.op("Neg")

    def __abs__(self) -> OnnxExpr:
        return self.op("Abs")

    def __invert__(self) -> OnnxExpr:
        return self.op("Not")

    def where(self, yes: OnnxExpr, no: Operand) -> OnnxExpr:
        """`yes` where this is true, `no` elsewhere."""
        other = no if isinstance(no, OnnxExpr) else yes.array(no)
        return replace(yes, value=self.g.op("Where", self.value, yes.value, other.value))

    def rounded(self) -> OnnxExpr:
        """To the nearest whole number; from midway away from 0, where ONNX goes to the even one."""
        even = self.op("Round")
        midway = (self - even).op("Abs").equals(0.5)
        return midway.where(self + self.op("Sign") * 0.5, even)

    def to(self, kind: str) -> OnnxExpr:
        """In another element type; itself if that is its own."""
        if kind == self.kind:
            return self
        return replace(self, value=self.g.cast(self.value, kind), kind=kind)

    def whole(self) -> OnnxExpr:
        """int64, cut off towards 0."""
        return self.to("int64")

    def real(self) -> OnnxExpr:
        """Floating-point numbers."""
        return self.to(self.real_kind)

    def reduced(self, name: str, axis: int, keep: bool = False) -> OnnxExpr:
        """ "ReduceMax" and the like along one axis."""
        return replace(self, value=self.g.reduce(name, self.value, (axis,), keep))

    def largest(self) -> OnnxExpr:
        """(): of all numbers."""
        return self.reshape(-1).reduced("ReduceMax", 0)

    def any(self) -> OnnxExpr:
        """bool (): is one of them true?"""
        return self.real().largest() > 0.5

    def ints(self, values: Sequence[int]) -> OnnxExpr:
        """int64 (n,)"""
        return replace(self, value=self.g.ints(tuple(values)), kind="int64")

    def unsqueeze(self, *axes: int) -> OnnxExpr:
        return self.op("Unsqueeze", self.ints(axes))

    def squeeze(self, *axes: int) -> OnnxExpr:
        return self.op("Squeeze", self.ints(axes))

    def transpose(self, *order: int) -> OnnxExpr:
        return self.op("Transpose", perm=order)

    def reshape(self, *sizes: Union[int, OnnxExpr]) -> OnnxExpr:
        """Sizes are numbers (0 keeps one, -1 is the rest) or int64 (1,)."""
        return self.op("Reshape", self._sizes(sizes))

    def expand(self, *sizes: Union[int, OnnxExpr]) -> OnnxExpr:
        return self.op("Expand", self._sizes(sizes))

    def _sizes(self, sizes: Sequence[Union[int, OnnxExpr]]) -> OnnxExpr:
        if all(isinstance(s, int) for s in sizes):
            return self.ints(sizes)  # type: ignore[arg-type]
        return join([s if isinstance(s, OnnxExpr) else self.ints((s,)) for s in sizes], 0)

    def shape(self) -> OnnxExpr:
        """int64 (dimensions,)."""
        return replace(self, value=self.g.op("Shape", self.value), kind="int64")

    def size(self, axis: int) -> OnnxExpr:
        """int64 (1,): how many there are along an axis (-1 is the last)."""
        return self.shape().op("Gather", self.ints((axis,)), axis=0)

    def column(self, index: int, axis: int = -1) -> OnnxExpr:
        """(..., W) -> (...): one of the last axis, or of another."""
        return self.op("Gather", replace(self, kind="int64").array(index), axis=axis)

    def slice(self, axis: int, begin: int, end: Optional[int] = None) -> OnnxExpr:
        last = 2**62 if end is None else end
        return self.op("Slice", *(self.ints((n,)) for n in (begin, last, axis)))


def formula(g: OnnxBuilder, data: Any, kind: str = "") -> OnnxExpr:
    """A layer's input as a formula in an element type; by default all but float64 in float32."""
    given = g.type(data)
    real = "float64" if given == "float64" else "float32"
    return OnnxExpr(g, data, given, real).to(kind or real)


def exact(g: OnnxBuilder, data: Any, kind: str = "", *, composed: bool = True) -> OnnxExpr:
    """A layer's input as a formula in its own element type, where ONNX computes with that.

    Args:
        kind: in place of its own.
        composed: of several operators, so that float16 is computed in float32.
    """
    kind = kind or g.type(data)
    if kind == "float16" and composed:
        kind = "float32"
    if kind in BYTES and g.opset < BYTES_SINCE:
        kind = "int32"
    return formula(g, data, kind)


def result(value: OnnxExpr, number: int = 0) -> Any:
    """A formula as the layer's output, in its element type."""
    return value.to(value.g.output_type(number)).value


def join(parts: Sequence[OnnxExpr], axis: int) -> OnnxExpr:
    """Concatenated along an axis."""
    first, *others = parts
    return first.op("Concat", *others, axis=axis)


def stack(parts: Sequence[OnnxExpr], axis: int) -> OnnxExpr:
    """Side by side along a new axis."""
    return join([part.unsqueeze(axis) for part in parts], axis)


def moved(g: OnnxBuilder, value: Any, rank: int, source: int, target: int) -> Any:
    """numpy.moveaxis of any value; the value itself where nothing moves."""
    source, target = source % rank, target % rank
    if source == target:
        return value
    order = [a for a in range(rank) if a != source]
    order.insert(target, source)
    return g.op("Transpose", value, perm=order)


def constant(g: OnnxBuilder, numbers: Any, kind: str = "int64") -> OnnxExpr:
    """Numbers of an element type; whole ones are cut off as C does it."""
    if kind.startswith("float"):
        return OnnxExpr(g, g.constant(np.asarray(numbers, np.float64), dtype=kind), kind)
    return OnnxExpr(g, g.constant(np.asarray(numbers).astype(kind)), kind)


def size_of(g: OnnxBuilder, data: Any, axis: int) -> OnnxExpr:
    """The size of one of a layer's input's axes, int64 (); a constant where it is known."""
    size = g.shape(data)[axis]
    if isinstance(size, int):
        return constant(g, size)
    return OnnxExpr(g, data).shape().column(axis % len(g.shape(data)), 0)


def count_to(size: OnnxExpr) -> OnnxExpr:
    """int64 () -> int64 (size,): 0, 1, ..."""
    return size.array(0).op("Range", size, size.array(1))


def count_along(g: OnnxBuilder, value: Any, axis: int) -> OnnxExpr:
    """int64 (n,): 0, 1, ... along an axis of any value."""
    return count_to(OnnxExpr(g, value).shape().column(axis, 0))


def count(like: OnnxExpr, size: OnnxExpr) -> OnnxExpr:
    """int64 (n,): 0, 1, ... to `size`, which is int64 (1,)."""
    return replace(count_to(size.squeeze(0)), real_kind=like.real_kind)


def grid(height: OnnxExpr, width: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
    """int64 (1,) both -> int64 (height, width): the row and the column of each place."""
    places = count(height, height * width).reshape(height, width)
    return places / width, places % width
