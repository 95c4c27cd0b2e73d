"""Widening, sizes, diagonals, padding, blocks."""

from __future__ import annotations

from functools import partial
from typing import List

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Shape, attributes, moved, shapes
from .rows_shaping import FEW, alike, of_any, plain, some_axes


def thin(draw: DrawFn, rank: int) -> tuple[List[int], List[int]]:
    """A shape with axes of size 1, and which of them (two at most) are to be widened."""
    shape = list(shapes(draw, rank))
    axes = draw(some_axes((1,) * rank))[:2]
    for axis in axes:
        shape[axis] = 1
    return shape, axes


def draw_axis(draw: DrawFn) -> Case:
    shape, axes = thin(draw, draw(st.integers(1, 5)))
    sizes = tuple(draw(st.integers(1, 4)) for _ in axes)
    return of_any("broadcast_axis", draw, tuple(shape), axis=tuple(axes), size=sizes)


def draw_to(draw: DrawFn) -> Case:
    shape, axes = thin(draw, draw(st.integers(1, 5)))
    target = [draw(st.sampled_from((0, d))) for d in shape]
    for axis in axes:
        target[axis] = draw(st.integers(0, 4))
    return Case("broadcast_to", (moved(draw, tuple(shape)),), {"shape": tuple(target)})


def draw_like(draw: DrawFn) -> Case:
    """Without axes, shapes of one rank; with axes, any two."""
    shape, axes = thin(draw, draw(st.integers(1, 4)))
    rank = len(shape)
    if draw(st.booleans()):
        like = [draw(st.integers(1, 4)) if a in axes else d for a, d in enumerate(shape)]
        return Case("broadcast_like", (moved(draw, tuple(shape)), Data(tuple(like))))
    axes = axes or [0]
    shape[axes[0]] = 1
    other = shapes(draw, (1, 4))
    to = [draw(st.integers(-len(other), len(other) - 1)) for _ in axes]
    signed = [a - draw(st.sampled_from((0, rank))) for a in axes]
    attrs = {"lhs_axes": tuple(signed), "rhs_axes": tuple(to)}
    return Case("broadcast_like", (moved(draw, tuple(shape)), Data(other)), attrs)


def draw_diag(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    k = st.integers(-3, 3)
    if len(shape) == 1:
        return of_any("diag", draw, shape, k=k, axis1=None, axis2=None)
    first, second = draw(st.permutations(range(len(shape))))[:2]
    rows, columns = shape[first], shape[second]
    axis1, axis2 = (a - draw(st.sampled_from((0, len(shape)))) for a in (first, second))
    k = st.integers(1 - rows, columns - 1)
    return of_any("diag", draw, shape, k=k, axis1=axis1, axis2=axis2)


def draw_pad(draw: DrawFn) -> Case:
    shape = shapes(draw, draw(st.sampled_from((4, 5))), low=2)
    mode = draw(st.sampled_from(("constant", "edge", "reflect")))
    most = (min(3, d - 1) if mode == "reflect" else 3 for d in shape[2:] for _ in (0, 1))
    widths = [draw(st.integers(0, width)) for width in most]
    attrs = attributes(draw, "Pad", mode=mode, pad_width=(0, 0, 0, 0, *widths))
    return Case("Pad", (Data(shape),), attrs)


def padded(shape: Shape, mode: str, *widths: int, **attrs: float) -> Case:
    return plain("Pad", shape, mode=mode, pad_width=(0, 0, 0, 0, *widths), **attrs)


def draw_blocks(op: str, draw: DrawFn) -> Case:
    block = draw(st.integers(1, 3))
    factors = (1, block * block, 1, 1) if op == "depth_to_space" else (1, 1, block, block)
    shape = tuple(d * f for d, f in zip(shapes(draw, 4, high=3), factors))
    return of_any(op, draw, shape, block_size=block)


DIAGONALS = {"above": ((4, 6), 2), "below": ((4, 6), -2), "made": ((5,), -2)}
ROWS = [
    Row("broadcast_axis", draw_axis, narrowed={"axis": FEW}),
    Row("broadcast_to", draw_to, narrowed={"shape": FEW}),
    Row("broadcast_like", draw_like, narrowed={"lhs_axes": FEW}),
    alike("shape_array", (1, 5)),
    alike("size_array", (1, 5)),
    Row("diag", draw_diag, {name: plain("diag", s, k=k) for name, (s, k) in DIAGONALS.items()}),
    Row(
        "Pad",
        draw_pad,
        {
            "video": padded((1, 2, 3, 4, 5), "reflect", 1, 2, 3, 2, 1, 4),
            "value": padded((1, 2, 3, 4), "constant", 1, 2, 3, 2, constant_value=0.1),
        },
        {"mode": "MXNet reflects less than the size, and pads floating-point numbers only"},
    ),
    *(Row(op, partial(draw_blocks, op)) for op in ("depth_to_space", "space_to_depth")),
]
