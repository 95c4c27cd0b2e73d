"""The boxes of detectors: anchors, and those that are chosen by their scores."""

from __future__ import annotations

import math
from typing import Any, List, Tuple

from ..errors import ShapeError
from ..ir.shapes import Dims, Shape, product, show
from .attributes import Single, Singles, single
from .boxes import Format, decoded, halves
from .emit.computed import Called, takes
from .emit.onnx_math import OnnxExpr, grid, join, stack
from .emit.suppression import Candidates, Sides, best, kept_rows, rows, sides_of
from .registry import OnnxBuilder, SameShape, TorchBuilder, Unsupported, operator


@operator("_contrib_box_nms")
class BoxNms(Called, SameShape):
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

    def formula(self, data: OnnxExpr) -> OnnxExpr:
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

    def _candidates(self, boxes: OnnxExpr) -> Candidates:
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

    def _converted(self, boxes: OnnxExpr) -> OnnxExpr:
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


@operator("_contrib_MultiBoxPrior")
class MultiBoxPrior(Called):
    """(N, C, H, W) -> (1, H * W * A, 4): corners of the anchors of each place, in parts of the
    image; each size with the first ratio, then the first size with the other ratios.

    Source: src/operator/contrib/multibox_prior.cc.
    """

    sizes: Singles = (Single(1.0),)
    ratios: Singles = (Single(1.0),)
    clip: bool = False
    steps: Singles = (Single(-1.0), Single(-1.0))  # down and across; 1 / H and 1 / W if not above 0
    offsets: Singles = (Single(0.5), Single(0.5))

    function = "multibox_prior"
    allowed = (
        ("sizes", bool, "at least one"),
        ("ratios", lambda ratios: min(ratios, default=0) > 0, "at least one, all above 0"),
        ("steps", lambda s: len(s) == 2 and s[0] * s[1] >= 0, "two, both stated or none"),
        ("offsets", lambda offsets: len(offsets) == 2, "two"),
    )

    @property
    def shapes(self) -> List[Tuple[float, float]]:
        """Of each anchor half the width in a square image, and half the height."""
        pairs = [(size, self.ratios[0]) for size in self.sizes]
        pairs += [(self.sizes[0], ratio) for ratio in self.ratios[1:]]
        roots = [(size, math.sqrt(ratio)) for size, ratio in pairs]
        return [(size * root / 2, size / root / 2) for size, root in roots]

    def infer(self, data: Dims) -> Shape:
        if len(data) < 4:
            raise ShapeError(f"takes NxCxHxW, got {show(data)}")
        return (1, product((data[2], data[3], len(self.shapes))), 4)

    def formula(self, data: OnnxExpr) -> OnnxExpr:
        height, width = data.size(2), data.size(3)
        one, sides = height.array((1,)), join([width, height], 0).real()
        centers = stack(grid(height, width)[::-1], 2).real() + data.array(self.offsets[::-1])
        stated = min(self.steps) > 0
        centers = centers * data.array(self.steps[::-1]) if stated else centers / sides
        half = data.array(self.shapes)
        half = half * join([height, one], 0).real() / join([width, one], 0).real()
        centers = centers.unsqueeze(2)  # (H, W, 1, 2)
        boxes = join([centers - half, centers + half], 3).reshape(1, -1, 4)
        return boxes.maximum(0).minimum(1) if self.clip else boxes


@operator("_contrib_MultiBoxDetection", ignores=("background_id", "keep_topk"))
class MultiBoxDetection(Called):
    """cls_prob (B, C, N), loc_pred (B, N * 4), anchor (1, N, 4) -> (B, N, 6): class, score and
    corners of what is detected, the best first; class -1 is what better ones overlap.

    Class 0 of cls_prob is the background, whatever `background_id` says.
    Source: src/operator/contrib/multibox_detection.cc.
    """

    clip: bool = True
    threshold: Single = single(0.01)
    nms_threshold: Single = Single(0.5)  # none is struck out if it is not above 0 and up to 1
    force_suppress: bool = False
    nms_topk: int = -1
    variances: Singles = (single(0.1), single(0.1), single(0.2), single(0.2))

    function = "multibox_detection"
    order_dependent = True
    allowed = (("variances", lambda numbers: len(numbers) == 4, "four numbers"),)

    def infer(self, cls_prob: Dims, loc_pred: Dims, anchor: Dims) -> Shape:
        _, number, _ = takes("anchor", anchor, (None, None, 4))
        batch, classes, number = takes("cls_prob", cls_prob, (None, None, number))
        batch, _ = takes("loc_pred", loc_pred, (batch, product((number, 4))))
        if classes in (0, 1):
            raise ShapeError(f"takes cls_prob of background and classes, got {show(cls_prob)}")
        return (batch, number, 6)

    def formula(self, cls_prob: OnnxExpr, loc_pred: OnnxExpr, anchor: OnnxExpr) -> OnnxExpr:
        scores = cls_prob.slice(1, 1)
        top = scores.reduced("ReduceMax", 1)
        valid = (top > -1) & (top >= self.threshold)
        kind = scores.op("ArgMax", kind="int64", axis=1, keepdims=0).real()
        low, high = halves(anchor)
        boxes = decoded(loc_pred.reshape(0, -1, 4), self.variances, (low + high) / 2, high - low)
        boxes = boxes.minimum(1).maximum(0) if self.clip else boxes
        found, counts = kept_rows(join([stack([kind, top], 2), boxes], 2), valid)
        if not 0 < self.nms_threshold <= 1:
            return found
        return self._without_overlaps(found, counts)

    def _without_overlaps(self, found: OnnxExpr, counts: OnnxExpr) -> OnnxExpr:
        """(B, N, 6), the detected ones first: in order, and class -1 for what is overlapped."""
        ranked, order, most = best(counts.where(found.column(1), -float("inf")), self.nms_topk)
        boxes = rows(found, order)
        sides = sides_of(boxes, 2)
        wide, tall = (end - begin for begin, end in sides)
        classes = None if self.force_suppress else boxes.column(0).whole()
        candidates = Candidates(sides, wide * tall, self.nms_threshold, classes, at_least=True)
        kept = candidates.kept(ranked > -float("inf"))
        parts = [join([kept.where(boxes.column(0), -1).unsqueeze(2), boxes.slice(2, 1)], 2)]
        if self.nms_topk > 0:  # what is behind them stays where it was
            rest = found.op("Slice", most, *(most.array((n,)) for n in (2**62, 1)))
            nothing = (rest.slice(2, 0, 1) * 0) - 1
            parts.append(join([nothing, rest.slice(2, 1)], 2))
        return join(parts, 1)
