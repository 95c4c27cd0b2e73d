"""Boxes: how they are encoded, how much they share, and which belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Tuple

import numpy as np

from ..errors import ShapeError
from ..python_text import literal
from ..shape import Dims, Shape, merge, same, show
from .attributes import Single
from .detection import Called, Format
from .onnx_math import Formula, count, formula, join, result
from .registry import OnnxBuilder, Operator, TorchBuilder, operator


def _of_boxes(name: str, shape: Dims, rank: int = 0) -> Dims:
    """The shape of boxes (..., 4), with `rank` dimensions or at least 2.

    Raises:
        ShapeError: it is none.
    """
    wrong = len(shape) != rank if rank else len(shape) < 2
    if wrong or not same(shape[-1], 4):
        dimensions = f"{rank} dimensions" if rank else "2 dimensions or more"
        raise ShapeError(f"takes {name} of {dimensions}, the last one 4; got {show(shape)}")
    return shape


@operator("_contrib_box_decode")
class BoxDecode(Called):
    """(B, N, 4), (1, N, 4) -> (B, N, 4): corners of the boxes that lie so far from the anchors.

    Source: src/operator/contrib/bounding_box-inl.h, box_decode.
    """

    std0: Single = Single(1.0)
    std1: Single = Single(1.0)
    std2: Single = Single(1.0)
    std3: Single = Single(1.0)
    clip: Single = Single(-1.0)  # of the logarithm of a side; none if it is not above 0
    format: Format = "center"  # of the anchors

    function = "box_decode"

    def infer(self, data: Dims, anchors: Dims) -> Shape:
        batch, number, _ = _of_boxes("data", data, 3)
        first, others, _ = _of_boxes("anchors", anchors, 3)
        if not same(first, 1) or not same(number, others):
            raise ShapeError(f"takes anchors of shape 1x{number}x4, got {show(anchors)}")
        return (batch, merge(number, others), 4)

    def to_onnx(self, g: OnnxBuilder, data: Any, anchors: Any) -> Any:
        x, boxes = formula(g, data), formula(g, anchors)
        center, size = boxes.slice(2, 0, 2), boxes.slice(2, 2, 4)
        if self.format == "corner":
            size = size - center
            center = center + size * 0.5
        moved = x.slice(2, 0, 2) * x.array((self.std0, self.std1)) * size + center
        grown = x.slice(2, 2, 4) * x.array((self.std2, self.std3))
        grown = grown.minimum(self.clip) if self.clip > 0 else grown
        half = grown.op("Exp") * size * 0.5
        return result(join([moved - half, moved + half], 2))


def _area(boxes: Formula, center: bool) -> Formula:
    """(..., 4) -> (...)"""
    first, second = boxes.slice(-1, 0, 2), boxes.slice(-1, 2, 4)
    sides = (second if center else second - first).maximum(0)
    return sides.column(0) * sides.column(1)


def _ends(boxes: Formula, center: bool) -> Tuple[Formula, Formula]:
    """(..., 4) -> (..., 2), (..., 2): the first corner and the second."""
    first, second = boxes.slice(-1, 0, 2), boxes.slice(-1, 2, 4)
    return (first - second / 2, first + second / 2) if center else (first, second)


@operator("_contrib_box_iou")
class BoxIou(Called):
    """(*L, 4), (*R, 4) -> (*L, *R): what two boxes share, as a part of their union.

    Source: src/operator/contrib/bounding_box-inl.h, compute_overlap.
    """

    format: Format = "corner"

    function = "box_iou"

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        return (*_of_boxes("lhs", lhs)[:-1], *_of_boxes("rhs", rhs)[:-1])

    def to_onnx(self, g: OnnxBuilder, lhs: Any, rhs: Any) -> Any:
        center = self.format == "center"
        left, right = formula(g, lhs), formula(g, rhs)
        a, b = left.reshape(-1, 1, 4), right.reshape(1, -1, 4)
        (a_first, a_last), (b_first, b_last) = _ends(a, center), _ends(b, center)
        sides = (a_last.minimum(b_last) - a_first.maximum(b_first)).maximum(0)
        shared = sides.column(0) * sides.column(1)
        part = shared / (_area(a, center) + _area(b, center) - shared)
        shape = join([left.shape().slice(0, 0, -1), right.shape().slice(0, 0, -1)], 0)
        return result((shared > 0).where(part, 0).op("Reshape", shape))


@operator("_contrib_box_encode")
class BoxEncode(Called):
    """samples (B, N), matches (B, N), anchors (B, N, 4), refs (B, M, 4), means (4), stds (4) ->
    (B, N, 4), (B, N, 4): how far each anchor's reference lies from it, and whether it counts.

    Source: src/operator/contrib/bounding_box-inl.h, box_encode.
    """

    function = "box_encode"
    outputs = 2

    def infer(
        self, samples: Dims, matches: Dims, anchors: Dims, refs: Dims, means: Dims, stds: Dims
    ) -> List[Shape]:
        shape = _of_boxes("anchors", anchors, 3)
        _of_boxes("refs", refs, 3)
        return [shape, shape]

    def to_onnx(self, g: OnnxBuilder, samples: Any, matches: Any, *more: Any) -> List[Any]:
        anchors, refs, means, stds = more
        valid = (formula(g, samples) > 0.5).unsqueeze(2)
        # Of an anchor that does not count, no reference is read.
        places = formula(g, matches).whole().maximum(0).unsqueeze(2)
        anchor, given = formula(g, anchors), formula(g, refs)
        reference = given.op("GatherElements", places.expand(1, 1, 4), axis=1)
        (center, size), (own, own_size) = _centers(reference), _centers(anchor)
        offsets = join([(center - own) / own_size, (size / own_size).op("Log")], 2)
        targets = valid.where((offsets - formula(g, means)) / formula(g, stds), 0)
        masks = valid.real().op("Expand", anchor.shape())
        return [result(targets, 0), result(replace(masks, like=anchor.like), 1)]


def _centers(boxes: Formula) -> Tuple[Formula, Formula]:
    """Corners (..., 4) -> centers and sides (..., 2)."""
    first, size = boxes.slice(2, 0, 2), boxes.slice(2, 2, 4) - boxes.slice(2, 0, 2)
    return first + size * 0.5, size


@operator("_contrib_bipartite_matching")
class BipartiteMatching(Operator):
    """(..., R, C) -> (..., R), (..., C): the column of each row and the row of each column, -1
    for none; the best pair first, then the best of what is left.

    With `topk`, MXNet finds one pair more than that.
    Source: src/operator/contrib/bounding_box-inl.h, bipartite_matching.
    """

    threshold: Single
    is_ascend: bool = False
    topk: int = -1

    order_dependent = True
    outputs = 2

    def infer(self, data: Dims) -> List[Shape]:
        if len(data) < 2:
            raise ShapeError(f"takes (..., rows, columns), got {show(data)}")
        return [data[:-1], (*data[:-2], data[-1])]

    def to_onnx(self, g: OnnxBuilder, data: Any) -> List[Any]:
        given = formula(g, data)
        rows, columns = given.size(-2), given.size(-1)
        scores = given.reshape(-1, rows * columns)
        scores = scores.op("Neg") if self.is_ascend else scores
        threshold = -self.threshold if self.is_ascend else self.threshold
        lowest = -float("inf")
        places = count(given, rows * columns)
        nowhere = scores.whole().slice(1, 0, 1) * 0 - 1  # (B, 1)

        def body(_: Any, *states: Any) -> List[Any]:
            left = replace(scores, value=states[0])
            row_of, column_of = (replace(nowhere, value=state) for state in states[1:])
            best = left.reduced("ReduceMax", 1, keep=True)
            place = left.op("ArgMax", axis=1, keepdims=1).retyped("int64")
            row, good = place / columns, best > threshold
            column = place - row * columns
            column_of = (count(place, rows).equals(row) & good).where(column, column_of)
            row_of = (count(place, columns).equals(column) & good).where(row, row_of)
            taken = (places / columns).equals(row) | (places - places / columns * columns).equals(
                column
            )
            left = taken.where(left.number(lowest), left)
            return [left.value, row_of.value, column_of.value, good.any().value]

        trips = g.constant(np.array(self.topk + 1, np.int64)) if self.topk > 0 else None
        begin = [scores, nowhere.expand(1, columns), nowhere.expand(1, rows)]
        always = g.constant(np.array(True))
        states = (state.value for state in begin)
        _, row_of, column_of = g.loop(body, *states, trips=trips, condition=always)
        shape = given.shape()
        found = [
            (column_of, shape.slice(0, 0, -1)),
            (row_of, join([shape.slice(0, 0, -2), columns], 0)),
        ]
        reals = [
            replace(nowhere, value=v, like=given.like).op("Reshape", s).real() for v, s in found
        ]
        return [result(value, number) for number, value in enumerate(reals)]

    def to_pytorch(self, m: TorchBuilder, data: str) -> str:
        more = f", is_ascend={self.is_ascend}, topk={self.topk}"
        return f"{m.function('bipartite_matching')}({data}, {literal(self.threshold)}{more})"
