"""Region proposals: the best boxes around fixed anchors, without those that they overlap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, List, Tuple

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..shape import Dim, Dims, Shape, merge, product, same, show
from .attributes import Single, Singles, single
from .detection import options
from .onnx_math import Formula, count, formula, join, result, stack
from .registry import OnnxBuilder, Operator, TorchBuilder, operator
from .suppression import Candidates, best, first_kept, rows, suppress

SCALES = (Single(4.0), Single(8.0), Single(16.0), Single(32.0))
RATIOS = (Single(0.5), Single(1.0), Single(2.0))


def base_anchors(ratios: Singles, scales: Singles, stride: int) -> npt.NDArray[np.float32]:
    """(ratios * scales, 4): corners of the anchors at the first place, as MXNet rounds them."""
    one, half = np.float32(1), np.float32(0.5)
    center = half * np.float32(stride - 1)
    found = []
    for ratio in map(np.float32, ratios):
        width = np.floor(np.sqrt(np.floor(np.float32(stride * stride) / ratio)) + half)
        for scale in map(np.float32, scales):
            wide = width * scale
            tall = np.floor(wide / scale * ratio + half) * scale
            reach = half * (wide - one), half * (tall - one)
            found.append([center - r for r in reach] + [center + r for r in reach])
    return np.array(found, np.float32)


@dataclass(frozen=True)
class Proposals(Operator):
    """cls_prob (B, 2 A, H, W), bbox_pred (B, 4 A, H, W), im_info (B, 3) of height, width and
    scale -> (B * rpn_post_nms_top_n, 5) of image and corners, and their scores.

    Where fewer boxes are left, they come again from the first.
    Source: src/operator/contrib/proposal.cc, multi_proposal.cc.
    """

    rpn_pre_nms_top_n: int = 6000  # all, if it is not above 0
    rpn_post_nms_top_n: int = 300
    threshold: Single = single(0.7)
    rpn_min_size: int = 16
    scales: Singles = SCALES
    ratios: Singles = RATIOS
    feature_stride: int = 16
    output_score: bool = False
    iou_loss: bool = False  # offsets are of corners

    order_dependent = True

    allowed = (("rpn_post_nms_top_n", lambda number: number > 0, "1 or more"),)

    @property
    def anchors(self) -> int:
        return len(self.ratios) * len(self.scales)

    def visible_outputs(self) -> int:
        return 2 if self.output_score else 1

    def stored_outputs(self) -> int:
        return 2

    def images(self, batch: Dim) -> Dim:
        return batch

    def infer(self, cls_prob: Dims, bbox_pred: Dims, im_info: Dims) -> List[Shape]:
        expected = (
            ("cls_prob", cls_prob, (None, 2 * self.anchors, None, None)),
            ("bbox_pred", bbox_pred, (None, 4 * self.anchors, None, None)),
            ("im_info", im_info, (None, 3)),
        )
        for name, shape, wanted in expected:
            if len(shape) != len(wanted) or not all(map(same, shape, wanted)):
                raise ShapeError(f"takes {name} of shape {show(wanted)}, got {show(shape)}")
        batch = merge(merge(cls_prob[0], bbox_pred[0]), im_info[0])
        count = product((self.images(batch), self.rpn_post_nms_top_n))
        shapes: List[Shape] = [(count, 5), (count, 1)]
        return shapes[: self.visible_outputs()]

    def to_onnx(self, g: OnnxBuilder, cls_prob: Any, bbox_pred: Any, im_info: Any) -> List[Any]:
        scores = formula(g, cls_prob).slice(1, self.anchors)
        info = formula(g, im_info)
        boxes, scores = self._boxes(formula(g, bbox_pred), scores, info)
        total = scores.size(1)
        some = self.rpn_pre_nms_top_n
        most = total.minimum(total.array((some,))) if some > 0 else total
        scores, order = best(scores, most)
        boxes = rows(boxes, order)
        left, top, right, bottom = (boxes.column(i) for i in range(4))
        areas = (right - left + 1) * (bottom - top + 1)
        candidates = Candidates((left, top, right, bottom), areas, extent=1.0)
        wanted = self.rpn_post_nms_top_n
        kept = suppress(order >= 0, lambda box: candidates.overlaps(box, self.threshold), wanted)
        places, _ = first_kept(kept)
        number = kept.whole().reduced("ReduceSum", 1, keep=True)
        again = number.array(tuple(range(wanted))).op("Mod", number)
        chosen = places.op("GatherElements", again, axis=1)
        images = count(info, info.size(0)).real().reshape(-1, 1, 1).expand(1, wanted, 1)
        found = join([images, rows(boxes, chosen)], 2).reshape(-1, 5)
        results = [found, scores.op("GatherElements", chosen, axis=1).reshape(-1, 1)]
        return [result(v, i) for i, v in enumerate(results[: self.visible_outputs()])]

    def _boxes(self, moves: Formula, scores: Formula, info: Formula) -> Tuple[Formula, Formula]:
        """Corners (B, N, 4) and scores (B, N), place after place."""
        height, width = moves.size(2), moves.size(3)
        moves = moves.reshape(0, self.anchors, 4, height, width)
        moves = moves.op("Transpose", perm=(0, 3, 4, 1, 2))  # (B, H, W, A, 4)
        scores = scores.op("Transpose", perm=(0, 2, 3, 1))
        limits = [info.column(i).reshape(-1, 1, 1, 1) for i in range(3)]
        lows, highs = [], []
        for axis, size, shape in ((0, width, (-1, 1)), (1, height, (-1, 1, 1))):
            number = count(moves, size).reshape(*shape)
            shift = number.real() * self.feature_stride
            low, high = self._sides(moves, axis, shift)
            limit = limits[1 - axis] - 1
            lows.append(low.minimum(limit).maximum(0))
            highs.append(high.minimum(limit).maximum(0))
            real = (limits[1 - axis] / self.feature_stride).whole()
            scores = (number < real).where(scores, -1)
        least = limits[2] * self.rpn_min_size
        wide, tall = (high - low + 1 for low, high in zip(lows, highs))
        small = (wide < least) | (tall < least)
        grown = [small.where(low - least / 2, low) for low in lows]
        grown += [small.where(high + least / 2, high) for high in highs]
        boxes = stack([side.reshape(0, -1) for side in grown], 2)
        return boxes, small.where(scores.number(-1), scores).reshape(0, -1)

    def _sides(self, moves: Formula, axis: int, shift: Formula) -> Tuple[Formula, Formula]:
        """Both ends of the boxes along an axis: 0 is across, 1 is down."""
        base = base_anchors(self.ratios, self.scales, self.feature_stride).astype(np.float64)
        first, last = moves.column(axis), moves.column(axis + 2)
        low, high = (shift + moves.array(base[:, i]) for i in (axis, axis + 2))
        if self.iou_loss:
            return low + first, high + last
        size = base[:, axis + 2] - base[:, axis] + 1
        middle = shift + moves.array(base[:, axis] + 0.5 * (size - 1))
        center = first * moves.array(size) + middle
        reach = (last.op("Exp") * moves.array(size) - 1) * 0.5
        return center - reach, center + reach

    def to_pytorch(self, m: TorchBuilder, cls_prob: str, bbox_pred: str, im_info: str) -> str:
        anchors = m.parameter(base_anchors(self.ratios, self.scales, self.feature_stride))
        more = options(replace(self, ratios=RATIOS, scales=SCALES, output_score=False))
        call = f"{m.function('proposals')}({cls_prob}, {bbox_pred}, {im_info}, {anchors}{more})"
        return call if self.output_score else f"{call}[0]"


@operator("_contrib_Proposal")
class Proposal(Proposals):
    """Of one image."""

    def images(self, batch: Dim) -> Dim:
        if not same(batch, 1):
            raise ShapeError(f"takes one image, got {batch}: _contrib_MultiProposal takes more")
        return 1


@operator("_contrib_MultiProposal")
class MultiProposal(Proposals):
    """Of each image of a batch."""
