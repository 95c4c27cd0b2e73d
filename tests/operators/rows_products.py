"""Products of matrices, and with a matrix of weights; attention with several heads."""

from __future__ import annotations

from math import prod
from typing import Any

from .case import Case, Data, Shape, Stored, case
from .row import Draw, row


def turned(shape: Shape, turn: Any, axis: int) -> Shape:
    """Rows and columns exchanged."""
    if not turn:
        return shape
    sizes = list(shape)
    sizes[axis], sizes[-1] = sizes[-1], sizes[axis]
    return tuple(sizes)


@row("dot")
def dot(draw: Draw) -> Case:
    a, b = draw.shape((0, 3)), draw.shape((0, 2))
    k = draw.number(1, 6)
    vectors = not a and not b
    attrs = {} if vectors else draw.attrs()
    lhs = (k, *a) if attrs.get("transpose_a") else (*a, k)
    rhs = (*b, k) if attrs.get("transpose_b") else (k, *b)
    return case(lhs, rhs, free=draw.flag(), **attrs)


@row("_linalg_gemm", "_linalg_gemm2", axis="where the rows are depends on the shape")
@row("batch_dot")
def stacks(draw: Draw) -> Case:
    """Products of stacks of matrices, whose rows may be along another axis but in batch_dot."""
    batch = draw.op == "batch_dot"
    outer, (m, k, n) = draw.shape((int(batch), 2)), draw.shape(3)
    rank = len(outer) + 2
    rows = () if batch else (*range(rank - 1), *range(-rank, -1))
    axis = draw.choice(None, *rows)
    attrs = draw.attrs(axis=axis)
    at = (-2 if axis is None else axis) % rank

    def placed(rows: int, columns: int) -> Shape:
        return (*outer[:at], rows, *outer[at:], columns)

    inputs = [turned(placed(m, k), attrs.get("transpose_a"), at)]
    inputs.append(turned(placed(k, n), attrs.get("transpose_b"), at))
    if draw.op == "_linalg_gemm":
        inputs.append(placed(m, n))
    return case(*inputs, free=draw.flag(), **attrs)


def dense(shape: Shape, weights: type = Stored, **attrs: Any) -> Case:
    attrs = {"num_hidden": 5, "no_bias": False, "flatten": True, **attrs}
    hidden, features = attrs["num_hidden"], prod(shape[1:]) if attrs["flatten"] else shape[-1]
    biases = [] if attrs["no_bias"] else [weights((hidden,))]
    data = Data(shape, fixed=range(1, len(shape)))
    return case(data, weights((hidden, features)), *biases, **attrs)


@row("FullyConnected")
def fully_connected(draw: Draw) -> Case:
    attrs = draw.attrs(num_hidden=draw.number(1, 6))
    return dense(draw.shape((1, 4)), weights=draw.choice(Stored, Data), **attrs)


@row("khatri_rao")
def khatri_rao(draw: Draw) -> Case:
    columns, count = draw.number(1, 4), draw.number(1, 4)
    inputs = ((draw.number(1, 4), columns) for _ in range(count))
    return case(*inputs, num_args=count)


def packed(time: int, batch: int, features: int) -> Data:
    """The features follow from the heads, and are fixed."""
    return Data((time, batch, features), fixed=(2,))


def weights(batches: int, rows: int, columns: int) -> Data:
    return Data((batches, rows, columns), fixed=())


#: (steps, steps of the other sequence, batch, heads, size of a head) -> inputs.
ATTENTION = {
    "selfatt_qk": lambda s, t, n, h, d: (packed(t, n, 3 * h * d),),
    "selfatt_valatt": lambda s, t, n, h, d: (packed(t, n, 3 * h * d), weights(n * h, t, t)),
    "encdec_qk": lambda s, t, n, h, d: (packed(s, n, h * d), packed(t, n, 2 * h * d)),
    "encdec_valatt": lambda s, t, n, h, d: (packed(t, n, 2 * h * d), weights(n * h, s, t)),
}
MATMUL = "_contrib_interleaved_matmul_"


@row(*(MATMUL + kind for kind in ATTENTION))
def attention(draw: Draw) -> Case:
    sizes = [draw.number(1, 4) for _ in range(5)]
    inputs = ATTENTION[draw.op.replace(MATMUL, "")](*sizes)
    return case(*inputs, heads=sizes[3], free=draw.flag())


BOTH = {"transpose_a": True, "transpose_b": True}
FIRST, SECOND = {"transpose_a": True}, {"transpose_b": True}

EXAMPLES = {
    "dot vectors": case((5,), (5,)),
    "dot matrices": case((3, 4), (4, 5)),
    "dot first transposed": case((4, 3), (4, 5), **FIRST),
    "dot second transposed": case((3, 4), (5, 4), **SECOND),
    "dot both transposed": case((4, 3), (5, 4), **BOTH),
    "dot vector and matrix": case((4,), (4, 5)),
    "dot matrix and vector": case((3, 4), (4,)),
    "dot many axes": case((2, 3, 4), (4, 5, 6)),
    "dot many axes transposed": case((4, 2, 3), (5, 6, 4), **BOTH),
    "dot vector and many": case((4,), (4, 2, 3), **FIRST),
    "dot one": case((1, 1), (1, 1)),
    "batch_dot plain": case((2, 3, 4), (2, 4, 5)),
    "batch_dot first": case((2, 4, 3), (2, 4, 5), **FIRST),
    "batch_dot second": case((2, 3, 4), (2, 5, 4), **SECOND),
    "batch_dot both": case((2, 4, 3), (2, 5, 4), **BOTH),
    "batch_dot four axes": case((2, 3, 4, 5), (2, 3, 5, 6)),
    "_linalg_gemm2 plain": case((3, 4), (4, 5)),
    "_linalg_gemm2 scaled": case((2, 3, 4), (2, 5, 4), alpha=0.1, **SECOND),
    "_linalg_gemm2 rows first": case((3, 2, 4), (4, 2, 5), axis=0),
    "_linalg_gemm2 heads": case((2, 3, 4, 5), (2, 6, 4, 5), axis=1, alpha=0.3, **SECOND),
    "_linalg_gemm plain": case((3, 4), (4, 5), (3, 5)),
    "_linalg_gemm scaled": case((2, 4, 3), (2, 4, 5), (2, 3, 5), alpha=2, beta=0.1, **FIRST),
    "_linalg_gemm rows first": case((3, 2, 4), (4, 2, 5), (3, 2, 5), axis=-3),
    "FullyConnected image": dense((2, 4, 9, 8)),
    "FullyConnected matrix without bias": dense((3, 7), no_bias=True),
    "FullyConnected each row": dense((2, 3, 7), flatten=False),
    "FullyConnected each row without bias": dense((2, 3, 7), no_bias=True, flatten=False),
    "FullyConnected vector": dense((7,)),
    "FullyConnected vector as a row": dense((7,), flatten=False),
    "FullyConnected computed": dense((3, 7), weights=Data),
    "FullyConnected computed, each row": dense((2, 3, 7), flatten=False, weights=Data),
    **{
        f"{MATMUL}{kind} {name}": case(*inputs(*sizes), heads=sizes[3])
        for kind, inputs in ATTENTION.items()
        for name, sizes in (("heads", (5, 4, 2, 3, 6)), ("one head", (2, 3, 1, 1, 5)))
    },
}
