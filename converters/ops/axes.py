"""Axes moved to where ONNX and PyTorch want them."""

from __future__ import annotations

from typing import Any, List

from .registry import OnnxBuilder


def moved(g: OnnxBuilder, value: Any, rank: int, source: int, target: int) -> Any:
    """numpy.moveaxis in ONNX; the value itself where nothing moves."""
    source, target = source % rank, target % rank
    if source == target:
        return value
    order: List[int] = [a for a in range(rank) if a != source]
    order.insert(target, source)
    return g.op("Transpose", value, perm=order)
