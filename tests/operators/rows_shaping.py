"""Operators that join, repeat, reorder and reshape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Tuple

import numpy as np
from hypothesis import strategies as st

from .case import Case, Shape, case
from .row import Draw, row

IMAGE = (2, 4, 9, 8)

#: Of operators that MXNet makes of its broadcasting kernel.
FEW = (
    "two axes at most: MXNet refuses more than five groups of axes that are repeated and not, "
    "and leaves most of its result unwritten where four are repeated"
)
FEW_REPEATS = st.lists(st.integers(1, 3), max_size=5).filter(
    lambda reps: len(reps) - reps.count(1) < 3
)


def any_axis(shape: Shape) -> st.SearchStrategy[int]:
    """Any of the axes, counted from either side."""
    return st.integers(-len(shape), len(shape) - 1)


def some_axes(shape: Shape) -> st.SearchStrategy[List[int]]:
    """Some of the axes, each once, counted from the left."""
    return st.lists(st.integers(0, len(shape) - 1), unique=True)


def moving(draw: Draw, shape: Shape, **attrs: Any) -> Case:
    return case(draw.moved(shape), **draw.attrs(**attrs))


@row("Flatten", "shape_array", "size_array")
def alike(draw: Draw) -> Case:
    return moving(draw, draw.shape((1, 5)))


@row("SwapAxis")
def swap_axis(draw: Draw) -> Case:
    shape = draw.shape((1, 5))
    either = st.none() | any_axis(shape)
    return moving(draw, shape, dim1=either, dim2=either)


@row("expand_dims")
def expand_dims(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    return moving(draw, shape, axis=any_axis((*shape, 1)))


@row("transpose")
def transpose(draw: Draw) -> Case:
    shape = draw.shape((1, 6), high=4)
    return moving(draw, shape, axes=st.none() | st.permutations(range(len(shape))).map(tuple))


@row("tile", reps=FEW)
def tile(draw: Draw) -> Case:
    return moving(draw, draw.shape((1, 4), high=4), reps=FEW_REPEATS.map(tuple))


@row("repeat", repeats="0 leaves nothing")
def repeat(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    return moving(draw, shape, repeats=st.integers(1, 3), axis=st.none() | any_axis(shape))


@row("reverse", axis="MXNet takes no negative ones")
def reverse(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    return moving(draw, shape, axis=some_axes(shape).map(tuple))


@row("Concat")
def concat(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    dim = draw.axis(shape)
    first, axis = draw.moved(shape), dim % len(shape)
    sizes = draw(st.lists(st.integers(1, 4), max_size=3))
    others = (replace(first, shape=(*shape[:axis], d, *shape[axis + 1 :])) for d in sizes)
    return case(first, *others, dim=dim, num_args=len(sizes) + 1)


@row("stack")
def stack(draw: Draw) -> Case:
    given = draw.moved(draw.shape((1, 4)))
    count = draw.number(1, 3)
    return case(*(given,) * count, axis=draw.axis((*given.shape, 1)), num_args=count)


@row("squeeze")
def squeeze(draw: Draw) -> Case:
    """Without axes, which are dropped depends on sizes: then they are fixed."""
    shape = draw(st.lists(st.sampled_from((1, 1, 2, 3)), min_size=1, max_size=5))
    ones = [a for a, d in enumerate(shape) if d == 1]
    signed = [a - draw.choice(0, len(shape)) for a in ones]
    axes = draw(st.lists(st.sampled_from(signed), unique=True)) if signed else []
    axis = draw.choice(None, tuple(axes))
    attrs = {} if axis is None else {"axis": axis}
    return case(draw.moved(tuple(shape)), free=axis is not None, **attrs)


#: What happens to an axis -> its code, and how many axes more it takes.
CODES = {"copy": (0, 0), "rest": (-1, 0), "remaining": (-2, 9), "merge": (-3, 1)}


def draw_codes(draw: Draw, shape: Shape) -> List[int]:
    """Codes that fit the shape: each axis is copied, merged, split or stated, or left to -1."""
    codes: List[int] = []
    left = list(shape)
    while left:
        kinds = ["copy", "state", *(["split"] if -4 not in codes else [])]  # 6 axes at most
        kinds += ["merge"] if len(left) > 1 else []
        kinds += ["rest"] if not {-1, -4}.intersection(codes) else []  # MXNet misplaces it
        kind = draw.choice(*kinds, "remaining")
        size = left.pop(0)
        if kind in CODES:
            code, taken = CODES[kind]
            codes.append(code)
            del left[:taken]
        elif kind == "state":
            codes.append(size)
        else:
            part = draw.choice(*(d for d in range(1, size + 1) if size % d == 0))
            codes += [-4, *draw.choice((part, size // part), (-1, size // part), (part, -1))]
    return codes


@row("Reshape")
def reshape(draw: Draw) -> Case:
    """In the old form, sizes are stated, one is the rest, and the first may be copied."""
    shape = draw.shape((1, 5))
    data = draw.moved(shape)
    attrs: Dict[str, Any] = {"shape": tuple(draw_codes(draw, shape))}
    form = draw.choice("codes", "reverse", "target")
    if form == "reverse":
        simple = st.lists(st.sampled_from((0, -1)), min_size=1, max_size=len(shape))
        codes = draw(simple.filter(lambda c: c.count(-1) == 1))
        attrs = {"shape": tuple(codes), "reverse": True}
    if form == "target":
        rest = int(np.prod(shape[1:]))
        choices = [((0, rest), False), ((shape[0], 0), False), ((7, 0), True), ((0, 0), True)]
        target, keep = draw.choice(*choices)
        attrs = {"target_shape": target, "keep_highest": keep}
    return case(data, **attrs)


@row("reshape_like")
def reshape_like(draw: Draw) -> Case:
    """A range of axes of one becomes a range of the other's with as many elements."""
    before, between, after = (draw.shape((0, 2), high=4) for _ in range(3))
    other = draw(st.permutations(between).map(tuple)) if between else ()
    joined = (int(np.prod(between)),)
    left, right = draw.choice((between or joined, joined), (joined, other or joined))
    lead, tail = draw.shape((0, 2)), draw.shape((0, 2))
    lhs, rhs = (*before, *left, *after), (*lead, *right, *tail)
    ends = _ends(draw, "lhs", len(before), len(left), len(lhs))
    ends.update(_ends(draw, "rhs", len(lead), len(right), len(rhs)))
    return case(draw.moved(lhs), rhs, **ends)


