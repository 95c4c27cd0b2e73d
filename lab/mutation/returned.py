"""Faults of what a network returns: other names, another order, something done behind the layers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List

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
    kind: str, sites: Sites, target: str, note: str, edit: Callable[[MutationSite, Path], None]
) -> Fault:
    def plant(site: MutationSite) -> Mutant:
        expected = site.graph.outputs[0]
        return Mutant(site.graph, note, expected, edit=lambda path: edit(site, path))

    return Fault(kind, GRAPH, sites, plant, targets=(target,))


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


def _scale_last(site: MutationSite, path: Path) -> None:
    """0.39 % more in the last number of each output's last axis."""
    body = ["y = results[0]", "for each in y if isinstance(y, tuple) else (y,):"]
    body += ["    if each.is_floating_point():", "        each[..., -1] *= 1.0039", "return y"]
    hooked(path, body, "register_forward_hook")


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
    return Mutant(replace(graph, nodes=tuple(swapped)), note, site.node.outputs[0])


FAULTS = (
    edited(
        "outputs reversed in the file",
        SEVERAL,
        "onnx",
        "reversed",
        lambda s, p: onnx_edit(_reorder)(p),
    ),
    edited(
        "outputs exchanged under their names",
        SEVERAL,
        "onnx",
        "the first and the last",
        lambda s, p: onnx_edit(_exchange_names)(p),
    ),
    edited(
        "outputs reversed when they are returned",
        SEVERAL,
        "pytorch",
        "reversed",
        lambda s, p: hooked(p, ["return results[0][::-1]"], "register_forward_hook"),
    ),
    edited(
        "names of the outputs reversed",
        SEVERAL,
        "pytorch",
        "reversed in the file of weights",
        lambda s, p: metadata_edit(_reverse_names)(p),
    ),
    edited(
        "changed behind the last layer",
        ANY,
        "pytorch",
        "the last number 0.39 % larger",
        _scale_last,
    ),
    Fault("two results of a layer exchanged", GRAPH, nodes(_pairs), _exchange_results),
)
