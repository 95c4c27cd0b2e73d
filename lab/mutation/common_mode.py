"""Faults on both sides: what says how MXNet is asked, or how a layer is judged, is wrong itself."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import List, Tuple

from converters import Graph

from .edits import layers, nodes
from .mutant import GRAPH, Fault, Mutant, MutationSite
from .returned import SCALED, scale_last


def _next(graph: Graph, layer: str) -> List[str]:
    """The layer after this one in MXNet's list."""
    names = [n.name for n in graph.nodes if len(n.outputs) == 1]
    return names[names.index(layer) + 1 :][:1] if layer in names else []


def _choose_next(site: MutationSite) -> Mutant:
    """`--output LAYER` selects the layer after it, in MXNet too."""
    (later,) = _next(site.graph, site.layer)
    chosen = replace(site.baseline.returning(later), chosen=(site.layer,))
    return Mutant(chosen, f"{later} in its place, in MXNet too", site.layer, reference=chosen)


def declared(graph: Graph, layer: str, **said: bool) -> Graph:
    """The network with an operator whose declaration says something else of itself."""
    operator = copy(graph.operators[layer])
    for name, value in said.items():
        object.__setattr__(operator, name, value)
    marked = replace(graph)
    vars(marked)["operators"] = {**graph.operators, layer: operator}
    return marked


def _declare_random(site: MutationSite) -> Mutant:
    """Only type, shape and finiteness of the layer are judged then, and its weights are wrong."""
    weight = site.array("weight")
    graph = site.stored("weight", weight[::-1], "").graph
    reference = declared(site.graph, site.layer, random=True)
    return Mutant(graph, "declared random, filters reversed", site.layer, reference=reference)


def _declare_order_dependent(site: MutationSite) -> Mutant:
    """The numbers of outputs behind it are not compared then, and the first is wrong."""
    reference = declared(site.graph, site.layer, order_dependent=True)
    note = f"declared order-dependent, {SCALED}"
    return Mutant(site.graph, note, site.layer, reference=reference, edit=scale_last)


WEIGHTED = layers("Convolution", "FullyConnected")

FAULTS: Tuple[Fault, ...] = (
    Fault(
        "another layer chosen on both sides",
        GRAPH,
        nodes(lambda g, n: _next(g, n.name)),
        _choose_next,
    ),
    Fault("declared random", GRAPH, WEIGHTED, _declare_random),
    Fault(
        "declared order-dependent", GRAPH, WEIGHTED, _declare_order_dependent, targets=("pytorch",)
    ),
)
