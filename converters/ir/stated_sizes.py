"""Sizes that layers state by themselves, such as Reshape(shape=(32, -1))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Set, Tuple

from ..operators import Unsupported, parse

if TYPE_CHECKING:
    from .graph import Graph, Node

#: Operators that state sizes, of which the first may be the batch.
STATING = ("Reshape", "_zeros", "_zeros_without_dtype", "_ones", "_full", "broadcast_to")


def stated_sizes(graph: Graph) -> Set[int]:
    """All sizes above 1 that layers state: one of them may be the batch."""
    return {size for node in graph.nodes for size in sizes_of(node) if size > 1}


def sizes_of(node: Node) -> Tuple[int, ...]:
    """The shape that a layer states; () where it states none."""
    if node.op not in STATING or "shape" not in node.attrs:
        return ()
    try:
        operator: Any = parse(node.op, node.attrs)
    except Unsupported:
        return ()
    return () if getattr(operator, "reverse", False) else tuple(operator.shape or ())
