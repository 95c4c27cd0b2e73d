"""Free sizes as numbers, where MXNet has to compute with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

import numpy as np

from .values import Formula, Known, Operand, Size, Tensor, settled

if TYPE_CHECKING:
    from .builder import SymbolBuilder


def computed(b: SymbolBuilder, value: Known) -> Tensor:
    """int64, of the same shape."""
    parts = [_size(b, item) for item in value.array.ravel().tolist()]
    whole = parts[0]
    if len(parts) > 1:
        whole = b.node("Concat", *parts, dim=0, num_args=len(parts))
    if value.array.ndim > 1:
        whole = b.node("Reshape", whole, shape=value.array.shape)
    return Tensor(whole.entry, value.array.shape, whole.dtype)


def _size(b: SymbolBuilder, size: Operand) -> Tensor:
    """int64 (1,)."""
    if not isinstance(size, Size):
        return b.tensor(Known(np.array([size], np.int64), f"{b.layer}/size"))
    place = b.place(size)
    if place is not None:
        return _axis(b, *place)
    if size.factor != 1 or len(size.names) > 1:
        return _product(b, size)
    formula = size.names[0]
    assert isinstance(formula, Formula)  # all other names are of an axis
    sides = _size(b, settled(formula.left)), _size(b, settled(formula.right))
    return b.node(f"elemwise_{formula.op}", *sides)


def _product(b: SymbolBuilder, size: Size) -> Tensor:
    total: Optional[Tensor] = None
    for name in size.names:
        part = _size(b, Size(1, (name,)))
        total = part if total is None else b.node("elemwise_mul", total, part)
    assert total is not None
    factor = size.factor
    return total if factor == 1 else b.node("_mul_scalar", total, scalar=float(factor))


def _axis(b: SymbolBuilder, tensor: Tensor, axis: int) -> Tensor:
    """A tensor's size along an axis; its shape is read once."""
    if tensor.entry not in b.shape_arrays:
        rank = len(tensor.shape)
        b.shape_arrays[tensor.entry] = b.node("shape_array", tensor, out=(rank,))
    shape = b.shape_arrays[tensor.entry]
    return b.node("slice_axis", shape, axis=0, begin=axis, end=axis + 1)
