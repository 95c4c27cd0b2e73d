"""Faults of the graph: layers dropped, exchanged, wired or named or returned wrongly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, Optional, Tuple

from converters import Graph, Node

from .edits import (
    Sites,
    as_identity,
    attributes,
    layers,
    maker,
    nodes,
    readers,
    with_node,
)
from .fault import GRAPH, SHAPE, Fault, Planted, Site


def dropped(kind: str, op: str) -> Fault:
    """The layer is there, but hands on what it reads."""

    def plant(site: Site) -> Planted:
        return Planted(as_identity(site.graph, site.layer), f"{op} -> identity", site.layer)

    return Fault(kind, GRAPH, layers(op), plant)


def _leave_out(site: Site) -> Planted:
    """The layer is gone. The one that reads past it is where a difference comes in."""
    graph, (source, *_) = site.graph, site.node.inputs
    kept = [
        replace(n, inputs=tuple(source if i == site.layer else i for i in n.inputs))
        for n in graph.nodes
        if n.name != site.layer
    ]
    reader = readers(graph, site.layer)[0].name
    return Planted(replace(graph, nodes=tuple(kept)), f"{reader} reads past it", reader)


def _exchange_operators(site: Site) -> Planted:
    """BatchNorm, Activation -> Activation, BatchNorm, each under the other's name."""
    norm, (act,) = site.node, readers(site.graph, site.layer)
    graph = with_node(site.graph, norm.name, op=act.op, attrs=act.attrs, inputs=norm.inputs[:1])
    graph = with_node(
        graph, act.name, op=norm.op, attrs=norm.attrs, inputs=(norm.name, *norm.inputs[1:])
    )
    return Planted(graph, f"{act.name} comes first", norm.name)


def _exchange_names(site: Site) -> Planted:
    """Two neighbours go by each other's name; the first in the converted model is the reader's."""
    other = readers(site.graph, site.layer)[0].name
    swap = {site.layer: other, other: site.layer}

    def renamed(names: Tuple[Any, ...]) -> Tuple[Any, ...]:
        return tuple(swap.get(n, n) for n in names)

    kept = [
        replace(
            n,
            name=swap.get(n.name, n.name),
            inputs=renamed(n.inputs),
            outputs=renamed(n.outputs),
        )
        for n in site.graph.nodes
    ]
    graph = replace(site.graph, nodes=tuple(kept), outputs=renamed(site.graph.outputs))
    return Planted(graph, f"named as {other}, and {other} as it", other)


def _activated(graph: Graph, node: Node) -> Optional[Node]:
    """The activation that this layer reads."""
    source = maker(graph, node.inputs[0] if node.inputs else None)
    return source if source is not None and source.op == "Activation" else None


def _read_before(site: Site) -> Planted:
    source = _activated(site.graph, site.node)
    assert source is not None
    inputs = (source.inputs[0], *site.node.inputs[1:])
    graph = with_node(site.graph, site.layer, inputs=inputs)
    return Planted(graph, f"reads {inputs[0]} for {source.name}", site.layer)


def _other_shortcuts(graph: Graph, node: Node) -> List[str]:
    """What earlier additions add, of the same shape as what this one adds."""
    found: List[str] = []
    for other in graph.nodes:
        if other.name == node.name:
            break
        if other.op == node.op:
            found += [n for n in (*other.inputs, other.name) if n is not None]
    if node.op != "elemwise_add":
        return []
    shape = graph.shapes[node.name]
    return [n for n in dict.fromkeys(found) if graph.shapes[n] == shape and n not in node.inputs]


def _other_shortcut(site: Site) -> Planted:
    other = site.draw(_other_shortcuts(site.graph, site.node))
    graph = with_node(site.graph, site.layer, inputs=(site.node.inputs[0], other))
    return Planted(graph, f"adds {other} for {site.node.inputs[1]}", site.layer)


def _swap_addends(site: Site) -> Planted:
    graph = with_node(site.graph, site.layer, inputs=site.node.inputs[::-1])
    return Planted(graph, "inputs exchanged", site.layer)


