"""Small changes of a graph, and lists of layers: what declarations of faults are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from converters import Graph, Node
from mxproof.runtimes.base import Array

from .fault import HYPER, Fault, Planted, Site

Sites = Callable[[Graph], List[str]]


def layers(*ops: str, where: Callable[[Any], bool] = lambda op: True) -> Sites:
    """The layers of these operators whose declaration (attributes and all) is so."""
    return lambda graph: [
        n.name for n in graph.nodes if n.op in ops and where(graph.operators[n.name])
    ]


def nodes(where: Callable[[Graph, Node], Any]) -> Sites:
    """The layers that are so in their graph."""
    return lambda graph: [n.name for n in graph.nodes if where(graph, n)]


def maker(graph: Graph, name: Optional[str]) -> Optional[Node]:
    """The layer that makes this value."""
    return next((n for n in graph.nodes if name in n.outputs), None)


def readers(graph: Graph, name: str) -> List[Node]:
    return [n for n in graph.nodes if name in n.inputs]


def with_node(graph: Graph, layer: str, **changed: Any) -> Graph:
    """The layer with other fields."""
    kept = (replace(n, **changed) if n.name == layer else n for n in graph.nodes)
    return replace(graph, nodes=tuple(kept))


def with_attributes(graph: Graph, layer: str, changed: Mapping[str, Any]) -> Graph:
    """The layer with other attributes; None takes one away."""
    node = next(n for n in graph.nodes if n.name == layer)
    attrs = {**node.attrs, **{k: str(v) for k, v in changed.items() if v is not None}}
    kept = {k: v for k, v in attrs.items() if changed.get(k, v) is not None}
    return with_node(graph, layer, attrs=kept)


def with_array(graph: Graph, name: str, array: Array) -> Graph:
    """The network with another parameter; stored ones are mapped read-only and stay as they are."""
    stored = np.ascontiguousarray(array, dtype=graph.params[name].dtype)
    return replace(graph, params={**graph.params, name: stored})


def as_identity(graph: Graph, layer: str) -> Graph:
    """The layer hands on what it reads: MXNet's Dropout, in inference."""
    node = next(n for n in graph.nodes if n.name == layer)
    return with_node(graph, layer, op="Dropout", attrs={}, inputs=node.inputs[:1])


def step(values: Sequence[int], axis: int, by: int) -> Tuple[int, ...]:
    """((1, 1), 0, -1) -> (0, 1)."""
    return tuple(v + by * (a == axis) for a, v in enumerate(values))


def axes(values: Sequence[int], least: int = 1) -> List[int]:
    """The axes with at least so much."""
    return [a for a, v in enumerate(values) if v >= least]


def other(value: Any, options: Sequence[Any]) -> List[Any]:
    """The options that are not this one."""
    return [o for o in options if o != value]


def attributes(
    kind: str,
    sites: Sites,
    change: Callable[[Site], Mapping[str, Any]],
    *,
    family: str = HYPER,
    why: str = "",
) -> Fault:
    """The layer is converted as if the symbol had said something else."""

    def plant(site: Site) -> Planted:
        changed = change(site)
        was = {k: site.node.attrs.get(k, "absent") for k in changed}
        note = ", ".join(
            f"{k} {was[k]} -> {'absent' if v is None else v}" for k, v in changed.items()
        )
        return Planted(with_attributes(site.graph, site.layer, changed), note, site.layer)

    return Fault(kind, family, sites, plant, why)
