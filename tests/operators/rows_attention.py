"""Attention with several heads."""

from __future__ import annotations

from typing import Callable, Tuple

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row

#: (steps, steps of the other sequence, batch, heads, size of a head) -> inputs.
Inputs = Callable[[int, int, int, int, int], Tuple[Data, ...]]
FEATURES = (2,)  # follow from the heads, and are fixed


def packed(time: int, batch: int, features: int) -> Data:
    return Data((time, batch, features), fixed=FEATURES)


def weights(batches: int, rows: int, columns: int) -> Data:
    return Data((batches, rows, columns), fixed=())


KINDS = {
    "selfatt_qk": lambda s, t, n, h, d: (packed(t, n, 3 * h * d),),
    "selfatt_valatt": lambda s, t, n, h, d: (packed(t, n, 3 * h * d), weights(n * h, t, t)),
    "encdec_qk": lambda s, t, n, h, d: (packed(s, n, h * d), packed(t, n, 2 * h * d)),
    "encdec_valatt": lambda s, t, n, h, d: (packed(t, n, 2 * h * d), weights(n * h, s, t)),
}


def row(kind: str, inputs: Inputs) -> Row:
    op = f"_contrib_interleaved_matmul_{kind}"

    def draw(draw: DrawFn) -> Case:
        sizes = [draw(st.integers(1, 4)) for _ in range(5)]
        return Case(op, inputs(*sizes), {"heads": sizes[3]}, draw(st.booleans()))

    examples = {
        "heads": Case(op, inputs(5, 4, 2, 3, 6), {"heads": 3}),
        "one head": Case(op, inputs(2, 3, 1, 1, 5), {"heads": 1}),
    }
    return Row(op, draw, examples)


ROWS = [row(kind, inputs) for kind, inputs in KINDS.items()]
