"""Widening, diagonals, padding, blocks."""

from __future__ import annotations

from typing import List

from hypothesis import strategies as st

from .case import Case, Shape, case
from .row import Draw, row
from .rows_shaping import FEW, moving, some_axes


def thin(draw: Draw, rank: int) -> tuple[List[int], List[int]]:
    """A shape with axes of size 1, and which of them (two at most) are to be widened."""
    shape = list(draw.shape(rank))
    axes = draw(some_axes((1,) * rank))[:2]
    for axis in axes:
        shape[axis] = 1
    return shape, axes


@row("broadcast_axis", axis=FEW)
def broadcast_axis(draw: Draw) -> Case:
    shape, axes = thin(draw, draw.number(1, 5))
    sizes = tuple(draw.number(1, 4) for _ in axes)
    return moving(draw, tuple(shape), axis=tuple(axes), size=sizes)


@row("broadcast_to", shape=FEW)
def broadcast_to(draw: Draw) -> Case:
    shape, axes = thin(draw, draw.number(1, 5))
    target = [draw.choice(0, d) for d in shape]
    for axis in axes:
        target[axis] = draw.number(0, 4)
    return case(draw.moved(tuple(shape)), shape=tuple(target))


@row("broadcast_like", lhs_axes=FEW)
def broadcast_like(draw: Draw) -> Case:
    """Without axes, shapes of one rank; with axes, any two."""
    shape, axes = thin(draw, draw.number(1, 4))
    rank = len(shape)
    if draw.flag():
        like = [draw.number(1, 4) if a in axes else d for a, d in enumerate(shape)]
        return case(draw.moved(tuple(shape)), tuple(like))
    axes = axes or [0]
    shape[axes[0]] = 1
    other = draw.shape((1, 4))
    to = tuple(draw.axis(other) for _ in axes)
    signed = tuple(a - draw.choice(0, rank) for a in axes)
    return case(draw.moved(tuple(shape)), other, lhs_axes=signed, rhs_axes=to)


@row("diag")
def diag(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    if len(shape) == 1:
        return moving(draw, shape, k=st.integers(-3, 3), axis1=None, axis2=None)
    first, second = draw(st.permutations(range(len(shape))))[:2]
    rows, columns = shape[first], shape[second]
    axis1, axis2 = (a - draw.choice(0, len(shape)) for a in (first, second))
    return moving(draw, shape, k=st.integers(1 - rows, columns - 1), axis1=axis1, axis2=axis2)


@row("Pad", mode="MXNet reflects less than the size, and pads floating-point numbers only")
def pad(draw: Draw) -> Case:
    shape = draw.shape(draw.choice(4, 5), low=2)
    mode = draw.choice("constant", "edge", "reflect")
    most = (min(3, d - 1) if mode == "reflect" else 3 for d in shape[2:] for _ in (0, 1))
    widths = [draw.number(0, width) for width in most]
    return padded(shape, **draw.attrs(mode=mode, pad_width=(0, 0, 0, 0, *widths)))


def padded(shape: Shape, *widths: int, **attrs: object) -> Case:
    return case(shape, **{"pad_width": (0, 0, 0, 0, *widths), **attrs})


@row("depth_to_space", "space_to_depth")
def blocks(draw: Draw) -> Case:
    block = draw.number(1, 3)
    factors = (1, block * block, 1, 1) if draw.op == "depth_to_space" else (1, 1, block, block)
    shape = tuple(d * f for d, f in zip(draw.shape(4, high=3), factors))
    return moving(draw, shape, block_size=block)


EXAMPLES = {
    "diag above": case((4, 6), k=2),
    "diag below": case((4, 6), k=-2),
    "diag made": case((5,), k=-2),
    "Pad video": padded((1, 2, 3, 4, 5), 1, 2, 3, 2, 1, 4, mode="reflect"),
    "Pad value": padded((1, 2, 3, 4), 1, 2, 3, 2, mode="constant", constant_value=0.1),
}
