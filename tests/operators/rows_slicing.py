"""Operators that cut ranges out of axes, and sequences of several lengths in one array."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Dict, List, Optional, Tuple

from hypothesis import strategies as st

from .case import Case, Data, Shape, case, whole
from .row import Draw, row

IMAGE = (2, 4, 9, 8)
Range = Tuple[Optional[int], Optional[int], Optional[int]]


def draw_range(draw: Draw, size: int) -> Range:
    """Begin, end and step that leave something, also from and beyond both ends; but oneDNN's slice
    begins at no number before the first."""
    begin, end = (st.none() | st.integers(low, size + 1) for low in (-size, -size - 1))
    ranges = st.tuples(begin, end, st.sampled_from((None, 1, 2, 3, -1, -2)))
    return draw(ranges.filter(lambda r: len(range(*slice(*r).indices(size))) > 0))


def draw_ranges(draw: Draw, shape: Shape) -> Dict[str, Any]:
    """Of all axes or the first ones; without steps where they need none."""
    count = draw.number(1, len(shape))
    ranges = [draw_range(draw, size) for size in shape[:count]]
    begin, end, step = zip(*ranges)
    without = (range(*slice(b, e).indices(d)) for b, e, d in zip(begin, end, shape))
    attrs = {"begin": begin, "end": end}
    return attrs if draw.flag() and all(without) else {**attrs, "step": step}


@row("slice", begin="what leaves nothing has no shape in MXNet, and oneDNN takes -size at least")
def draw_slice(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    attrs = draw_ranges(draw, shape)
    return case(draw.moved(shape), **attrs)


@row("_slice_assign")
def slice_assign(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    attrs = draw_ranges(draw, shape)
    data = draw.moved(shape)
    cuts = zip(attrs["begin"], attrs["end"], attrs.get("step") or (None,) * len(shape))
    cut = [len(range(*slice(*c).indices(d))) for c, d in zip(cuts, shape)]
    return case(data, Data((*cut, *shape[len(cut) :]), data.values, data.dtype), **attrs)


@row("_slice_assign_scalar")
def slice_assign_scalar(draw: Draw) -> Case:
    assigned = slice_assign(draw)
    data = assigned.inputs[0]
    scalar = draw.choice(*(0.1, 0) if data.dtype == "float32" else (0, 7))
    return case(data, **assigned.attrs, scalar=scalar)


@row("slice_axis")
def slice_axis(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    axis = draw.axis(shape)
    size = shape[axis]
    begin = draw.number(0, size - 1)
    end = draw.number(begin + 1, size)
    first = draw.choice(begin, begin - size)
    last = draw.choice(*(None,) if end == size else (end, end - size))
    return case(draw.moved(shape), axis=axis, begin=first, end=last)


def smaller(draw: Draw, shape: Shape) -> Shape:
    return tuple(draw.number(1, d) for d in shape)


@row("slice_like")
def slice_like(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    like = smaller(draw, shape)
    axes = st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True)
    chosen = draw(st.one_of(st.none(), axes))
    if chosen is None:
        return case(draw.moved(shape), like)
    signed = tuple(a - draw.choice(0, len(shape)) for a in chosen)
    if all(a >= 0 for a in signed):  # then the other may have other axes behind
        like = (*like[: max(signed) + 1], *draw.shape((0, 2)))
    return case(draw.moved(shape), like, axes=signed)


@row("Crop")
def crop(draw: Draw) -> Case:
    shape = draw.shape(4)
    size = smaller(draw, shape[2:])
    center = draw.flag()
    offset = tuple(draw.number(0, d - s) for d, s in zip(shape[2:], size))
    attrs: Dict[str, Any] = {"center_crop": center} if center else {"offset": offset}
    if draw.flag():
        return case(shape, **attrs, num_args=1, h_w=size)
    return case(shape, (*draw.shape(2), *size), **attrs, num_args=2)


@row("_split_v2", indices="an empty part has no shape in MXNet")
@row("SliceChannel")
def parts(draw: Draw) -> Case:
    """Equal parts along an axis, parts that begin at indices, or nearly equal sections; with
    squeeze_axis of size 1 each, and without the axis."""
    shape: List[int] = list(draw.shape((1, 4), high=4))
    axis, squeeze = draw.axis(tuple(shape)), len(shape) > 1 and draw.flag()
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    if squeeze or draw.op == "SliceChannel":
        sizes = [1 if squeeze else sizes[0]] * len(sizes)
    *begins, shape[axis] = accumulate(sizes, initial=0)
    attrs: Dict[str, Any] = {"axis": axis, "squeeze_axis": squeeze}
    if draw.op == "SliceChannel":
        attrs["num_outputs"] = len(sizes)
    elif draw.flag():
        attrs.update(indices=(), sections=len(sizes))
    else:
        attrs["indices"] = tuple(begins)
    return case(draw.moved(tuple(shape)), **attrs)


@row("SequenceLast", sequence_length="MXNet reads before the array for a length of 0")
@row("SequenceMask", "SequenceReverse")
def sequence(draw: Draw) -> Case:
    shape = draw.shape((2, 4))
    axis = 0 if draw.op == "SequenceReverse" else draw.number(0, 1)
    use = draw.flag()
    attrs = draw.attrs(axis=axis, use_sequence_length=use)
    data = draw.moved(shape)
    if data.dtype != "float32" and "value" in attrs:
        attrs["value"] = draw.number(0, 9)
    low = 1 if draw.op == "SequenceLast" else 0
    dtype = draw.choice("float32", "int32", "int64")
    lengths = Data((shape[1 - axis],), whole(low, shape[axis] + 1), dtype)
    return case(data, *[lengths][: int(use)], **attrs)


EXAMPLES = {
    "slice fewer axes": case(IMAGE, begin=(None, 1), end=(None, -1)),
    "slice backwards": case(IMAGE, begin=(-1, None), end=(None, 0), step=(-1, -2)),
    "Crop like": case(IMAGE, (1, 1, 3, 5), num_args=2),
    "Crop at": case(IMAGE, num_args=1, offset=(1, 2), h_w=(4, 5)),
    "_split_v2 uneven": case((2, 3, 8), indices=(), sections=3, axis=2),
}
