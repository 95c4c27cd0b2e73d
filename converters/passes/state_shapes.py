"""Shapes of a network's inputs: the user's, what its layers say, and what its weights determine."""

from __future__ import annotations

from ..ir.graph import Graph
from ..ir.input_sizes import Shapes, fitting_named, implied, layouts, with_determined_sizes
from .free_batch import sized


def with_shapes(graph: Graph, guessed: Shapes, stated: Shapes) -> Graph:
    """The network with shapes of its inputs, and with numbers for the sizes that they determine.

    Args:
        guessed: what the first layers say of all inputs; None where they say nothing.
        stated: the user's.

    Raises:
        ShapeError: an input that the network does not have, or a shape that it cannot take.
    """
    shapes = implied(graph, {**guessed, **stated})
    unknown = next((name for name, shape in shapes.items() if shape is None), None)
    found = layouts(graph, unknown, shapes) if unknown is not None else []
    if unknown is not None and len(found) == 1:
        shapes = implied(graph, {**shapes, unknown: found[0]})
    with fitting_named(graph, guessed):
        return with_determined_sizes(sized(graph, shapes, stated))
