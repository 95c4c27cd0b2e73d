"""Choosing boxes by their scores."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..shape import Dims, show
from .attributes import Single
from .boxes import Format
from .computed import Computed
from .onnx_math import Formula, join, stack
from .registry import OnnxBuilder, SameShape, TorchBuilder, Unsupported, operator
from .suppression import Candidates, Sides, best, kept_rows, rows, sides_of


@operator("_contrib_box_nms")
class BoxNms(Computed, SameShape):
    """(..., N, W) -> same: boxes without those that a better one overlaps, the best first; the
    rest of the rows is -1.  Source: src/operator/contrib/bounding_box-inl.h.

    Boxes of class `background_id` (by default -1, where classes are given) are no candidates.
    With another `out_format`, boxes whose first coordinate is negative stay as they are.
    """

    overlap_thresh: Single = Single(0.5)
    valid_thresh: Single = Single(0)
    topk: int = -1  # 0: everything stays
    coord_start: int = 2
    score_index: int = 1
    id_index: int = -1
    background_id: int = -1
    force_suppress: bool = False
    in_format: Format = "corner"
    out_format: Format = "corner"

    function = "box_nms"
    hidden_outputs = 1
    order_dependent = True

    def infer(self, data: Dims) -> Dims:
        if len(data) < 2:
            raise ShapeError(f"takes (..., boxes, numbers of a box), got {show(data)}")
        columns = (self.score_index, *((self.id_index,) if self.id_index >= 0 else ()))
        inside = range(self.coord_start, self.coord_start + 4)
        distinct = {*columns, *inside}
        if min(distinct) < 0 or len(distinct) < len(columns) + 4:
            raise Unsupported(
                f"score_index={self.score_index}, id_index={self.id_index}, coord_start="
                f"{self.coord_start}; supported: columns of their own, and 4 for the coordinates"
            )
        width, needed = data[-1], max(distinct) + 1
        if isinstance(width, int) and width < needed:
            raise ShapeError(f"takes at least {needed} numbers a box, got {width} in {show(data)}")
        return data

    def to_onnx(self, g: OnnxBuilder, *inputs: Any) -> Any:
        return g.op("Identity", *inputs) if self.topk == 0 else super().to_onnx(g, *inputs)

    def formula(self, data: Formula) -> Formula:
        total = data.size(-2)
        table = data.reshape(-1, total, data.size(-1))
        scores = table.column(self.score_index)
        valid = scores > self.valid_thresh
        if self.id_index >= 0:
            valid = valid & ~table.column(self.id_index).equals(self.background_id)
        ranked, order, most = best(valid.where(scores, -float("inf")), self.topk)
        boxes = rows(table, order)
        kept = self._candidates(boxes).kept(ranked > -float("inf"))
        chosen, _ = kept_rows(boxes, kept)
        if self.in_format != self.out_format:
            chosen = self._converted(chosen)
        if self.topk > 0:
            none = most.array((0, 0, 0, 0))
            pads = join([none, total - most, most.array((0,))], 0)
            chosen = chosen.op("Pad", pads, -1)
        return chosen.op("Reshape", data.shape())

    def _candidates(self, boxes: Formula) -> Candidates:
        """(B, K, W) -> what suppression needs of them."""
        sides = sides_of(boxes, self.coord_start)
        if self.in_format == "center":
            (_, width), (_, height) = sides
            sides = _corners(sides)
        else:
            width, height = (end - begin for begin, end in sides)
        areas = width.maximum(0) * height.maximum(0)
        apart = self.id_index >= 0 and not self.force_suppress
        classes = boxes.column(self.id_index).whole() if apart else None
        return Candidates(sides, areas, self.overlap_thresh, classes)

    def _converted(self, boxes: Formula) -> Formula:
        """(B, K, W) -> the same in `out_format`."""
        begin, end = self.coord_start, self.coord_start + 4
        sides = sides_of(boxes, begin)
        if self.out_format == "center":
            changed = [((low + high) / 2, high - low) for low, high in sides]
        else:
            changed = _corners(sides)
        box = stack([side[i] for i in (0, 1) for side in changed], 2)
        box = (sides[0][0] >= 0).unsqueeze(2).where(box, boxes.slice(2, begin, end))
        return join([boxes.slice(2, 0, begin), box, boxes.slice(2, end)], 2)

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        return f"{inputs[0]}.clone()" if self.topk == 0 else super().to_pytorch(m, *inputs)


def _corners(sides: Sides) -> Sides:
    """Centers and sizes -> where boxes begin and end."""
    halves = [(middle, size / 2) for middle, size in sides]
    return [(middle - half, middle + half) for middle, half in halves]
