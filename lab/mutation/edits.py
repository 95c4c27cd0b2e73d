"""Selecting layers and changing graphs: the vocabulary that faults are declared in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, Mapping, Optional, Sequence

from converters import Graph, Node

Sites = Callable[[Graph], List[str]]


def nodes(where: Callable[[Graph, Node], Any]) -> Sites:
    """The layers that satisfy a condition on the graph and the node."""
    return lambda graph: [n.name for n in graph.nodes if where(graph, n)]


def layers(*ops: str, where: Callable[[Any], Any] = lambda op: True) -> Sites:
    """The layers of these operators whose declaration (attributes included) satisfies `where`."""
    return nodes(lambda graph, n: n.op in ops and where(graph.operators[n.name]))


def producer(graph: Graph, name: Optional[str]) -> Optional[Node]:
    """The layer whose output this value is."""
    return next((n for n in graph.nodes if name in n.outputs), None)


def readers(graph: Graph, name: str) -> List[Node]:
    return [n for n in graph.nodes if name in n.inputs]


def with_node(graph: Graph, layer: str, **changed: Any) -> Graph:
    """The graph with other fields for this layer."""
    kept = (replace(n, **changed) if n.name == layer else n for n in graph.nodes)
    return replace(graph, nodes=tuple(kept))


def with_attributes(graph: Graph, layer: str, changed: Mapping[str, Any]) -> Graph:
    """The graph with other attributes for this layer; None removes one."""
    node = next(n for n in graph.nodes if n.name == layer)
    attrs = {k: v for k, v in node.attrs.items() if changed.get(k, v) is not None}
    attrs.update({k: str(v) for k, v in changed.items() if v is not None})
    return with_node(graph, layer, attrs=attrs)


def axes(values: Sequence[int], least: int = 1) -> List[int]:
    """The axes with at least this value."""
    return [a for a, v in enumerate(values) if v >= least]


def other(value: Any, options: Sequence[Any]) -> List[Any]:
    """The options that differ from this value."""
    return [o for o in options if o != value]
