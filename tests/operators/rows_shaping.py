"""Operators that join, repeat and reorder."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any, Callable, List, Mapping

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


def alike(
    op: str,
    rank: tuple[int, int] = (1, 4),
    high: int = 6,
    examples: Mapping[str, Case] = MappingProxyType({}),
    narrowed: Mapping[str, str] = MappingProxyType({}),
    **given: Callable[[Shape], Any],
) -> Row:
    """One input of any shape, for which each attribute has values, or a strategy."""

    def draw(draw: DrawFn) -> Case:
        shape = shapes(draw, rank, high=high)
        return of_any(op, draw, shape, **{name: values(shape) for name, values in given.items()})

    return Row(op, draw, examples, narrowed)


def any_axis(shape: Shape) -> st.SearchStrategy[int]:
    """Any of the axes, counted from either side."""
    return st.integers(-len(shape), len(shape) - 1)


def axis_of(draw: DrawFn, rank: int) -> int:
    return draw(any_axis((1,) * rank))


def some_axes(shape: Shape) -> st.SearchStrategy[List[int]]:
    """Some of the axes, each once, counted from the left."""
    return st.lists(st.integers(0, len(shape) - 1), unique=True)


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


FEW_REPEATS = st.lists(st.integers(1, 3), max_size=5).filter(
    lambda reps: len(reps) - reps.count(1) < 3
)
LAST = {"num_args": 2, "dim": -1}
ROWS = [
    alike("Flatten", (1, 5), examples={"video": plain("Flatten", (2, 4, 5, 6, 7))}),
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
    alike("expand_dims", axis=lambda shape: any_axis((*shape, 1))),
    alike(
        "transpose",
        (1, 6),
        high=4,
        examples={"attention": plain("transpose", IMAGE, axes=(0, 2, 1, 3))},
        axes=lambda shape: st.none() | st.permutations(range(len(shape))).map(tuple),
    ),
    alike("SwapAxis", (1, 5), dim1=any_axis, dim2=any_axis),
    alike("tile", high=4, narrowed={"reps": FEW}, reps=lambda _: FEW_REPEATS.map(tuple)),
    alike(
        "repeat",
        narrowed={"repeats": "0 leaves nothing"},
        repeats=lambda _: st.integers(1, 3),
        axis=lambda shape: st.none() | any_axis(shape),
    ),
    alike(
        "reverse",
        narrowed={"axis": "MXNet takes no negative ones"},
        axis=lambda shape: some_axes(shape).map(tuple),
    ),
]
