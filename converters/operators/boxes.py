"""Boxes: how they are encoded, how much they share, and which belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Literal, Sequence, Tuple

import numpy as np

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, same, show
from .attributes import Single
from .emit.computed import Called, takes
from .emit.onnx_math import OnnxExpr, count, join
from .registry import operator

Format = Literal["corner", "center"]


def halves(boxes: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
    """(B, N, 4) -> (B, N, 2), (B, N, 2): the first corner and the second, or centers and sides."""
    return boxes.slice(2, 0, 2), boxes.slice(2, 2, 4)


def decoded(
    moves: OnnxExpr, scales: Sequence[float], center: OnnxExpr, size: OnnxExpr, clip: float = -1
) -> OnnxExpr:
    """(B, N, 4) -> same: corners of the boxes that lie so far from anchors.

    Args:
        scales: of the moves: two of the center and two of the logarithm of the sides.
        center, size: (1, N, 2), of the anchors.
        clip: the most that the logarithm of a side may grow; any, if it is not above 0.
    """
    moved, grown = halves(moves)
    moved = moved * moves.array(scales[:2]) * size + center
    grown = grown * moves.array(scales[2:])
    grown = grown.minimum(clip) if clip > 0 else grown
    half = grown.op("Exp") * size * 0.5
    return join([moved - half, moved + half], 2)


def _centered(boxes: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
    """Corners -> centers and sides."""
    first, last = halves(boxes)
    size = last - first
    return first + size * 0.5, size


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
        batch, number, _ = takes("data", data, (None, None, 4))
        return (batch, *takes("anchors", anchors, (1, number, 4))[1:])

    def formula(self, data: OnnxExpr, anchors: OnnxExpr) -> OnnxExpr:
        anchor = _centered(anchors) if self.format == "corner" else halves(anchors)
        return decoded(data, (self.std0, self.std1, self.std2, self.std3), *anchor, self.clip)


@operator("_contrib_box_iou")
class BoxIou(Called):
    """(*L, 4), (*R, 4) -> (*L, *R): what two boxes share, as a part of their union.

    Source: src/operator/contrib/bounding_box-inl.h, compute_overlap.
    """

    format: Format = "corner"

    function = "box_iou"

    def infer(self, lhs: Dims, rhs: Dims) -> Shape:
        for name, shape in (("lhs", lhs), ("rhs", rhs)):
            if len(shape) < 2 or not same(shape[-1], 4):
                raise ShapeError(f"takes {name} of shape (..., 4), got {show(shape)}")
        return (*lhs[:-1], *rhs[:-1])

    def formula(self, lhs: OnnxExpr, rhs: OnnxExpr) -> OnnxExpr:
        a_first, a_last, a_area = self._parts(lhs.reshape(-1, 1, 4))
        b_first, b_last, b_area = self._parts(rhs.reshape(1, -1, 4))
        shared = _area(a_last.minimum(b_last) - a_first.maximum(b_first))
        part = shared / (a_area + b_area - shared)
        shape = join([lhs.shape().slice(0, 0, -1), rhs.shape().slice(0, 0, -1)], 0)
        return (shared > 0).where(part, 0).op("Reshape", shape)

    def _parts(self, boxes: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr, OnnxExpr]:
        """The first corners, the second ones, and the areas."""
        first, second = halves(boxes)
        if self.format == "corner":
            return first, second, _area(second - first)
        return first - second / 2, first + second / 2, _area(second)


def _area(sides: OnnxExpr) -> OnnxExpr:
    """(..., 2) -> (...); none of boxes whose ends are exchanged."""
    sides = sides.maximum(0)
    return sides.column(0) * sides.column(1)


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
        takes("anchors", anchors, (None, None, 4))
        takes("refs", refs, (None, None, 4))
        return [anchors, anchors]

    def formula(self, samples: OnnxExpr, matches: OnnxExpr, *more: OnnxExpr) -> List[OnnxExpr]:
        anchors, refs, means, stds = more
        valid = (samples > 0.5).unsqueeze(2)
        # Of an anchor that does not count, no reference is read.
        places = matches.whole().maximum(0).unsqueeze(2)
        reference = refs.op("GatherElements", places.expand(1, 1, 4), axis=1)
        (center, size), (own, own_size) = _centered(reference), _centered(anchors)
        offsets = join([(center - own) / own_size, (size / own_size).op("Log")], 2)
        targets = valid.where((offsets - means) / stds, 0)
        return [targets, valid.real().op("Expand", anchors.shape())]


@operator("_contrib_bipartite_matching")
class BipartiteMatching(Called):
    """(..., R, C) -> (..., R), (..., C): the column of each row and the row of each column, -1
    for none; the best pair first, then the best of what is left.

    With `topk`, MXNet finds one pair more than that.
    Source: src/operator/contrib/bounding_box-inl.h, bipartite_matching.
    """

    threshold: Single
    is_ascend: bool = False
    topk: int = -1

    function = "bipartite_matching"
    order_dependent = True
    outputs = 2

    def infer(self, data: Dims) -> List[Shape]:
        if len(data) < 2:
            raise ShapeError(f"takes (..., rows, columns), got {show(data)}")
        return [data[:-1], (*data[:-2], data[-1])]

    def formula(self, data: OnnxExpr) -> List[OnnxExpr]:
        g, rows, columns = data.g, data.size(-2), data.size(-1)
        scores = data.reshape(-1, rows * columns)
        scores = scores.op("Neg") if self.is_ascend else scores
        threshold = -self.threshold if self.is_ascend else self.threshold
        places = count(data, rows * columns)
        nowhere = scores.whole().slice(1, 0, 1) * 0 - 1  # (B, 1)

        def body(_: Any, *states: Any) -> List[Any]:
            left = replace(scores, value=states[0])
            row_of, column_of = (replace(nowhere, value=state) for state in states[1:])
            best = left.reduced("ReduceMax", 1, keep=True)
            place = left.op("ArgMax", kind="int64", axis=1, keepdims=1)
            row, good = place / columns, best > threshold
            column = place - row * columns
            column_of = (count(place, rows).equals(row) & good).where(column, column_of)
            row_of = (count(place, columns).equals(column) & good).where(row, row_of)
            taken = (places / columns).equals(row) | (places - places / columns * columns).equals(
                column
            )
            left = taken.where(left.array(-float("inf")), left)
            return [left.value, row_of.value, column_of.value, good.any().value]

        trips = g.constant(np.array(self.topk + 1, np.int64)) if self.topk > 0 else None
        begin = (scores, nowhere.expand(1, columns), nowhere.expand(1, rows))
        always, states = g.constant(np.array(True)), (state.value for state in begin)
        _, row_of, column_of = g.loop(body, *states, trips=trips, condition=always)
        shape = data.shape()
        of_rows, of_columns = shape.slice(0, 0, -1), join([shape.slice(0, 0, -2), columns], 0)
        found = ((column_of, of_rows), (row_of, of_columns))
        return [replace(nowhere, value=v).op("Reshape", s).real() for v, s in found]
