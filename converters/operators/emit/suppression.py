"""Non-maximum suppression in ONNX: boxes in order of their scores, each striking out others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, List, Optional, Tuple

import numpy as np

from .onnx_math import OnnxExpr, count

#: Of boxes, across and down: where they begin and where they end, (B, K) each.
Sides = List[Tuple[OnnxExpr, OnnxExpr]]


def sides_of(boxes: OnnxExpr, begin: int = 0) -> Sides:
    """(B, K, W) with left, top, right and bottom from column `begin` on."""
    left, top, right, bottom = (boxes.column(begin + i) for i in range(4))
    return [(left, right), (top, bottom)]


@dataclass(frozen=True)
class Candidates:
    """Boxes to choose from, the best first.

    Attributes:
        sides: of the boxes.
        areas: (B, K).
        threshold: a box strikes out those that share more than that part of the union with it.
        classes: int64 (B, K), if a box strikes out those of its own class only.
        extent: added to a side's length: 1 where sides are pixels that belong to the box.
        at_least: the threshold itself suffices, too.
    """

    sides: Sides
    areas: OnnxExpr
    threshold: float
    classes: Optional[OnnxExpr] = None
    extent: float = 0.0
    at_least: bool = False

    def overlapped(self, chosen: OnnxExpr) -> OnnxExpr:
        """Place of one box, int64 (B, 1) -> bool (B, K): those that it strikes out."""

        def one(values: OnnxExpr) -> OnnxExpr:
            return values.op("GatherElements", chosen, axis=1)

        lengths = [end.minimum(one(end)) - begin.maximum(one(begin)) for begin, end in self.sides]
        if self.extent:
            lengths = [length + self.extent for length in lengths]
        shared = lengths[0].maximum(0) * lengths[1].maximum(0)
        union = one(self.areas) + self.areas - shared
        part, threshold = shared / union, self.threshold
        found = (part >= threshold) & (union > 0) if self.at_least else part > threshold
        if self.classes is None:
            return found
        return found & self.classes.equals(one(self.classes))

    def kept(self, valid: OnnxExpr, most: Optional[int] = None) -> OnnxExpr:
        """bool (B, K): of the valid boxes at most so many that no better one strikes out.

        A loop over the boxes that are kept, in all of the batch at a time.
        """
        g = valid.g
        places = count(valid, valid.size(1))
        none = valid & ~valid

        def body(_: Any, *states: Any) -> List[Any]:
            left, kept = (replace(valid, value=state) for state in states)
            first = left.real().op("ArgMax", kind="int64", axis=1, keepdims=1)
            chosen = places.equals(first)
            kept = kept | (chosen & left)
            left = left & ~(chosen | self.overlapped(first))
            return [left.value, kept.value, left.any().value]

        trips = None if most is None else g.constant(np.array(most, np.int64))
        _, kept = g.loop(body, valid.value, none.value, trips=trips, condition=valid.any().value)
        return replace(valid, value=kept)


def best(keys: OnnxExpr, limit: int) -> Tuple[OnnxExpr, OnnxExpr, OnnxExpr]:
    """(B, N) -> the largest numbers and their places, (B, most), of equal ones the first; and
    int64 (1,), how many these are: `limit`, or all if it is not above 0."""
    total = keys.size(1)
    most = total.minimum(total.array((limit,))) if limit > 0 else total
    values, places = keys.g.ops("TopK", keys.value, most.value, outputs=2, axis=1)
    return replace(keys, value=values), replace(keys, value=places, kind="int64"), most


def first_kept(kept: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
    """bool (B, K) -> places of the kept ones in order, then of the others, int64 (B, K); and
    which of them are kept, bool (B, K)."""
    size = kept.size(1)
    places = count(kept, size)
    keys = kept.where(places, places + size)
    values, order = kept.g.ops("TopK", keys.value, size.value, outputs=2, axis=1, largest=0)
    return replace(keys, value=order), replace(keys, value=values) < size


def rows(table: OnnxExpr, places: OnnxExpr) -> OnnxExpr:
    """(B, N, W) and places, int64 (B, M) -> (B, M, W)."""
    wide = places.unsqueeze(2).expand(1, 1, table.size(2))
    return table.op("GatherElements", wide, axis=1)


def kept_rows(table: OnnxExpr, kept: OnnxExpr) -> Tuple[OnnxExpr, OnnxExpr]:
    """(B, N, W) -> the rows that are kept, in order, then rows of -1; and which are no such."""
    places, is_kept = first_kept(kept)
    return is_kept.unsqueeze(2).where(rows(table, places), -1), is_kept
