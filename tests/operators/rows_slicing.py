"""Operators that cut ranges out of axes, and sequences of several lengths in one array."""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import Any, Dict, List, Optional, Tuple

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Shape, attributes, moved, shapes, whole
from .rows_shaping import IMAGE, axis_of, plain

Range = Tuple[Optional[int], Optional[int], Optional[int]]


def draw_range(draw: DrawFn, size: int) -> Range:
    """Begin, end and step that leave something, also from and beyond both ends."""
    ends = st.one_of(st.none(), st.integers(-size - 1, size + 1))
    ranges = st.tuples(ends, ends, st.sampled_from((None, 1, 2, 3, -1, -2)))
    return draw(ranges.filter(lambda r: len(range(*slice(*r).indices(size))) > 0))


def draw_ranges(draw: DrawFn, shape: Shape) -> Dict[str, Any]:
    """Of all axes or the first ones; without steps where they need none."""
    count = draw(st.integers(1, len(shape)))
    ranges = [draw_range(draw, size) for size in shape[:count]]
    begin, end, step = zip(*ranges)
    without = (range(*slice(b, e).indices(d)) for b, e, d in zip(begin, end, shape))
    attrs = {"begin": begin, "end": end}
    return attrs if draw(st.booleans()) and all(without) else {**attrs, "step": step}


def draw_slice(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    attrs = draw_ranges(draw, shape)
    return Case("slice", (moved(draw, shape),), attrs)


def draw_slice_axis(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    axis = axis_of(draw, len(shape))
    size = shape[axis]
    begin = draw(st.integers(0, size - 1))
    end = draw(st.integers(begin + 1, size))
    first = draw(st.sampled_from((begin, begin - size)))
    last = draw(st.sampled_from((None,) if end == size else (end, end - size)))
    attrs = {"axis": axis, "begin": first, "end": last}
    return Case("slice_axis", (moved(draw, shape),), attrs)


def smaller(draw: DrawFn, shape: Shape) -> Shape:
    return tuple(draw(st.integers(1, d)) for d in shape)


def draw_slice_like(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    like = smaller(draw, shape)
    axes = st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True)
    chosen = draw(st.one_of(st.none(), axes))
    if chosen is None:
        return Case("slice_like", (moved(draw, shape), Data(like)))
    signed = tuple(a - draw(st.sampled_from((0, len(shape)))) for a in chosen)
    if all(a >= 0 for a in signed):  # then the other may have other axes behind
        like = (*like[: max(signed) + 1], *shapes(draw, (0, 2)))
    return Case("slice_like", (moved(draw, shape), Data(like)), {"axes": signed})


def draw_crop(draw: DrawFn) -> Case:
    shape = shapes(draw, 4)
    size = smaller(draw, shape[2:])
    center = draw(st.booleans())
    offset = tuple(draw(st.integers(0, d - s)) for d, s in zip(shape[2:], size))
    attrs: dict[str, Any] = {"center_crop": center} if center else {"offset": offset}
    if draw(st.booleans()):
        return Case("Crop", (Data(shape),), {**attrs, "num_args": 1, "h_w": size})
    like = Data((*shapes(draw, 2), *size))
    return Case("Crop", (Data(shape), like), {**attrs, "num_args": 2})


def draw_parts(op: str, draw: DrawFn) -> Case:
    """Equal parts along an axis, parts that begin at indices, or nearly equal sections; with
    squeeze_axis of size 1 each, and without the axis."""
    shape: List[int] = list(shapes(draw, (1, 4), high=4))
    axis, squeeze = axis_of(draw, len(shape)), len(shape) > 1 and draw(st.booleans())
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    if squeeze or op == "SliceChannel":
        sizes = [1 if squeeze else sizes[0]] * len(sizes)
    *begins, shape[axis] = accumulate(sizes, initial=0)
    attrs: Dict[str, Any] = {"axis": axis, "squeeze_axis": squeeze}
    if op == "SliceChannel":
        attrs["num_outputs"] = len(sizes)
    elif draw(st.booleans()):
        attrs.update(indices=(), sections=len(sizes))
    else:
        attrs["indices"] = tuple(begins)
    return Case(op, (moved(draw, tuple(shape)),), attrs)


def draw_sequence(op: str, draw: DrawFn) -> Case:
    shape = shapes(draw, (2, 4))
    axis = 0 if op == "SequenceReverse" else draw(st.integers(0, 1))
    use = draw(st.booleans())
    attrs = attributes(draw, op, axis=axis, use_sequence_length=use)
    data = moved(draw, shape)
    if data.dtype != "float32" and "value" in attrs:
        attrs["value"] = draw(st.integers(0, 9))
    low = 1 if op == "SequenceLast" else 0
    dtype = draw(st.sampled_from(("float32", "int32", "int64")))
    lengths = Data((shape[1 - axis],), whole(low, shape[axis] + 1), dtype)
    return Case(op, (data, lengths) if use else (data,), attrs)


ROWS = [
    Row(
        "slice",
        draw_slice,
        {
            "fewer axes": plain("slice", IMAGE, begin=(None, 1), end=(None, -1)),
            "backwards": plain("slice", IMAGE, begin=(-1, None), end=(None, 0), step=(-1, -2)),
        },
        {"begin": "what leaves nothing has no shape in MXNet"},
    ),
    Row("slice_axis", draw_slice_axis),
    Row("slice_like", draw_slice_like),
    Row(
        "Crop",
        draw_crop,
        {
            "like": Case("Crop", (Data(IMAGE), Data((1, 1, 3, 5))), {"num_args": 2}),
            "at": plain("Crop", IMAGE, num_args=1, offset=(1, 2), h_w=(4, 5)),
        },
    ),
    Row("SliceChannel", partial(draw_parts, "SliceChannel")),
    Row(
        "_split_v2",
        partial(draw_parts, "_split_v2"),
        {"uneven": plain("_split_v2", (2, 3, 8), indices=(), sections=3, axis=2)},
        {"indices": "an empty part has no shape in MXNet"},
    ),
    *(Row(op, partial(draw_sequence, op)) for op in ("SequenceMask", "SequenceReverse")),
    Row(
        "SequenceLast",
        partial(draw_sequence, "SequenceLast"),
        narrowed={"sequence_length": "MXNet reads before the array for a length of 0"},
    ),
]
