"""Parts of values, and values side by side."""

from __future__ import annotations

from typing import List, Optional, Tuple

import numpy as np

from ...operators import Unsupported
from .builder import SymbolBuilder
from .elementwise import same_type
from .registry import onnx_operator
from .values import Constant, Operand, SymbolicSize, Tensor, Value, is_stored
from .windows import padded

FAR = 1 << 31  # ends beyond all that there is


@onnx_operator("Concat")
def concat(b: SymbolBuilder, *parts: Value, axis: int) -> Tensor:
    tensors = [b.tensor(part) for part in parts]
    tensors = [same_type(b, t, tensors[0])[0] for t in tensors]
    if len(tensors) == 1:
        return b.copy(tensors[0])
    truth = all(t.truth for t in tensors)
    dim = axis % len(tensors[0].shape)
    by_axis = list(zip(*(t.shape for t in tensors)))
    shape = [next((d for d in dims if isinstance(d, int)), dims[0]) for dims in by_axis]
    shape[dim] = b.dim(sum(map(b.size, by_axis[dim])))
    return b.node("Concat", *tensors, dim=dim, num_args=len(parts), out=tuple(shape), truth=truth)


@onnx_operator("Slice")
def cut(
    b: SymbolBuilder,
    x: Tensor,
    starts: Value,
    ends: Value,
    axes: Optional[Value] = None,
    steps: Optional[Value] = None,
) -> Tensor:
    data, rank = x, len(x.shape)
    begins, limits = b.numbers(starts, "its starts"), b.numbers(ends, "its ends")
    chosen = range(len(begins)) if axes is None else b.ints(axes, "its axes")
    strides = (1,) * len(begins) if steps is None else b.ints(steps, "its steps")
    for axis, begin, end, step in zip(chosen, begins, limits, strides):
        data = _cut_axis(b, data, axis % rank, begin, end, step)
    return data if data.entry != x.entry else b.copy(data)


def _cut_axis(
    b: SymbolBuilder, data: Tensor, axis: int, begin: Operand, end: Operand, step: int
) -> Tensor:
    size = b.size(data.shape[axis])
    if end == size:
        end = FAR
    if isinstance(begin, SymbolicSize) or isinstance(end, SymbolicSize):
        if begin != 0 or step != 1:
            raise Unsupported(
                f"from {begin} to {end} by {step}; supported: ends that are known, or a part from "
                "the beginning that is as long as another value's axis"
            )
        return _as_long(b, data, axis, end)
    first, last = _end(begin, step, True), _end(end, step, False)
    if isinstance(size, int):
        first, last, _ = slice(begin, end, step).indices(size)
        if not len(range(first, last, step)):
            raise Unsupported(f"from {begin} to {end} of {size} leaves nothing; supported: some")
        last = None if last < 0 or (last == size and step > 0) else last
    if (first in (0, None)) and last is None and step == 1:
        return data
    if step == 1 and (last is None or isinstance(size, int)):  # it refuses an end beyond the last
        stop = "None" if last is None else last
        return b.node("slice_axis", data, axis=axis, begin=first or 0, end=stop)
    lead = (None,) * axis
    return b.node("slice", data, begin=(*lead, first), end=(*lead, last), step=(*lead, step))


def _end(place: int, step: int, first: bool) -> Optional[int]:
    """Beyond all that there is, MXNet wants None."""
    if abs(place) >= FAR:
        return None
    return None if first and step < 0 and place == -1 else place


def _as_long(b: SymbolBuilder, data: Tensor, axis: int, end: Operand) -> Tensor:
    place = b.place(end)
    if place is None:
        raise Unsupported(f"up to {end}, which no value's axis is; supported: one that is")
    other, along = place
    rank = len(other.shape)
    like = other
    if along != axis:
        if axis >= rank:
            like = b.node("Reshape", other, shape=(0,) * rank + (1,) * (axis + 1 - rank))
            rank = axis + 1
        order = list(range(rank))
        order[axis], order[along] = order[along], order[axis]
        like = b.node("transpose", like, axes=tuple(order))
    shape = (*data.shape[:axis], b.dim(end), *data.shape[axis + 1 :])
    return b.node("slice_like", data, like, axes=(axis,), out=shape)


