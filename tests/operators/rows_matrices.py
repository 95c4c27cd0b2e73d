"""Matrices: triangles, diagonals, determinants and factors."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any, Mapping, Tuple

import numpy as np
from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Shape, Values, attributes, normal, shapes
from .rows_products import case


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


FREE, OFFSET = st.booleans(), st.integers(-3, 3)
ALPHA = st.sampled_from((None, 1, -0.7))
ONNX = {"onnx": "ONNX has no operator for it"}


def matrix(
    op: str,
    values: Values = normal,
    impossible: Mapping[str, str] = MappingProxyType({}),
    fixed: Tuple[int, ...] = (),
    **more: Any,
) -> Row:
    """One stack of square matrices; `fixed` counts the axes of one from the right."""

    def given(shape: Shape) -> Data:
        return Data(shape, values, fixed=tuple(len(shape) + axis for axis in fixed))

    def draw(draw: DrawFn) -> Case:
        outer, (size,) = shapes(draw, (0, 2), high=3), shapes(draw, 1, low=2, high=5)
        narrowed = {"offset": st.integers(1 - size, size - 1)} if "offset" in more else {}
        attrs = attributes(draw, op, **narrowed)
        return Case(op, (given((*outer, size, size)),), attrs, draw(st.booleans()))

    stacks = {"one": (3, 3), "a stack": (2, 4, 4), "a stack of stacks": (2, 3, 4, 4)}
    examples = {name: Case(op, (given(shape),)) for name, shape in stacks.items()}
    examples.update({name: Case(op, (given((2, 4, 4)),), attrs) for name, attrs in more.items()})
    return Row(op, draw, examples, {}, impossible)


def unread(row: Row) -> Row:
    """With a case whose upper triangle must make no difference."""
    more = {"of the lower triangle": Case(row.op, (Data((2, 3, 3), lopsided),))}
    return replace(row, examples={**row.examples, **more})


def with_triangle(op: str, **impossible: str) -> Row:
    def given(outer: Shape, size: int, other: int, **attrs: Any) -> Case:
        b = (*outer, other, size) if attrs.get("rightside") else (*outer, size, other)
        return Case(op, (Data((*outer, size, size), regular, fixed=()), Data(b, fixed=())), attrs)

    def draw(draw: DrawFn) -> Case:
        outer, (size, other) = shapes(draw, (0, 2), high=3), shapes(draw, 2, high=5)
        case = given(outer, size, other, **attributes(draw, op, alpha=ALPHA))
        return replace(case, free=draw(FREE))

    examples = {
        "defaults": given((), 3, 4),
        "upper from the right": given((2,), 3, 4, lower=False, rightside=True, alpha=0.1),
        "transposed": given((2,), 3, 4, transpose=True),
    }
    return Row(op, draw, examples, {}, impossible)


def stack(draw: DrawFn, op: str, shape: Shape, *fixed: int, **narrowed: Any) -> Case:
    return Case(op, (Data(shape, fixed=fixed),), attributes(draw, op, **narrowed), draw(FREE))


def triangle(*shape: int, **attrs: Any) -> Case:
    return Case("_linalg_maketrian", (Data(shape, fixed=(len(shape) - 1,)),), attrs)


def draw_maketrian(draw: DrawFn) -> Case:
    outer, size = shapes(draw, (0, 2), high=3), draw(st.integers(1, 4))
    shape = (*outer, size * (size + 1) // 2)
    return stack(draw, "_linalg_maketrian", shape, len(outer), offset=OFFSET)


def draw_gelqf(draw: DrawFn) -> Case:
    rows, more = shapes(draw, 2, high=4)
    outer = shapes(draw, (0, 2), high=3)
    return stack(draw, "_linalg_gelqf", (*outer, rows, rows + more - 1), 1)


ROWS = [
    with_triangle("_linalg_trmm"),
    with_triangle("_linalg_trsm", **ONNX),
    Row(
        "_linalg_syrk",
        lambda d: stack(d, "_linalg_syrk", shapes(d, (2, 4), high=4), 1, alpha=ALPHA),
        {
            "defaults": case("_linalg_syrk", (3, 4)),
            "transposed": case("_linalg_syrk", (2, 3, 4), transpose=True, alpha=0.1),
        },
    ),
    matrix("_linalg_sumlogdiag", positive),
    matrix("_linalg_extractdiag", offset={"offset": -1}, right={"offset": 2}),
    Row(
        "_linalg_makediag",
        lambda d: stack(d, "_linalg_makediag", shapes(d, (1, 3), high=4), offset=OFFSET),
        {
            "one": case("_linalg_makediag", (4,)),
            "above": case("_linalg_makediag", (2, 3), offset=2),
            "below": case("_linalg_makediag", (2, 3), offset=-1),
        },
    ),
    matrix(
        "_linalg_extracttrian",
        fixed=(-2, -1),
        offset={"offset": -1},
        above={"offset": 1},
        upper={"lower": False},
        lower_above={"offset": 2, "lower": True},
    ),
    Row(
        "_linalg_maketrian",
        draw_maketrian,
        {
            "one": triangle(6),
            "upper": triangle(2, 6, lower=False),
            "above": triangle(2, 3, offset=1),
            "below": triangle(2, 3, offset=-2),
        },
    ),
    matrix("_linalg_det", regular),
    matrix("_linalg_slogdet", regular),
    unread(matrix("_linalg_potrf", positive, ONNX, upper={"lower": False})),
    matrix("_linalg_potri", regular, ONNX, upper={"lower": False}),
    matrix("_linalg_inverse", regular, ONNX),
    unread(matrix("_linalg_syevd", positive, ONNX)),
    Row(
        "_linalg_gelqf",
        draw_gelqf,
        {"one": case("_linalg_gelqf", (3, 5)), "square": case("_linalg_gelqf", (2, 3, 3))},
        impossible=ONNX,
    ),
]
