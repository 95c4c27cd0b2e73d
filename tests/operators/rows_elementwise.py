"""Operators that treat every element alike."""

from __future__ import annotations

from .case import Case, Data, DrawFn, Row, attributes, shapes


def unary(op: str) -> Row:
    """One input of any shape."""

    def draw(draw: DrawFn) -> Case:
        return Case(op, (Data(shapes(draw, (1, 4))),), attributes(draw, op))

    return Row(op, draw)


def draw_sum(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    return Case("elemwise_add", (Data(shape), Data(shape)))


def draw_dropout(draw: DrawFn) -> Case:
    attrs = attributes(draw, "Dropout", mode="training", axes=None)
    return Case("Dropout", (Data(shapes(draw, (1, 4))),), attrs)


ROWS = [
    unary("Activation"),
    Row("elemwise_add", draw_sum),
    Row(
        "Dropout",
        draw_dropout,
        narrowed={
            "mode": "always draws random numbers",
            "axes": "only training reads them",
        },
    ),
]