@onnx_operator("Split")
def split(
    b: SymbolBuilder,
    data: Tensor,
    parts: Optional[Value] = None,
    *,
    axis: int,
    num_outputs: Optional[int] = None,
) -> List[Tensor]:
    axis %= len(data.shape)
    if parts is None:
        if num_outputs is None:
            raise Unsupported("neither lengths nor num_outputs; supported: one of them")
        size = data.shape[axis]
        if not isinstance(size, int) or size % num_outputs:
            raise Unsupported(f"{size} into {num_outputs}; supported: equal parts of a known size")
        lengths: Tuple[int, ...] = (size // num_outputs,) * num_outputs
    else:
        lengths = b.ints(parts, "the lengths of its parts")
    if len(lengths) == 1:
        return [b.copy(data)]
    if len(set(lengths)) == 1:
        return b.several("SliceChannel", data, num_outputs=len(lengths), axis=axis)
    ends = np.cumsum(lengths).tolist()
    return b.several("_split_v2", data, indices=(0, *ends[:-1]), axis=axis, squeeze_axis=False)


@onnx_operator("Gather")
def gather(b: SymbolBuilder, data: Tensor, indices: Value, *, axis: int) -> Tensor:
    """A slice where the places are one number or a run of them; take otherwise."""
    rank = len(data.shape)
    axis %= rank
    size = data.shape[axis]
    if is_stored(indices):
        wanted = indices.array.ravel().tolist()
        if isinstance(size, int):
            wanted = [w % size for w in wanted]
        run = wanted == list(range(wanted[0], wanted[0] + len(wanted))) if wanted else False
        if run and indices.array.ndim <= 1 and (wanted[0] >= 0 or len(wanted) == 1):
            end = wanted[-1] + 1 or "None"
            out = b.node("slice_axis", data, axis=axis, begin=wanted[0], end=end)
            if indices.array.ndim:
                return out
            left = (*data.shape[:axis], *data.shape[axis + 1 :])
            return b.node("squeeze", out, axis=(axis,), out=left)
    places = b.tensor(indices)
    shape = (*data.shape[:axis], *places.shape, *data.shape[axis + 1 :])
    out = b.node("take", data, places, axis=axis, mode="wrap")
    if not places.shape and rank > 1:
        return b.node("squeeze", out, axis=(axis,), out=shape)
    return Tensor(out.entry, shape, out.dtype, out.truth)


@onnx_operator("GatherElements")
def gather_elements(b: SymbolBuilder, data: Tensor, places: Tensor, *, axis: int) -> Tensor:
    """pick, which takes one along the axis; several are picked one by one."""
    rank = len(data.shape)
    axis %= rank
    count = places.shape[axis]
    others = [a for a in range(rank) if a != axis]
    if not isinstance(count, int) or count > 64:
        raise Unsupported(f"takes {count} along an axis; supported: a known number up to 64")
    if any(data.shape[a] != places.shape[a] for a in others):
        raise Unsupported("indices that have other sizes than the data on the other axes")
    parts = [places]
    if count > 1:
        parts = [b.node("slice_axis", places, axis=axis, begin=k, end=k + 1) for k in range(count)]
    how = {"axis": axis, "keepdims": True, "mode": "wrap"}
    picked = [b.node("pick", data, one, out=one.shape, **how) for one in parts]
    if count == 1:
        return picked[0]
    return b.node("Concat", *picked, dim=axis, num_args=count, out=places.shape)


@onnx_operator("GatherND")
def gather_nd(b: SymbolBuilder, x: Value, places: Tensor) -> Tensor:
    """MXNet has the coordinates on the first axis."""
    rank = len(places.shape)
    order = (rank - 1, *range(rank - 1))
    first = b.node("transpose", places, axes=order) if rank > 1 else places
    return b.node("gather_nd", x, first)


@onnx_operator("OneHot")
def one_hot(b: SymbolBuilder, places: Tensor, depth: Value, values: Value, *, axis: int) -> Tensor:
    if axis not in (-1, len(places.shape)):
        raise Unsupported(f"axis={axis}; supported: the last, -1")
    if not isinstance(values, Constant):
        raise Unsupported("its two values are computed; supported: known ones")
    off, on = values.precise.ravel().astype(float).tolist()
    count = b.ints(depth, "how many places it has")[0]
    dtype = str(values.array.dtype)
    return b.node("one_hot", places, depth=count, on_value=on, off_value=off, dtype=dtype)


@onnx_operator("Pad")
def pad(
    b: SymbolBuilder,
    data: Tensor,
    pads: Value,
    value: Optional[Value] = None,
    axes: Optional[Value] = None,
    *,
    mode: str,
) -> Tensor:
    rank = len(data.shape)
    widths = b.ints(pads, "its widths")
    chosen = range(rank) if axes is None else [a % rank for a in b.ints(axes, "its axes")]
    before, behind = [0] * rank, [0] * rank
    for k, axis in enumerate(chosen):
        before[axis], behind[axis] = widths[k], widths[len(widths) // 2 + k]
    number = 0.0 if value is None else value.number if isinstance(value, Constant) else None
    if number is None:
        raise Unsupported("its value is computed; supported: a known number")
    if mode not in ("constant", "edge", "reflect"):
        raise Unsupported(f"mode={mode}; supported in MXNet: constant, edge, reflect")
    out = padded(b, data, before, behind, number, mode)
    return out if out.entry != data.entry else b.copy(data)
