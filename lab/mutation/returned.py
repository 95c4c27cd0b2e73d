"""Faults of what a network returns: other names, another order, numbers changed at the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from converters import Graph, Node

from .edits import Sites, nodes
from .files import hooked, metadata_edit, onnx_edit
from .mutant import GRAPH, Fault, Mutant, MutationSite

OUTPUTS = "mxproof.outputs"


def _first_of(graph: Graph, several: bool) -> List[str]:
    """The layer of the first output; none if several outputs are needed and there is one."""
    names = graph.outputs
    first = [n.name for n in graph.nodes if names[0] in n.outputs]
    return first if not several or len(set(names)) > 1 else []


SEVERAL: Sites = lambda graph: _first_of(graph, several=True)  # noqa: E731
ANY: Sites = lambda graph: _first_of(graph, several=False)  # noqa: E731


def edited(
    kind: str,
    sites: Sites,
    target: str,
    note: str,
    edit: Callable[[Path], None],
    named: int = 0,
) -> Fault:
    """A change of one target's files.

    Args:
        named: which of the outputs the proof has to name.
    """

    def plant(site: MutationSite) -> Mutant:
        return Mutant(site.graph, note, site.graph.outputs[named], edit=edit)

    return Fault(kind, GRAPH, sites, plant, targets=(target,))


def behind(*body: str) -> Callable[[Path], None]:
    """Statements that return something in place of what the network returns, results[0]."""
    return lambda path: hooked(path, body, "register_forward_hook")


def _reorder(model: Any) -> None:
    outputs = list(model.graph.output)[::-1]
    del model.graph.output[:]
    model.graph.output.extend(outputs)


def _exchange_names(model: Any) -> None:
    """The first and the last output are each called what the other is."""
    first, *_, last = (o.name for o in model.graph.output)
    swap = {first: last, last: first}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [swap.get(n, n) for n in names]


def _reverse_names(metadata: Dict[str, str]) -> Dict[str, str]:
    assert OUTPUTS in metadata, "the file of weights names no outputs"
    return {**metadata, OUTPUTS: json.dumps(json.loads(metadata[OUTPUTS])[::-1])}


#: 0.39 % more in the last number of the first output's last axis.
SCALED = "the last number 0.39 % larger"
scale_last = behind(
    "outputs = list(results[0]) if isinstance(results[0], tuple) else [results[0]]",
    "outputs[0] = outputs[0].clone()",
    "outputs[0][..., -1] *= 1.0039",
    "return tuple(outputs) if len(outputs) > 1 else outputs[0]",
)
_reverse = behind("return results[0][::-1]")


def _pairs(graph: Graph, node: Node) -> bool:
    """Does the layer return two values of one shape?"""
    shapes = [graph.shapes[name] for name in node.outputs]
    return len(shapes) == 2 and shapes[0] == shapes[1] and set(node.outputs) <= set(graph.outputs)


def _exchange_results(site: MutationSite) -> Mutant:
    """The layer's two results bear each other's name."""
    graph = site.graph
    swapped = [
        replace(n, outputs=n.outputs[::-1]) if n.name == site.layer else n for n in graph.nodes
    ]
    note = " <-> ".join(site.node.outputs)
    return Mutant(replace(graph, nodes=tuple(swapped)), note, site.node.outputs[-1])


ORDER, EXCHANGED = "outputs reversed in the file", "outputs exchanged under their names"
RETURNED, NAMES = "outputs reversed when they are returned", "names of the outputs reversed"

FAULTS: Tuple[Fault, ...] = (
    edited(ORDER, SEVERAL, "onnx", "reversed", onnx_edit(_reorder)),
    edited(EXCHANGED, SEVERAL, "onnx", "the first and last", onnx_edit(_exchange_names), -1),
    edited(RETURNED, SEVERAL, "pytorch", "reversed", _reverse),
    edited(NAMES, SEVERAL, "pytorch", "in the metadata", metadata_edit(_reverse_names)),
    edited("changed behind the last layer", ANY, "pytorch", SCALED, scale_last),
    Fault("two results of a layer exchanged", GRAPH, nodes(_pairs), _exchange_results),
)
