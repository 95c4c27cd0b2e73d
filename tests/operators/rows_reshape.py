"""Reshape and what follows another's shape."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np
from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Shape, moved, shapes
from .rows_shaping import IMAGE

#: What happens to an axis -> its code, and how many axes more it takes.
CODES = {"copy": (0, 0), "rest": (-1, 0), "remaining": (-2, 9), "merge": (-3, 1)}


def draw_codes(draw: DrawFn, shape: Shape) -> List[int]:
    """Codes that fit the shape: each axis is copied, merged, split or stated, or left to -1."""
    codes: List[int] = []
    left = list(shape)
    while left:
        kinds = ["copy", "state", *(["split"] if -4 not in codes else [])]  # 6 axes at most
        kinds += ["merge"] if len(left) > 1 else []
        kinds += ["rest"] if not {-1, -4}.intersection(codes) else []  # MXNet misplaces it
        kind = draw(st.sampled_from([*kinds, "remaining"]))
        size = left.pop(0)
        if kind in CODES:
            code, taken = CODES[kind]
            codes.append(code)
            del left[:taken]
        elif kind == "state":
            codes.append(size)
        else:
            part = draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0]))
            pair = [(part, size // part), (-1, size // part), (part, -1)]
            codes += [-4, *draw(st.sampled_from(pair))]
    return codes


def draw_reshape(draw: DrawFn) -> Case:
    """In the old form, sizes are stated, one is the rest, and the first may be copied."""
    shape = shapes(draw, (1, 5))
    data = moved(draw, shape)
    attrs: Dict[str, Any] = {"shape": tuple(draw_codes(draw, shape))}
    form = draw(st.sampled_from(("codes", "reverse", "target")))
    if form == "reverse":
        simple = st.lists(st.sampled_from((0, -1)), min_size=1, max_size=len(shape))
        codes = draw(simple.filter(lambda c: c.count(-1) == 1))
        attrs = {"shape": tuple(codes), "reverse": True}
    if form == "target":
        rest = int(np.prod(shape[1:]))
        choices = [((0, rest), False), ((shape[0], 0), False), ((7, 0), True), ((0, 0), True)]
        target, keep = draw(st.sampled_from(choices))
        attrs = {"target_shape": target, "keep_highest": keep}
    return Case("Reshape", (data,), attrs)


def draw_like(draw: DrawFn) -> Case:
    """A range of axes of one becomes a range of the other's with as many elements."""
    before, between, after = (shapes(draw, (0, 2), high=4) for _ in range(3))
    other = draw(st.permutations(between).map(tuple)) if between else ()
    joined = (int(np.prod(between)),)
    left, right = draw(st.sampled_from(((between or joined, joined), (joined, other or joined))))
    lead, tail = shapes(draw, (0, 2)), shapes(draw, (0, 2))
    lhs, rhs = (*before, *left, *after), (*lead, *right, *tail)
    ends = _ends(draw, "lhs", len(before), len(left), len(lhs))
    ends.update(_ends(draw, "rhs", len(lead), len(right), len(rhs)))
    return Case("reshape_like", (moved(draw, lhs), Data(rhs)), ends)


def _ends(draw: DrawFn, side: str, begin: int, count: int, rank: int) -> Dict[str, Any]:
    """The range, from either side, or left out where it is the default."""
    first: Tuple[Any, ...] = (begin, begin - rank, *([None] if begin == 0 else []))
    end = begin + count
    last = (None,) if end == rank else (end, end - rank)
    ends = (first, (*last, *([end] if end == rank else [])))
    return {f"{side}_{k}": draw(st.sampled_from(v)) for k, v in zip(("begin", "end"), ends)}


ROWS = [
    Row(
        "Reshape",
        draw_reshape,
        {
            f"{codes}{' reversed' * reverse}": Case(
                "Reshape", (Data(shape),), {"shape": codes, "reverse": reverse}
            )
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
    ),
    Row(
        "reshape_like",
        draw_like,
        {"whole": Case("reshape_like", (Data((30,)), Data((2, 5, 3))), {})},
    ),
]
