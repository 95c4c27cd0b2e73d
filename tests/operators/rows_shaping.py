"""Operators that join, repeat and reorder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Shape, attributes, moved, shapes

IMAGE = (2, 4, 9, 8)

#: Of operators that MXNet makes of its broadcasting kernel.
FEW = (
    "two axes at most: MXNet refuses more than five groups of axes that are repeated and not, "
    "and leaves most of its result unwritten where four are repeated"
)


def plain(op: str, shape: Shape, free: bool = True, **attrs: Any) -> Case:
    return Case(op, (Data(shape),), attrs, free)


def of_any(op: str, draw: DrawFn, shape: Shape, **attrs: Any) -> Case:
    return Case(op, (moved(draw, shape),), attributes(draw, op, **attrs))


def axis_of(draw: DrawFn, rank: int) -> int:
    """Any of the axes, counted from either side."""
    return draw(st.integers(-rank, rank - 1))


def axes_of(draw: DrawFn, rank: int, low: int = 0) -> List[int]:
    """Some of the axes, each once, counted from the left."""
    return draw(st.lists(st.integers(0, rank - 1), min_size=low, max_size=rank, unique=True))


def draw_concat(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    dim = axis_of(draw, len(shape))
    first, axis = moved(draw, shape), dim % len(shape)
    sizes = draw(st.lists(st.integers(1, 4), max_size=3))
    others = (replace(first, shape=(*shape[:axis], d, *shape[axis + 1 :])) for d in sizes)
    return Case("Concat", (first, *others), {"dim": dim, "num_args": len(sizes) + 1})


def draw_stack(draw: DrawFn) -> Case:
    given = moved(draw, shapes(draw, (1, 4)))
    count = draw(st.integers(1, 3))
    axis = axis_of(draw, len(given.shape) + 1)
    return Case("stack", (given,) * count, {"axis": axis, "num_args": count})


def draw_squeeze(draw: DrawFn) -> Case:
    """Without axes, which are dropped depends on sizes: then they are fixed."""
    shape = draw(st.lists(st.sampled_from((1, 1, 2, 3)), min_size=1, max_size=5))
    ones = [a for a, d in enumerate(shape) if d == 1]
    signed = [a - draw(st.sampled_from((0, len(shape)))) for a in ones]
    axes = draw(st.lists(st.sampled_from(signed), unique=True)) if signed else []
    axis = draw(st.sampled_from([None, tuple(axes)]))
    attrs = {} if axis is None else {"axis": axis}
    return Case("squeeze", (moved(draw, tuple(shape)),), attrs, free=axis is not None)


def draw_expand_dims(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    return of_any("expand_dims", draw, shape, axis=axis_of(draw, len(shape) + 1))


def draw_transpose(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 6), high=4)
    axes = draw(st.one_of(st.none(), st.permutations(range(len(shape))).map(tuple)))
    return of_any("transpose", draw, shape, axes=axes)


def draw_swap(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 5))
    first, second = axis_of(draw, len(shape)), axis_of(draw, len(shape))
    return of_any("SwapAxis", draw, shape, dim1=first, dim2=second)


def draw_tile(draw: DrawFn) -> Case:
    few = st.lists(st.integers(1, 3), max_size=5).filter(lambda reps: len(reps) - reps.count(1) < 3)
    return of_any("tile", draw, shapes(draw, (1, 4), high=4), reps=tuple(draw(few)))


def draw_repeat(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    axis = draw(st.one_of(st.none(), st.just(axis_of(draw, len(shape)))))
    return of_any("repeat", draw, shape, repeats=draw(st.integers(1, 3)), axis=axis)


def draw_reverse(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    return of_any("reverse", draw, shape, axis=tuple(axes_of(draw, len(shape))))


def draw_flatten(draw: DrawFn) -> Case:
    return Case("Flatten", (moved(draw, shapes(draw, (1, 5))),))


LAST = {"num_args": 2, "dim": -1}
ROWS = [
    Row("Flatten", draw_flatten, {"video": plain("Flatten", (2, 4, 5, 6, 7))}),
    Row("Concat", draw_concat, {"last": Case("Concat", (Data(IMAGE),) * 2, LAST)}),
    Row("stack", draw_stack),
    Row(
        "squeeze",
        draw_squeeze,
        {
            "all but one": plain("squeeze", (1, 1, 1), free=False),
            "several": plain("squeeze", (2, 1, 3, 1), axis=(-1, 1)),
        },
    ),
    Row("expand_dims", draw_expand_dims),
    Row("transpose", draw_transpose, {"attention": plain("transpose", IMAGE, axes=(0, 2, 1, 3))}),
    Row("SwapAxis", draw_swap),
    Row("tile", draw_tile, narrowed={"reps": FEW}),
    Row("repeat", draw_repeat, narrowed={"repeats": "0 leaves nothing"}),
    Row("reverse", draw_reverse, narrowed={"axis": "MXNet takes no negative ones"}),
]
