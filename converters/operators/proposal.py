"""Region proposals: the best boxes around fixed anchors, without those that they overlap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Tuple

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..ir.shapes import Dim, Dims, Shape, product, same, unify
from .attributes import Single, Singles, single
from .emit.computed import Computed, options, takes
from .emit.onnx_math import OnnxExpr, count, grid, join, stack
from .emit.suppression import Candidates, best, first_kept, rows, sides_of
from .registry import Limits, TorchBuilder, operator

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
class Proposals(Computed):
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
        takes("cls_prob", cls_prob, (None, 2 * self.anchors, None, None))
        takes("bbox_pred", bbox_pred, (None, 4 * self.anchors, None, None))
        takes("im_info", im_info, (None, 3))
        batch = unify(unify(cls_prob[0], bbox_pred[0]), im_info[0])
        count = product((self.images(batch), self.rpn_post_nms_top_n))
        shapes: List[Shape] = [(count, 5), (count, 1)]
        return shapes[: self.visible_outputs()]

    def implied_shapes(self, data: Shape) -> Dict[str, Dims]:
        return {"im_info": (data[0], 3)} if data else {}

    def index_limits(self, *shapes: Shape) -> Dict[str, Limits]:
        """The picture's height and width, from half of the map on, and how far it was scaled."""
        given = shapes[0] if shapes and shapes[0] else (None,) * 4
        sizes = [self.feature_stride * (d if isinstance(d, int) else 1) for d in given[2:]]
        high = np.array([*sizes, 2])
        return {"im_info": Limits(high // 2, high)}

    def formula(self, cls_prob: OnnxExpr, bbox_pred: OnnxExpr, im_info: OnnxExpr) -> List[OnnxExpr]:
        boxes, scores = self._boxes(cls_prob.slice(1, self.anchors), bbox_pred, im_info)
        scores, order, _ = best(scores, self.rpn_pre_nms_top_n)
        boxes = rows(boxes, order)
        sides, wanted = sides_of(boxes), self.rpn_post_nms_top_n
        wide, tall = (end - begin + 1 for begin, end in sides)
        candidates = Candidates(sides, wide * tall, self.threshold, extent=1.0)
        kept = candidates.kept(order >= 0, wanted)
        places, _ = first_kept(kept)
        number = kept.whole().reduced("ReduceSum", 1, keep=True)
        again = number.array(range(wanted)) % number
        chosen = places.op("GatherElements", again, axis=1)
        images = count(im_info, im_info.size(0)).real().reshape(-1, 1, 1).expand(1, wanted, 1)
        found = join([images, rows(boxes, chosen)], 2).reshape(-1, 5)
        results = [found, scores.op("GatherElements", chosen, axis=1).reshape(-1, 1)]
        return results[: self.visible_outputs()]

    def _boxes(
        self, scores: OnnxExpr, moves: OnnxExpr, info: OnnxExpr
    ) -> Tuple[OnnxExpr, OnnxExpr]:
        """Corners (B, N, 4) and scores (B, N), place after place."""
        height, width = moves.size(2), moves.size(3)
        moves = moves.reshape(0, self.anchors, 4, height, width).transpose(0, 3, 4, 1, 2)
        limits = info.slice(1, 0, 2).op("Gather", info.ints((1, 0)), axis=1)
        limits = limits.reshape(-1, 1, 1, 1, 2)  # across and down
        places = stack(grid(height, width)[::-1], 2).unsqueeze(2)  # (H, W, 1, 2)
        low, high = self._corners(moves, places.real() * self.feature_stride)
        low, high = (corner.minimum(limits - 1).maximum(0) for corner in (low, high))
        sides = high - low + 1
        least = info.slice(1, 2).reshape(-1, 1, 1, 1, 1) * self.rpn_min_size
        small = (sides < least).real().reduced("ReduceMax", 4, keep=True) > 0.5
        boxes = small.where(join([low - least / 2, high + least / 2], 4), join([low, high], 4))
        inside = (places < (limits / self.feature_stride).whole()).real()
        scores = scores.transpose(0, 2, 3, 1).unsqueeze(4)
        real = (inside.reduced("ReduceMin", 4, keep=True) > 0.5) & ~small
        return boxes.reshape(0, -1, 4), real.where(scores, -1).reshape(0, -1)

    def _corners(self, moves: OnnxExpr, shift: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
        """(B, H, W, A, 2) both."""
        base = base_anchors(self.ratios, self.scales, self.feature_stride).astype(np.float64)
        (low, high), (first, last) = np.split(base, 2, 1), (moves.slice(4, 0, 2), moves.slice(4, 2))
        if self.iou_loss:
            return shift + moves.array(low) + first, shift + moves.array(high) + last
        size = high - low + 1
        middle = shift + moves.array(low + 0.5 * (size - 1))
        center = first * moves.array(size) + middle
        reach = (last.op("Exp") * moves.array(size) - 1) * 0.5
        return center - reach, center + reach

    def to_pytorch(self, m: TorchBuilder, cls_prob: str, bbox_pred: str, im_info: str) -> str:
        anchors = m.parameter(
            base_anchors(self.ratios, self.scales, self.feature_stride), trained=False
        )
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
