"""ONNX values during import: known numbers, or the output of a node.

Sizes that are free are known, too: as products of named axes. So what ONNX computes of a Shape
is computed here, and MXNet is told the result in the codes of its Reshape and the like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from ...ir.shapes import Dim
from ...mxnet_format.symbol import Entry

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

    from .builder import SymbolBuilder

Array = npt.NDArray[Any]
Operand = Union["SymbolicSize", int]


@dataclass(frozen=True)
class SymbolicSize:
    """A size: a factor times named ones.

    Attributes:
        names: sorted; of an axis ("N"), or a formula of other sizes.
    """

    factor: int
    names: Tuple[Union[str, SizeExpr], ...] = ()

    def __str__(self) -> str:
        shown = [str(name) for name in self.names]
        return "*".join([str(self.factor), *shown] if self.factor != 1 or not shown else shown)

    def __mul__(self, other: Operand) -> Operand:
        other = _size(other)
        names = tuple(sorted((*self.names, *other.names), key=str))
        return settled(SymbolicSize(self.factor * other.factor, names))

    def __floordiv__(self, other: Operand) -> Operand:
        other = _size(other)
        if not self.names and not other.names:
            return self.factor // other.factor
        names = list(self.names)
        for name in other.names:
            if name not in names:
                return _formula("div", self, other)
            names.remove(name)
        if self.factor % other.factor:
            return _formula("div", self, other)
        return settled(SymbolicSize(self.factor // other.factor, tuple(names)))

    def __rfloordiv__(self, other: int) -> Operand:
        return SymbolicSize(other) // self

    def __add__(self, other: Operand) -> Operand:
        other = _size(other)
        if not self.factor or not other.factor:
            return settled(self if self.factor else other)
        if self.names == other.names:
            return settled(SymbolicSize(self.factor + other.factor, self.names))
        return _formula("add", self, other)

    def __sub__(self, other: Operand) -> Operand:
        other = _size(other)
        if self.names == other.names:
            return settled(SymbolicSize(self.factor - other.factor, self.names))
        return settled(self) if not other.factor else _formula("sub", self, other)

    def __rsub__(self, other: int) -> Operand:
        return SymbolicSize(other) - self

    __rmul__ = __mul__
    __radd__ = __add__
    __truediv__ = __floordiv__


@dataclass(frozen=True)
class SizeExpr:
    """What is no product: "add", "sub" or "div" (rounded down) of two sizes."""

    op: str
    left: SymbolicSize
    right: SymbolicSize

    def __str__(self) -> str:
        sign = {"add": "+", "sub": "-", "div": "//"}[self.op]
        return f"({self.left}{sign}{self.right})"


def _size(value: Operand) -> SymbolicSize:
    return value if isinstance(value, SymbolicSize) else SymbolicSize(int(value))


def settled(size: SymbolicSize) -> Operand:
    """A size without names is a number."""
    return size if size.names and size.factor else size.factor


def _formula(op: str, left: SymbolicSize, right: SymbolicSize) -> SymbolicSize:
    return SymbolicSize(1, (SizeExpr(op, left, right),))


@dataclass(frozen=True, eq=False)
class Constant:
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

    def map(self, function: Callable[[Array], Array]) -> Constant:
        """The numbers in another arrangement, under the same name."""
        exact = None if self.exact is None else function(self.exact)
        return Constant(function(self.array), self.name, exact)

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


Value = Union[Constant, Tensor]


def is_stored(value: Optional[Value]) -> TypeGuard[Constant]:
    """Are they numbers that a checkpoint can hold, with no free size among them?"""
    return isinstance(value, Constant) and not value.symbolic


def sizes(items: Any) -> Array:
    """Sizes and numbers -> int64 if all are numbers, else objects."""
    mixed: Array = np.asarray(items, object)
    if any(isinstance(item, SymbolicSize) for item in mixed.ravel()):
        return mixed
    numbers: Array = mixed.astype(np.int64)
    return numbers


#: Numbers and sizes -> sizes all of them, which divide as whole numbers do.
as_sizes: Callable[[Array], Array] = np.frompyfunc(_size, 1, 1)


def computed(b: SymbolBuilder, value: Constant) -> Tensor:
    """Sizes that MXNet has to compute with: int64, of the same shape."""
    parts = [_computed(b, item) for item in value.array.ravel().tolist()]
    whole = parts[0]
    if len(parts) > 1:
        whole = b.node("Concat", *parts, dim=0, num_args=len(parts))
    if value.array.ndim > 1:
        whole = b.node("Reshape", whole, shape=value.array.shape)
    return Tensor(whole.entry, value.array.shape, whole.dtype)


def _computed(b: SymbolBuilder, size: Operand) -> Tensor:
    """int64 (1,)."""
    if not isinstance(size, SymbolicSize):
        return b.tensor(Constant(np.array([size], np.int64), f"{b.layer}/size"))
    place = b.place(size)
    if place is not None:
        return _axis(b, *place)
    if size.factor != 1 or len(size.names) > 1:
        return _product(b, size)
    formula = size.names[0]
    assert isinstance(formula, SizeExpr)  # all other names are of an axis
    sides = _computed(b, settled(formula.left)), _computed(b, settled(formula.right))
    return b.node(f"elemwise_{formula.op}", *sides)


def _product(b: SymbolBuilder, size: SymbolicSize) -> Tensor:
    total, *parts = [_computed(b, SymbolicSize(1, (name,))) for name in size.names]
    for part in parts:
        total = b.node("elemwise_mul", total, part)
    factor = size.factor
    return total if factor == 1 else b.node("_mul_scalar", total, scalar=float(factor))


def _axis(b: SymbolBuilder, tensor: Tensor, axis: int) -> Tensor:
    """A tensor's size along an axis; its shape is read once."""
    if tensor.entry not in b.shape_arrays:
        rank = len(tensor.shape)
        b.shape_arrays[tensor.entry] = b.node("shape_array", tensor, out=(rank,))
    shape = b.shape_arrays[tensor.entry]
    return b.node("slice_axis", shape, axis=0, begin=axis, end=axis + 1)
