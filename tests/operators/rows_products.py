"""Products of matrices, and with a matrix of weights."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any, Mapping

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Shape, Stored, attributes, shapes


def case(op: str, *shapes: Shape, **attrs: Any) -> Case:
    return Case(op, tuple(map(Data, shapes)), attrs)


def turned(shape: Shape, turn: Any, axis: int) -> Shape:
    """Rows and columns exchanged."""
    if not turn:
        return shape
    sizes = list(shape)
    sizes[axis], sizes[-1] = sizes[-1], sizes[axis]
    return tuple(sizes)


def draw_dot(draw: DrawFn) -> Case:
    a, b = shapes(draw, (0, 3)), shapes(draw, (0, 2))
    k = draw(st.integers(1, 6))
    vectors = not a and not b
    attrs = {} if vectors else attributes(draw, "dot")
    lhs = (k, *a) if attrs.get("transpose_a") else (*a, k)
    rhs = (*b, k) if attrs.get("transpose_b") else (k, *b)
    return Case("dot", (Data(lhs), Data(rhs)), attrs, draw(st.booleans()))


def stacks(op: str, examples: Mapping[str, Case]) -> Row:
    """Products of stacks of matrices, whose rows may be along another axis but in batch_dot."""
    batch = op == "batch_dot"

    def draw(draw: DrawFn) -> Case:
        outer, (m, k, n) = shapes(draw, (int(batch), 2)), shapes(draw, 3)
        rank = len(outer) + 2
        rows = () if batch else (*range(rank - 1), *range(-rank, -1))
        axis = draw(st.sampled_from((None, *rows)))
        attrs = attributes(draw, op, axis=axis)
        row = (-2 if axis is None else axis) % rank

        def placed(rows: int, columns: int) -> Shape:
            return (*outer[:row], rows, *outer[row:], columns)

        inputs = [turned(placed(m, k), attrs.get("transpose_a"), row)]
        inputs.append(turned(placed(k, n), attrs.get("transpose_b"), row))
        if op == "_linalg_gemm":
            inputs.append(placed(m, n))
        return Case(op, tuple(map(Data, inputs)), attrs, draw(st.booleans()))

    narrowed = {} if batch else {"axis": "where the rows are depends on the shape"}
    return Row(op, draw, examples, narrowed)


def dense(
    shape: Shape,
    num_hidden: int = 5,
    no_bias: bool = False,
    flatten: bool = True,
    weights: type = Stored,
) -> Case:
    features = prod(shape[1:]) if flatten else shape[-1]
    biases = [] if no_bias else [weights((num_hidden,))]
    data = Data(shape, fixed=range(1, len(shape)))
    attrs = {"num_hidden": num_hidden, "no_bias": no_bias, "flatten": flatten}
    return Case("FullyConnected", (data, weights((num_hidden, features)), *biases), attrs)


def draw_dense(draw: DrawFn) -> Case:
    attrs = attributes(draw, "FullyConnected", num_hidden=st.integers(1, 6))
    return dense(shapes(draw, (1, 4)), weights=draw(st.sampled_from([Stored, Data])), **attrs)


dot, batch_dot = partial(case, "dot"), partial(case, "batch_dot")
gemm, gemm2 = partial(case, "_linalg_gemm"), partial(case, "_linalg_gemm2")
BOTH = {"transpose_a": True, "transpose_b": True}

ROWS = [
    Row(
        "dot",
        draw_dot,
        {
            "vectors": dot((5,), (5,)),
            "matrices": dot((3, 4), (4, 5)),
            "both transposed": dot((4, 3), (5, 4), **BOTH),
            "vector and matrix": dot((4,), (4, 5)),
            "matrix and vector": dot((3, 4), (4,)),
            "many axes": dot((2, 3, 4), (4, 5, 6)),
            "many axes transposed": dot((4, 2, 3), (5, 6, 4), **BOTH),
            "vector and many": dot((4,), (4, 2, 3), transpose_a=True),
            "one": dot((1, 1), (1, 1)),
        },
    ),
    stacks(
        "batch_dot",
        {
            "plain": batch_dot((2, 3, 4), (2, 4, 5)),
            "first": batch_dot((2, 4, 3), (2, 4, 5), transpose_a=True),
            "second": batch_dot((2, 3, 4), (2, 5, 4), transpose_b=True),
            "both": batch_dot((2, 4, 3), (2, 5, 4), **BOTH),
            "four axes": batch_dot((2, 3, 4, 5), (2, 3, 5, 6)),
        },
    ),
    stacks(
        "_linalg_gemm2",
        {
            "plain": gemm2((3, 4), (4, 5)),
            "scaled": gemm2((2, 3, 4), (2, 5, 4), transpose_b=True, alpha=0.1),
            "rows first": gemm2((3, 2, 4), (4, 2, 5), axis=0),
            "heads": gemm2((2, 3, 4, 5), (2, 6, 4, 5), axis=1, transpose_b=True, alpha=0.3),
        },
    ),
    stacks(
        "_linalg_gemm",
        {
            "plain": gemm((3, 4), (4, 5), (3, 5)),
            "scaled": gemm((2, 4, 3), (2, 4, 5), (2, 3, 5), transpose_a=True, alpha=2, beta=0.1),
            "rows first": gemm((3, 2, 4), (4, 2, 5), (3, 2, 5), axis=-3),
        },
    ),
    Row(
        "FullyConnected",
        draw_dense,
        {
            "image": dense((2, 4, 9, 8)),
            "matrix without bias": dense((3, 7), no_bias=True),
            "each row": dense((2, 3, 7), flatten=False),
            "each row without bias": dense((2, 3, 7), no_bias=True, flatten=False),
            "vector": dense((7,)),
            "vector as a row": dense((7,), flatten=False),
            "computed": dense((3, 7), weights=Data),
            "computed, each row": dense((2, 3, 7), flatten=False, weights=Data),
        },
    ),
]
