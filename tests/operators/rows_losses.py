"""Layers that end a network in training."""

from __future__ import annotations

from typing import Any

from .case import Case, Data, DrawFn, Label, Row, shapes, whole


def output(op: str, least: int = 1, **ignored: Any) -> Row:
    """A layer whose label only training reads."""

    def draw(draw: DrawFn) -> Case:
        return Case(op, (Data(shapes(draw, (least, 4))), Label("label")), ignored)

    return Row(op, draw)


def draw_cross_entropy(draw: DrawFn) -> Case:
    rows, classes = shapes(draw, 2)
    return cross_entropy(rows, classes)


def cross_entropy(rows: int, classes: int) -> Case:
    inputs = (Data((rows, classes)), Data((rows,), whole(0, classes)))
    return Case("softmax_cross_entropy", inputs)


ROWS = [
    output("LinearRegressionOutput", grad_scale=2),
    output("MAERegressionOutput", grad_scale=2),
    output("LogisticRegressionOutput", grad_scale=2),
    output("SVMOutput", least=2, margin=2, regularization_coefficient=0.5, use_linear=True),
    Row("softmax_cross_entropy", draw_cross_entropy, {"": cross_entropy(7, 5)}),
]
