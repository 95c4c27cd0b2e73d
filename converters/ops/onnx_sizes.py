"""Whole numbers in ONNX: sizes, and what is counted with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .registry import OnnxBuilder


def whole(g: OnnxBuilder, number: int) -> Any:
    """int64 ()."""
    return g.constant(np.array(number, np.int64))


def size_of(g: OnnxBuilder, value: Any, axis: int) -> Any:
    """The size of one of a layer's input's axes, int64 (); a constant where it is known."""
    size = g.shape(value)[axis]
    if isinstance(size, int):
        return whole(g, size)
    return g.op("Gather", g.op("Shape", value), whole(g, axis % len(g.shape(value))), axis=0)


def count_to(g: OnnxBuilder, size: Any) -> Any:
    """() -> (size,): 0, 1, ..., int64."""
    return g.op("Range", whole(g, 0), size, whole(g, 1))


def count_along(g: OnnxBuilder, value: Any, axis: int) -> Any:
    """0, 1, ... along an axis of any value: int64 (n,)."""
    return count_to(g, g.op("Gather", g.op("Shape", value), whole(g, axis), axis=0))


def numbers(g: OnnxBuilder, array: Any, dtype: str) -> Any:
    """A constant of an element type; whole numbers are cut off as C does it."""
    if dtype.startswith("float"):
        return g.constant(np.asarray(array, np.float64), dtype=dtype)
    return g.constant(np.asarray(array).astype(dtype))
