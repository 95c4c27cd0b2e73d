"""Matrices: triangles, diagonals, determinants and factors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Tuple

import numpy as np
from hypothesis import strategies as st

from .case import HUGE, TINY, Case, Data, Shape, Values, case, normal, scaled, times
from .row import Draw, row


def positive(random: np.random.Generator, shape: Shape) -> np.ndarray:
    """Symmetric, with eigenvalues that are far from 0 and from each other."""
    half = random.standard_normal(shape)
    return (half + np.swapaxes(half, -1, -2)) / 8 + np.diag(1.0 + np.arange(shape[-1]))


def lopsided(random: np.random.Generator, shape: Shape) -> np.ndarray:
    """The lower triangle of such a matrix; the upper one is something else."""
    values = positive(random, shape)
    return np.tril(values) + np.triu(np.full(shape, 7.0), 1)


def regular(random: np.random.Generator, shape: Shape) -> np.ndarray:
    """Far from singular, as a square matrix and as a triangle."""
    return random.standard_normal(shape) / 4 + np.diag(1.5 + 0.25 * np.arange(shape[-1]))


OFFSET = st.integers(-3, 3)
ALPHA = st.sampled_from((None, 1, -0.7))
NO_ONNX = "ONNX has no operator for it"

#: Of a stack of square matrices: the numbers, and how many axes are fixed, the last ones.
SQUARE: Dict[str, Tuple[Values, int]] = {
    "_linalg_sumlogdiag": (positive, 0),
    "_linalg_extractdiag": (normal, 0),
    "_linalg_extracttrian": (normal, 2),
    "_linalg_det": (regular, 0),
    "_linalg_slogdet": (regular, 0),
    "_linalg_potrf": (positive, 0),
    "_linalg_potri": (regular, 0),
    "_linalg_inverse": (regular, 0),
    "_linalg_syevd": (positive, 0),
}
FACTORS = ("_linalg_potrf", "_linalg_potri", "_linalg_inverse", "_linalg_syevd")


def square(op: str, *shape: int, **attrs: Any) -> Case:
    values, fixed = SQUARE[op]
    return case(Data(shape, values, fixed=range(len(shape))[len(shape) - fixed :]), **attrs)


@row(*FACTORS, no_onnx=NO_ONNX)
@row(*(op for op in SQUARE if op not in FACTORS))
def draw_square(draw: Draw) -> Case:
    outer, (size,) = draw.shape((0, 2), high=3), draw.shape(1, low=2, high=5)
    attrs = draw.attrs(offset=st.integers(1 - size, size - 1))
    made = square(draw.op, *outer, size, size, free=draw.flag(), **attrs)
    (data,), scale = made.inputs, draw.choice(1, TINY, HUGE)
    return replace(made, inputs=(replace(data, values=times(scale, data.values)),))


def with_triangle(outer: Shape, size: int, other: int, **attrs: Any) -> Case:
    b = (*outer, other, size) if attrs.get("rightside") else (*outer, size, other)
    return case(Data((*outer, size, size), regular, fixed=()), Data(b, fixed=()), **attrs)


@row("_linalg_trmm")
@row("_linalg_trsm", no_onnx=NO_ONNX)
def draw_with_triangle(draw: Draw) -> Case:
    outer, (size, other) = draw.shape((0, 2), high=3), draw.shape(2, high=5)
    return with_triangle(outer, size, other, **draw.attrs(alpha=ALPHA), free=draw.flag())


def stack(draw: Draw, shape: Shape, *fixed: int, **narrowed: Any) -> Case:
    return case(Data(shape, fixed=fixed), **draw.attrs(**narrowed), free=draw.flag())


@row("_linalg_syrk")
def syrk(draw: Draw) -> Case:
    return stack(draw, draw.shape((2, 4), high=4), 1, alpha=ALPHA)


@row("_linalg_makediag")
def makediag(draw: Draw) -> Case:
    return stack(draw, draw.shape((1, 3), high=4), offset=OFFSET)


@row("_linalg_maketrian")
def maketrian(draw: Draw) -> Case:
    outer, size = draw.shape((0, 2), high=3), draw.number(1, 4)
    return stack(draw, (*outer, size * (size + 1) // 2), len(outer), offset=OFFSET)


@row("_linalg_gelqf", no_onnx=NO_ONNX)
def gelqf(draw: Draw) -> Case:
    rows, more = draw.shape(2, high=4)
    outer = draw.shape((0, 2), high=3)
    values = draw.choice(scaled(1), scaled(1e-6), scaled(1e4))
    return case(Data((*outer, rows, rows + more - 1), values), free=draw.flag())


def triangle(*shape: int, **attrs: Any) -> Case:
    return case(Data(shape, fixed=(len(shape) - 1,)), **attrs)


ABOVE = {"offset": 2, "lower": True}
UPPER = {"lower": False, "rightside": True, "alpha": 0.1}
STACKS = {"one": (3, 3), "a stack": (2, 4, 4), "a stack of stacks": (2, 3, 4, 4)}
EXAMPLES = {
    **{f"{op} {name}": square(op, *shape) for op in SQUARE for name, shape in STACKS.items()},
    "_linalg_extractdiag offset": square("_linalg_extractdiag", 2, 4, 4, offset=-1),
    "_linalg_extractdiag right": square("_linalg_extractdiag", 2, 4, 4, offset=2),
    "_linalg_extracttrian offset": square("_linalg_extracttrian", 2, 4, 4, offset=-1),
    "_linalg_extracttrian above": square("_linalg_extracttrian", 2, 4, 4, offset=1),
    "_linalg_extracttrian upper": square("_linalg_extracttrian", 2, 4, 4, lower=False),
    "_linalg_extracttrian lower_above": square("_linalg_extracttrian", 2, 4, 4, **ABOVE),
    "_linalg_potrf upper": square("_linalg_potrf", 2, 4, 4, lower=False),
    "_linalg_potri upper": square("_linalg_potri", 2, 4, 4, lower=False),
    # The upper triangle must make no difference.
    "_linalg_potrf,_linalg_syevd of the lower triangle": case(Data((2, 3, 3), lopsided)),
    "_linalg_trmm,_linalg_trsm defaults": with_triangle((), 3, 4),
    "_linalg_trmm,_linalg_trsm upper from the right": with_triangle((2,), 3, 4, **UPPER),
    "_linalg_trmm,_linalg_trsm transposed": with_triangle((2,), 3, 4, transpose=True),
    "_linalg_syrk defaults": case((3, 4)),
    "_linalg_syrk transposed": case((2, 3, 4), transpose=True, alpha=0.1),
    "_linalg_makediag one": case((4,)),
    "_linalg_makediag above": case((2, 3), offset=2),
    "_linalg_makediag below": case((2, 3), offset=-1),
    "_linalg_maketrian one": triangle(6),
    "_linalg_maketrian upper": triangle(2, 6, lower=False),
    "_linalg_maketrian above": triangle(2, 3, offset=1),
    "_linalg_maketrian below": triangle(2, 3, offset=-2),
    "_linalg_gelqf one": case((3, 5)),
    "_linalg_gelqf square": case((2, 3, 3)),
}
