"""Other axes, the same numbers."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

import numpy as np

from ...operators import Unsupported
from .builder import SymbolBuilder
from .codes import reshaped
from .elementwise import widened_rank
from .registry import onnx_operator
from .values import Constant, Operand, SymbolicSize, Tensor, Value, sizes


@onnx_operator("Shape")
def shape_of(b: SymbolBuilder, x: Value, *, start: int = 0, end: Optional[int] = None) -> Constant:
    items = [b.size(d) for d in x.shape][slice(start, end)]
    return Constant(sizes(items), b.layer)


@onnx_operator("Reshape")
def reshape(b: SymbolBuilder, data: Tensor, shape: Value, *, allowzero: int = 0) -> Tensor:
    target = list(b.numbers(shape, "its sizes"))
    if allowzero and 0 in target:
        raise Unsupported("allowzero=1 with a size of 0; supported: 0 for the input's own")
    return reshaped(b, data, target)


@onnx_operator("Flatten")
def flatten(b: SymbolBuilder, data: Tensor, *, axis: int) -> Tensor:
    rank = len(data.shape)
    axis = axis % rank if axis < 0 else axis
    sides: List[Operand] = [1, 1]
    for i, dim in enumerate(data.shape):
        sides[i >= axis] = sides[i >= axis] * b.size(dim)
    if axis == 1:
        return b.node("Flatten", data, out=tuple(map(b.dim, sides)))
    return reshaped(b, data, sides)


@onnx_operator("Squeeze")
def squeeze(b: SymbolBuilder, data: Tensor, axes: Optional[Value] = None) -> Tensor:
    if axes is not None:
        chosen = tuple(sorted(a % len(data.shape) for a in b.ints(axes, "its axes")))
    elif all(isinstance(d, int) for d in data.shape):
        chosen = tuple(a for a, d in enumerate(data.shape) if d == 1)
    else:
        raise Unsupported("no axes for an input of free sizes; supported: axes that are stated")
    left = tuple(d for a, d in enumerate(data.shape) if a not in chosen)
    return b.node("squeeze", data, axis=chosen, out=left)


@onnx_operator("Unsqueeze")
def unsqueeze(b: SymbolBuilder, data: Tensor, axes: Value) -> Tensor:
    given = b.ints(axes, "its axes")
    if not data.shape:
        return b.node("Reshape", data, shape=(1,) * len(given))
    rank = len(data.shape) + len(given)
    for axis in sorted(a % rank for a in given):
        shape = (*data.shape[:axis], 1, *data.shape[axis:])
        data = b.node("expand_dims", data, axis=axis, out=shape)
    return data


@onnx_operator("Transpose")
def transpose(b: SymbolBuilder, data: Tensor, *, perm: Tuple[int, ...] = ()) -> Tensor:
    order = perm or tuple(reversed(range(len(data.shape))))
    shape = tuple(data.shape[a] for a in order)
    return b.node("transpose", data, axes=order, out=shape)


@onnx_operator("Tile")
def tile(b: SymbolBuilder, x: Value, repeats: Value) -> Tensor:
    return b.node("tile", x, reps=b.ints(repeats, "its repeats"))


def expanded(b: SymbolBuilder, data: Tensor, target: Sequence[Operand]) -> Tensor:
    """Axes of size 1 as large as told; a size of 1 there leaves them."""
    rank = max(len(target), len(data.shape))
    data = widened_rank(b, data, rank)
    target = [1] * (rank - len(target)) + list(target)
    numbers = [0] * rank
    like = []
    for axis, (have, want) in enumerate(zip(data.shape or (1,), target)):
        if want == 1 or b.dim(want) == have:
            continue
        if have != 1:
            if isinstance(have, int) and isinstance(want, int):
                raise Unsupported(f"cannot make {want} of {have}")
            continue  # equal when it runs, or no valid model
        if isinstance(want, SymbolicSize):
            like.append((axis, want))
        else:
            numbers[axis] = want
    if any(numbers):
        data = b.node("broadcast_to", data, shape=tuple(numbers))
    for axis, want in like:
        place = b.place(want)
        if place is None:
            raise Unsupported(f"a size of {want}, which no value has; supported: sizes of values")
        shape = (*data.shape[:axis], b.dim(want), *data.shape[axis + 1 :])
        how = {"lhs_axes": (axis,), "rhs_axes": (place[1],), "out": shape}
        data = b.node("broadcast_like", data, place[0], **how)
    return data


@onnx_operator("Expand")
def expand(b: SymbolBuilder, data: Tensor, shape: Value) -> Tensor:
    made = expanded(b, data, b.numbers(shape, "its sizes"))
    return b.copy(data) if made.entry == data.entry else made


@onnx_operator("ConstantOfShape")
def constant_of_shape(b: SymbolBuilder, shape: Value, *, value: object = None) -> Tensor:
    """A number, as often as there are places."""
    array = np.zeros(1, np.float32) if value is None else value.numpy()  # type: ignore[attr-defined]
    number = b.tensor(Constant(np.asarray(array).reshape(-1)[:1], f"{b.layer}/value"))
    return expanded(b, number, b.numbers(shape, "its sizes"))


@onnx_operator("Range")
def count(b: SymbolBuilder, start: Value, limit: Value, delta: Value) -> Tensor:
    """0, 1, … up to a free size: counted along an axis that has it."""
    begin, step = b.ints(start, "its start"), b.ints(delta, "its step")
    size = b.numbers(limit, "its end")[0]
    place = b.place(size)
    if begin != (0,) or step != (1,) or place is None:
        raise Unsupported(f"from {begin} by {step} to {size}; supported: from 0 by 1 to a size")
    counted = b.node("_contrib_arange_like", place[0], axis=place[1])
    return b.node("Cast", counted, dtype="int64", out=(b.dim(size),))
