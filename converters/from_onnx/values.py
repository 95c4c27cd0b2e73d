"""What an ONNX value is on its way to MXNet: numbers that are known, or a node's output.

Sizes that are free are known, too: as products of named axes. So what ONNX computes of a Shape
is computed here, and MXNet is told the result in the codes of its Reshape and the like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from ..shape import Dim
from ..symbol import Entry

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

Array = npt.NDArray[Any]
Operand = Union["Size", int]


@dataclass(frozen=True)
class Size:
    """A size: a factor times named ones.

    Attributes:
        names: sorted; of an axis ("N"), or a formula of other sizes.
    """

    factor: int
    names: Tuple[Union[str, Formula], ...] = ()

    def __str__(self) -> str:
        shown = [str(name) for name in self.names]
        return "*".join([str(self.factor), *shown] if self.factor != 1 or not shown else shown)

    def __mul__(self, other: Operand) -> Operand:
        other = _size(other)
        names = tuple(sorted((*self.names, *other.names), key=str))
        return settled(Size(self.factor * other.factor, names))

    def __floordiv__(self, other: Operand) -> Operand:
        other = _size(other)
        names = list(self.names)
        for name in other.names:
            if name not in names:
                return _formula("div", self, other)
            names.remove(name)
        if self.factor % other.factor:
            return _formula("div", self, other)
        return settled(Size(self.factor // other.factor, tuple(names)))

    def __rfloordiv__(self, other: int) -> Operand:
        return Size(other) // self

    def __add__(self, other: Operand) -> Operand:
        other = _size(other)
        if not self.factor or not other.factor:
            return settled(self if self.factor else other)
        if self.names == other.names:
            return settled(Size(self.factor + other.factor, self.names))
        return _formula("add", self, other)

    def __sub__(self, other: Operand) -> Operand:
        other = _size(other)
        if self.names == other.names:
            return settled(Size(self.factor - other.factor, self.names))
        return settled(self) if not other.factor else _formula("sub", self, other)

    def __rsub__(self, other: int) -> Operand:
        return Size(other) - self

    __rmul__ = __mul__
    __radd__ = __add__


@dataclass(frozen=True)
class Formula:
    """What is no product: "add", "sub" or "div" (rounded down) of two sizes."""

    op: str
    left: Size
    right: Size

    def __str__(self) -> str:
        sign = {"add": "+", "sub": "-", "div": "//"}[self.op]
        return f"({self.left}{sign}{self.right})"


def _size(value: Operand) -> Size:
    return value if isinstance(value, Size) else Size(int(value))


def settled(size: Size) -> Operand:
    """A size without names is a number."""
    return size if size.names and size.factor else size.factor


def _formula(op: str, left: Size, right: Size) -> Size:
    return Size(1, (Formula(op, left, right),))


@dataclass(frozen=True, eq=False)
class Known:
    """Numbers that are known now.

    Attributes:
        array: of element type object where there are sizes among them.
        name: what to call it in the checkpoint.
        exact: the numbers in float64, where the array has them rounded.
    """

    array: Array
    name: str
    exact: Optional[Array] = None

    @property
    def symbolic(self) -> bool:
        return self.array.dtype == object

    def map(self, function: Callable[[Array], Array]) -> Known:
        """The numbers in another arrangement, under the same name."""
        exact = None if self.exact is None else function(self.exact)
        return Known(function(self.array), self.name, exact)

    @property
    def precise(self) -> Array:
        """The numbers as well as they are known."""
        return self.array if self.exact is None else self.exact

    @property
    def shape(self) -> Tuple[Dim, ...]:
        return tuple(self.array.shape)

    @property
    def number(self) -> Optional[float]:
        """The one number that it holds, if it is one."""
        if self.array.size != 1 or self.symbolic:
            return None
        number = self.precise.reshape(()).item()
        return float(number) if math.isfinite(number) else None


@dataclass(frozen=True)
class Tensor:
    """An output of a node of the symbol.

    Attributes:
        shape: every size has a number or a name; () is MXNet's (1,).
        dtype: of MXNet's array.
        truth: ONNX's element type is bool; the numbers are 0 and 1.
    """

    entry: Entry
    shape: Tuple[Dim, ...]
    dtype: str
    truth: bool = False


Value = Union[Known, Tensor]


def is_stored(value: Optional[Value]) -> TypeGuard[Known]:
    """Are they numbers that a checkpoint can hold, with no free size among them?"""
    return isinstance(value, Known) and not value.symbolic


def sizes(items: Any) -> Array:
    """Sizes and numbers -> int64 if all are numbers, else objects."""
    mixed: Array = np.asarray(items, object)
    if any(isinstance(item, Size) for item in mixed.ravel()):
        return mixed
    numbers: Array = mixed.astype(np.int64)
    return numbers
