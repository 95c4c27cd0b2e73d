"""Faults of the graph: layers dropped, exchanged, wired or named or returned wrongly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, Optional, Tuple

from converters import Graph, Node

from .attributes import misshaped
from .edits import Sites, layers, nodes, producer, readers, with_node
from .mutant import GRAPH, SHAPE, Fault, Mutant, MutationSite

Names = Tuple[Any, ...]


# --- layers --------------------------------------------------------------------------------


def _drop(site: MutationSite) -> Mutant:
    """The layer passes on its data, as MXNet's Dropout does in inference."""
    note, data = f"{site.node.op} -> identity", site.node.inputs[:1]
    return site.changed(note, op="Dropout", attrs={}, inputs=data)


def _leave_out(site: MutationSite) -> Mutant:
    """The layer is gone. A difference first shows in the layer that reads past it."""
    graph, (source, *_) = site.graph, site.node.inputs
    kept = [
        replace(n, inputs=tuple(source if i == site.layer else i for i in n.inputs))
        for n in graph.nodes
        if n.name != site.layer
    ]
    reader = readers(graph, site.layer)[0].name
    return Mutant(replace(graph, nodes=tuple(kept)), f"{reader} reads past it", reader)


def _exchange_operators(site: MutationSite) -> Mutant:
    """BatchNorm, Activation -> Activation, BatchNorm, each under the other's name."""
    norm, (act,) = site.node, readers(site.graph, site.layer)
    first = {"op": act.op, "attrs": act.attrs, "inputs": norm.inputs[:1]}
    then = {"op": norm.op, "attrs": norm.attrs, "inputs": (norm.name, *norm.inputs[1:])}
    graph = with_node(with_node(site.graph, norm.name, **first), act.name, **then)
    return site.mutant(graph, f"{act.name} comes first")


def _exchange_names(site: MutationSite) -> Mutant:
    """Two neighbours bear each other's name; the converted model shows the reader's first."""
    other = readers(site.graph, site.layer)[0].name
    swap = {site.layer: other, other: site.layer}

    def renamed(names: Names) -> Names:
        return tuple(swap.get(n, n) for n in names)

    kept = [
        replace(
            n, name=swap.get(n.name, n.name), inputs=renamed(n.inputs), outputs=renamed(n.outputs)
        )
        for n in site.graph.nodes
    ]
    graph = replace(site.graph, nodes=tuple(kept), outputs=renamed(site.graph.outputs))
    return Mutant(graph, f"named as {other}, and {other} as it", other)


def _before(op: str, reader: str) -> Sites:
    """Layers of `op` with a single reader, of operator `reader`, that are not outputs."""

    def fits(graph: Graph, node: Node) -> bool:
        after = [n.op for n in readers(graph, node.name)]
        return node.op == op and after == [reader] and node.name not in graph.outputs

    return nodes(fits)


# --- what a layer reads --------------------------------------------------------------------


def _activation(graph: Graph, node: Node) -> Optional[Node]:
    """The activation that this layer reads."""
    source = producer(graph, node.inputs[0] if node.inputs else None)
    return source if source is not None and source.op == "Activation" else None


def _read_before(site: MutationSite) -> Mutant:
    source = _activation(site.graph, site.node)
    assert source is not None
    name = source.inputs[0]
    note = f"reads {name} for {source.name}"
    return site.changed(note, inputs=(name, *site.node.inputs[1:]))


def _swap_inputs(site: MutationSite) -> Mutant:
    return site.changed("inputs exchanged", inputs=site.node.inputs[::-1])


def _double(site: MutationSite) -> Mutant:
    branch = site.node.inputs[0]
    return site.changed(f"adds {branch} to itself", inputs=(branch, branch))


