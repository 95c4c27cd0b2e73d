"""Choosing boxes by their scores."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar, Literal

from ..errors import ShapeError
from ..python_text import literal
from ..shape import Dims, show
from .attributes import Single
from .onnx_math import Formula, formula, join, result, stack
from .registry import OnnxBuilder, Operator, SameShape, TorchBuilder, Unsupported, operator
from .suppression import Candidates, Sides, best, first_kept, rows, suppress

Format = Literal["corner", "center"]


def options(operator: Any) -> str:
    """`, topk=400`: the attributes that are not the defaults, for a function with the same."""
    given = {f.name: getattr(operator, f.name) for f in fields(operator)}
    others = {f.name: f.default for f in fields(operator)}
    return "".join(f", {k}={literal(v)}" for k, v in given.items() if v != others[k])


class Called(Operator):
    """An operator that is a function in PyTorch, which has the operator's attributes."""

    function: ClassVar[str]  # in converters/functions

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        return f"{m.function(self.function)}({', '.join(inputs)}{options(self)})"


@operator("_contrib_box_nms")
class BoxNms(SameShape, Called):
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

    def to_onnx(self, g: OnnxBuilder, data: Any) -> Any:
        if self.topk == 0:
            return g.op("Identity", data)
        given = formula(g, data)
        table = given.reshape(-1, given.size(-2), given.size(-1))
        scores = table.column(self.score_index)
        valid = scores > self.valid_thresh
        if self.id_index >= 0:
            valid = valid & ~table.column(self.id_index).equals(self.background_id)
        total = table.size(1)
        most = total if self.topk < 0 else total.minimum(total.array((self.topk,)))
        ranked, order = best(valid.where(scores, -float("inf")), most)
        boxes = rows(table, order)
        candidates = self._candidates(boxes)
        kept = suppress(
            ranked > -float("inf"), lambda i: candidates.overlaps(i, self.overlap_thresh)
        )
        places, is_kept = first_kept(kept)
        chosen = is_kept.unsqueeze(2).where(rows(boxes, places), -1)
        if self.in_format != self.out_format:
            chosen = self._converted(chosen)
        if self.topk > 0:
            none = total.array((0, 0, 0, 0))
            pads = join([none, total - most, total.array((0,))], 0)
            chosen = chosen.op("Pad", pads, -1)
        return result(chosen.op("Reshape", given.shape()))

    def _candidates(self, boxes: Formula) -> Candidates:
        """(B, K, W) -> what suppression needs of them."""
        a, b, c, d = (boxes.column(self.coord_start + i) for i in range(4))
        sides = _corners(a, b, c, d) if self.in_format == "center" else (a, b, c, d)
        width, height = (c, d) if self.in_format == "center" else (c - a, d - b)
        areas = width.maximum(0) * height.maximum(0)
        apart = self.id_index >= 0 and not self.force_suppress
        classes = boxes.column(self.id_index).whole() if apart else None
        return Candidates(sides, areas, classes)

    def _converted(self, boxes: Formula) -> Formula:
        """(B, K, W) -> the same in `out_format`."""
        begin, end = self.coord_start, self.coord_start + 4
        a, b, c, d = (boxes.column(begin + i) for i in range(4))
        if self.out_format == "center":
            changed = stack([(a + c) / 2, (b + d) / 2, c - a, d - b], 2)
        else:
            changed = stack(_corners(a, b, c, d), 2)
        changed = (a >= 0).unsqueeze(2).where(changed, boxes.slice(2, begin, end))
        return join([boxes.slice(2, 0, begin), changed, boxes.slice(2, end)], 2)

    def to_pytorch(self, m: TorchBuilder, *inputs: str) -> str:
        return f"{inputs[0]}.clone()" if self.topk == 0 else super().to_pytorch(m, *inputs)


def _corners(x: Formula, y: Formula, width: Formula, height: Formula) -> Sides:
    """A centre and sides -> left, top, right, bottom."""
    half, high = width / 2, height / 2
    return x - half, y - high, x + half, y + high
