"""Shapes that a target cannot do without."""

from __future__ import annotations

from typing import Tuple

from .errors import ShapeError
from .graph import Graph
from .shape import Dim

UNKNOWN_SIZE = "has a size that follows from no layer; supported: one that does, or is stated"


def known_shape(graph: Graph, name: str) -> Tuple[Dim, ...]:
    """A value's shape, its number of dimensions at least.

    Raises:
        ShapeError: that is not known.
    """
    shape = graph.shapes[name]
    if shape is None:
        names = [v.name for v in graph.inputs]
        example = name if name in names or not names else names[0]
        raise ShapeError(
            f"the shape of {name!r} follows from no layer of {graph.name}: state the inputs, "
            f"e.g. --input {example}=Nx3xHxW, or, if only training reads it, choose an output "
            "before it: --output LAYER."
        )
    return shape