def _other_shortcuts(graph: Graph, node: Node) -> List[str]:
    """Inputs and results of earlier additions, of the shape that this one adds."""
    if node.op != "elemwise_add":
        return []
    earlier = graph.nodes[: graph.nodes.index(node)]
    found = [v for n in earlier if n.op == node.op for v in (*n.inputs, n.name) if v is not None]
    shape = graph.shapes[node.name]
    return [n for n in dict.fromkeys(found) if graph.shapes[n] == shape and n not in node.inputs]


def _take_other_shortcut(site: MutationSite) -> Mutant:
    branch, shortcut = site.node.inputs
    other = site.draw(_other_shortcuts(site.graph, site.node))
    return site.changed(f"adds {other} for {shortcut}", inputs=(branch, other))


# --- outputs -------------------------------------------------------------------------------


def _before_last(graph: Graph) -> Optional[str]:
    """The layer that the last output is computed from."""
    last = producer(graph, graph.outputs[-1])
    source = producer(graph, last.inputs[0] if last is not None else None)
    return None if source is None else source.name


HEADS = nodes(lambda graph, n: n.name == graph.outputs[-1] and _before_last(graph) is not None)


def heads(kind: str, change: Callable[[Names], Names], note: str) -> Fault:
    """Wrong outputs. A network with one output is judged with the layer before it as another."""

    def plant(site: MutationSite) -> Mutant:
        reference, own = site.graph, None
        if len(set(reference.outputs)) == 1:
            before = str(_before_last(reference))
            reference = own = site.baseline.returning(before, *reference.outputs)
        graph = replace(reference, outputs=change(reference.outputs))
        return Mutant(graph, note, reference.outputs[0], reference=own)

    return Fault(kind, GRAPH, HEADS, plant)


def _return_another(site: MutationSite) -> Mutant:
    before = str(_before_last(site.graph))
    graph = replace(site.graph, outputs=(*site.graph.outputs[:-1], before))
    return Mutant(graph, f"{before} is returned", site.layer)


# --- batch sizes ---------------------------------------------------------------------------


def _batch(site: MutationSite) -> int:
    return int(site.baseline.shapes[site.layer][0])


def _bake_flatten(site: MutationSite) -> Mutant:
    attrs = {"shape": f"({_batch(site)},-1)"}
    return site.changed("Flatten -> Reshape to one sample", op="Reshape", attrs=attrs)


ADDITIONS, PAIRS = layers("elemwise_add"), _before("BatchNorm", "Activation")
READ = nodes(lambda graph, n: n.op == "Activation" and readers(graph, n.name))
BATCHED = layers("Reshape", where=lambda op: op.shape[0] in (0, -1) and -1 not in op.shape[1:])

FAULTS: Tuple[Fault, ...] = (
    Fault("activation dropped", GRAPH, layers("Activation"), _drop),
    Fault("normalisation dropped", GRAPH, layers("BatchNorm"), _drop),
    Fault("softmax dropped", GRAPH, layers("SoftmaxOutput"), _drop),
    Fault("activation left out", GRAPH, READ, _leave_out),
    Fault("activation before normalisation", GRAPH, PAIRS, _exchange_operators),
    Fault("input from before the activation", GRAPH, nodes(_activation), _read_before),
    Fault("residual inputs swapped", GRAPH, ADDITIONS, _swap_inputs, "addition commutes"),
    Fault("residual from the wrong unit", GRAPH, nodes(_other_shortcuts), _take_other_shortcut),
    Fault("branch added to itself", GRAPH, ADDITIONS, _double),
    Fault("name exchanged with the neighbour's", GRAPH, PAIRS, _exchange_names),
    heads("outputs in another order", lambda names: names[::-1], "reversed"),
    heads("an output missing", lambda names: names[1:], "the first is missing"),
    Fault("another layer as output", GRAPH, HEADS, _return_another),
    Fault("batch size baked into a flattening", SHAPE, layers("Flatten"), _bake_flatten),
    misshaped(
        "batch size baked into a reshape",
        BATCHED,
        lambda s: {"shape": (_batch(s), *s.op.shape[1:])},
    ),
)