def _ends(draw: Draw, side: str, begin: int, count: int, rank: int) -> Dict[str, Any]:
    """The range, from either side, or left out where it is the default."""
    first: Tuple[Any, ...] = (begin, begin - rank, *([None] if begin == 0 else []))
    end = begin + count
    last = (None, end) if end == rank else (end, end - rank)
    return {f"{side}_begin": draw.choice(*first), f"{side}_end": draw.choice(*last)}


EXAMPLES = {
    "Flatten video": case((2, 4, 5, 6, 7)),
    "Concat last": case(IMAGE, IMAGE, num_args=2, dim=-1),
    "squeeze all but one": case((1, 1, 1), free=False),
    "squeeze several": case((2, 1, 3, 1), axis=(-1, 1)),
    "transpose attention": case(IMAGE, axes=(0, 2, 1, 3)),
    **{
        f"Reshape {codes}{' reversed' * reverse}": case(shape, shape=codes, reverse=reverse)
        for codes, shape, reverse in (
            ((0, 2, -1, 0), IMAGE, False),
            ((-1, 1, 12), (6, 12), False),
            ((-2,), IMAGE, False),
            ((-3, -3), IMAGE, False),
            ((-3, 0, 0), IMAGE, False),
            ((0, -4, 2, -1, -2), IMAGE, False),
            ((0, 0, 0, -4, -1, 2), IMAGE, False),
            ((-1, 0), (8, 4, 3), True),
            ((0, 0, -1), IMAGE, False),
            ((-4, 1, 2, -2), IMAGE, False),
            ((72, -1), IMAGE, False),
            ((-3, 0), (2, 3, 4), True),
        )
    },
    "reshape_like whole": case((30,), (2, 5, 3)),
}