def _add_twice(site: Site) -> Planted:
    branch = site.node.inputs[0]
    graph = with_node(site.graph, site.layer, inputs=(branch, branch))
    return Planted(graph, f"adds {branch} to itself", site.layer)


def _single_reader(op: str, reader: str) -> Sites:
    """Layers of `op` with one reader, of operator `reader`, that are no outputs."""

    def is_so(graph: Graph, node: Node) -> bool:
        after = readers(graph, node.name)
        alone = len(after) == 1 and after[0].op == reader and node.name not in graph.outputs
        return node.op == op and alone

    return nodes(is_so)


def _before_last(graph: Graph) -> Optional[str]:
    """The layer that the last output is computed from."""
    last = maker(graph, graph.outputs[-1])
    source = maker(graph, last.inputs[0] if last is not None else None)
    return None if source is None else source.name


def _is_head(graph: Graph, node: Node) -> bool:
    return node.name == graph.outputs[-1] and _before_last(graph) is not None


def heads(kind: str, change: Callable[[Tuple[str, ...]], Tuple[str, ...]], note: str) -> Fault:
    """Outputs in error. A network with one output is judged with the layer before as one too."""

    def plant(site: Site) -> Planted:
        before = _before_last(site.graph)
        assert before is not None
        outputs = site.graph.outputs
        reference = replace(
            site.graph, outputs=outputs if len(set(outputs)) > 1 else (before, *outputs)
        )
        graph = replace(reference, outputs=change(reference.outputs))
        return Planted(graph, note, reference.outputs[0], reference=reference)

    return Fault(kind, GRAPH, nodes(_is_head), plant)


def _wrong_head(site: Site) -> Planted:
    before = _before_last(site.graph)
    assert before is not None
    graph = replace(site.graph, outputs=(*site.graph.outputs[:-1], before))
    return Planted(graph, f"{before} is returned", site.layer, reference=site.graph)


def _bake_flatten(site: Site) -> Planted:
    graph = with_node(site.graph, site.layer, op="Reshape", attrs={"shape": f"({_batch(site)},-1)"})
    return Planted(graph, "Flatten -> Reshape to one sample", site.layer)


def _batch(site: Site) -> int:
    return int(site.ground.shapes[site.layer][0])


COMMUTES = "addition commutes"

FAULTS: Tuple[Fault, ...] = (
    dropped("activation dropped", "Activation"),
    dropped("normalisation dropped", "BatchNorm"),
    dropped("softmax dropped", "SoftmaxOutput"),
    Fault(
        "activation left out",
        GRAPH,
        nodes(lambda g, n: n.op == "Activation" and readers(g, n.name)),
        _leave_out,
    ),
    Fault(
        "activation before normalisation",
        GRAPH,
        _single_reader("BatchNorm", "Activation"),
        _exchange_operators,
    ),
    Fault("input from before the activation", GRAPH, nodes(_activated), _read_before),
    Fault("residual inputs swapped", GRAPH, layers("elemwise_add"), _swap_addends, why=COMMUTES),
    Fault("residual from the wrong unit", GRAPH, nodes(_other_shortcuts), _other_shortcut),
    Fault("branch added to itself", GRAPH, layers("elemwise_add"), _add_twice),
    Fault(
        "name exchanged with the neighbour's",
        GRAPH,
        _single_reader("BatchNorm", "Activation"),
        _exchange_names,
    ),
    heads("outputs in another order", lambda names: names[::-1], "reversed"),
    heads("an output missing", lambda names: names[1:], "the first is missing"),
    Fault("another layer as output", GRAPH, nodes(_is_head), _wrong_head),
    Fault("batch size baked into a flattening", SHAPE, layers("Flatten"), _bake_flatten),
    attributes(
        "batch size baked into a reshape",
        layers("Reshape", where=lambda op: op.shape[0] in (0, -1) and -1 not in op.shape[1:]),
        lambda s: {"shape": (_batch(s), *s.op.shape[1:])},
        family=SHAPE,
    ),
)
