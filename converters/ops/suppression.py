"""Non-maximum suppression in ONNX: boxes in order of their scores, each striking out others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, List, Optional, Tuple

import numpy as np

from .onnx_math import Formula, count

#: Left, top, right, bottom: (B, K) each.
Sides = Tuple[Formula, Formula, Formula, Formula]


@dataclass(frozen=True)
class Candidates:
    """Boxes to choose from, the best first.

    Attributes:
        sides: of the boxes.
        areas: (B, K).
        classes: int64 (B, K), if a box strikes out those of its own class only.
        extent: added to a side's length: 1 where sides are pixels that belong to the box.
        at_least: the threshold itself suffices, too.
    """

    sides: Sides
    areas: Formula
    classes: Optional[Formula] = None
    extent: float = 0.0
    at_least: bool = False

    def overlaps(self, chosen: Formula, threshold: float) -> Formula:
        """Place of one box, int64 (B, 1) -> bool (B, K): shares more than `threshold` of the
        union."""

        def one(values: Formula) -> Formula:
            return values.op("GatherElements", chosen, axis=1)

        left, top, right, bottom = self.sides
        width = right.minimum(one(right)) - left.maximum(one(left))
        height = bottom.minimum(one(bottom)) - top.maximum(one(top))
        if self.extent:
            width, height = width + self.extent, height + self.extent
        shared = width.maximum(0) * height.maximum(0)
        union = one(self.areas) + self.areas - shared
        part = shared / union
        found = (part >= threshold) & (union > 0) if self.at_least else part > threshold
        if self.classes is None:
            return found
        return found & self.classes.equals(one(self.classes))


def suppress(
    valid: Formula, strikes: Callable[[Formula], Formula], most: Optional[int] = None
) -> Formula:
    """bool (B, K): the boxes that no better one strikes out, of the valid ones.

    A loop over the boxes that are kept, in all of the batch at a time.

    Args:
        strikes: place of a box, int64 (B, 1) -> bool (B, K): those that it strikes out.
        most: how many are kept at most.
    """
    g = valid.g
    places = count(valid, valid.size(1))
    none = valid & ~valid

    def body(_: Any, *states: Any) -> List[Any]:
        left, kept = (replace(valid, value=state) for state in states)
        first = left.real().op("ArgMax", axis=1, keepdims=1).retyped("int64")
        chosen = places.equals(first)
        kept = kept | (chosen & left)
        left = left & ~(chosen | strikes(first))
        return [left.value, kept.value, left.any().value]

    trips = None if most is None else g.constant(np.array(most, np.int64))
    _, kept = g.loop(body, valid.value, none.value, trips=trips, condition=valid.any().value)
    return replace(valid, value=kept)


def best(keys: Formula, most: Formula) -> Tuple[Formula, Formula]:
    """(B, N) -> the largest numbers and their places, (B, most); of equal ones the first."""
    values, places = keys.g.ops("TopK", keys.value, most.value, outputs=2, axis=1)
    return replace(keys, value=values), replace(keys, value=places, kind="int64")


def first_kept(kept: Formula) -> Tuple[Formula, Formula]:
    """bool (B, K) -> places of the kept ones in order, then of the others, int64 (B, K); and
    which of them are kept, bool (B, K)."""
    size = kept.size(1)
    places = count(kept, size)
    keys = kept.where(places, places + size)
    values, order = kept.g.ops("TopK", keys.value, size.value, outputs=2, axis=1, largest=0)
    return replace(keys, value=order), replace(keys, value=values) < size


def rows(table: Formula, places: Formula) -> Formula:
    """(B, N, W) and places, int64 (B, M) -> (B, M, W)."""
    wide = places.unsqueeze(2).expand(1, 1, table.size(2))
    return table.op("GatherElements", wide, axis=1)
