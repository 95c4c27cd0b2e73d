"""Faults of whole parameters: read in another order, swapped, borrowed, lost."""

from __future__ import annotations

from typing import Any, Callable, List, Tuple

import numpy as np

from converters import Graph
from mxproof.runtimes.base import Array

from .edits import Sites, layers, nodes, with_array, with_attributes, with_node
from .fault import WEIGHTS, Fault, Planted, Site

NORMS = layers("BatchNorm")
BIASED = layers("Convolution", "FullyConnected", where=lambda op: not op.no_bias)
WEIGHTED = layers("Convolution", "FullyConnected")
STATISTICS = ("moving_mean", "moving_var")


def whole(kind: str, sites: Sites, role: str, change: Callable[[Array], Array]) -> Fault:
    """All of a parameter, rearranged or replaced."""

    def plant(site: Site) -> Planted:
        array = change(site.array(role))
        return Planted(with_array(site.graph, site.parameter(role), array), role, site.layer)

    return Fault(kind, WEIGHTS, sites, plant)


def exchanged(kind: str, first: str, second: str) -> Fault:
    """Two parameters of a BatchNorm change places."""

    def plant(site: Site) -> Planted:
        inputs = list(site.node.inputs)
        a, b = (site.op.input_names().index(role) for role in (first, second))
        inputs[a], inputs[b] = inputs[b], inputs[a]
        graph = with_node(site.graph, site.layer, inputs=tuple(inputs))
        return Planted(graph, f"{first} <-> {second}", site.layer)

    return Fault(kind, WEIGHTS, NORMS, plant)


def _same_shape(graph: Graph, layer: str, roles: Tuple[str, ...]) -> List[Any]:
    """Layers of this operator whose parameters have these shapes."""

    def shapes(node: Any) -> List[Any]:
        names = graph.operators[node.name].input_names()
        return [graph.params[node.inputs[names.index(role)]].shape for role in roles]

    here = next(n for n in graph.nodes if n.name == layer)
    same = [n for n in graph.nodes if n.op == here.op and n.name != layer]
    return [n for n in same if shapes(n) == shapes(here)]


def borrowed(kind: str, op: str, roles: Tuple[str, ...]) -> Fault:
    """Parameters of another layer of the same shape."""

    def plant(site: Site) -> Planted:
        other = site.draw(_same_shape(site.graph, site.layer, roles))
        names = site.op.input_names()
        inputs = list(site.node.inputs)
        for role in roles:
            inputs[names.index(role)] = other.inputs[names.index(role)]
        graph = with_node(site.graph, site.layer, inputs=tuple(inputs))
        return Planted(graph, f"from {other.name}", site.layer)

    sites = nodes(lambda graph, n: n.op == op and _same_shape(graph, n.name, roles))
    return Fault(kind, WEIGHTS, sites, plant)


def _drop_bias(site: Site) -> Planted:
    graph = with_attributes(site.graph, site.layer, {"no_bias": True})
    graph = with_node(graph, site.layer, inputs=site.node.inputs[:2])
    return Planted(graph, "no_bias", site.layer)


def _cut_to_groups(site: Site) -> Planted:
    """Half of the channels of each filter are never read."""
    weight = site.array("weight")
    graph = with_array(site.graph, site.parameter("weight"), weight[:, : weight.shape[1] // 2])
    graph = with_attributes(graph, site.layer, {"num_group": 2 * site.op.num_group})
    return Planted(graph, f"num_group {site.op.num_group} -> {2 * site.op.num_group}", site.layer)


def _swap_filters(site: Site) -> Planted:
    weight = site.array("weight").copy()
    a, b = (int(i) for i in site.random.choice(len(weight), 2, replace=False))
    weight[[a, b]] = weight[[b, a]]
    graph = with_array(site.graph, site.parameter("weight"), weight)
    return Planted(graph, f"filters {a} and {b}", site.layer)


def _shaped(where: Callable[[Tuple[int, ...]], Any], *ops: str) -> Sites:
    """Layers whose weight has such a shape."""

    def is_so(graph: Graph, node: Any) -> bool:
        if node.op not in (ops or ("Convolution",)) or node.inputs[1] not in graph.params:
            return False
        return bool(where(graph.params[node.inputs[1]].shape))

    return nodes(is_so)


def _as_hwio(weight: Array) -> Array:
    """The buffer of (filters, channels, *kernel) taken for (*kernel, channels, filters)."""
    order = (*range(2, weight.ndim), 1, 0)
    shape = [weight.shape[a] for a in order]
    return weight.reshape(shape).transpose(np.argsort(order))


FAULTS: Tuple[Fault, ...] = (
    exchanged("moving mean and variance swapped", *STATISTICS),
    exchanged("gamma and beta swapped", "gamma", "beta"),
    whole("moving mean left at 0", NORMS, "moving_mean", np.zeros_like),
    whole("moving variance left at 1", NORMS, "moving_var", np.ones_like),
    whole("variance taken for the deviation", NORMS, "moving_var", np.sqrt),
    whole("beta left out", NORMS, "beta", np.zeros_like),
    borrowed("statistics of another layer", "BatchNorm", STATISTICS),
    borrowed("weight of another layer", "Convolution", ("weight",)),
    whole(
        "kernel flipped",
        _shaped(lambda s: max(s[2:]) > 1),
        "weight",
        lambda w: np.flip(w, tuple(range(2, w.ndim))),
    ),
    whole(
        "kernel height and width exchanged",
        _shaped(lambda s: len(s) > 3 and s[-1] == s[-2] > 1),
        "weight",
        lambda w: w.swapaxes(-1, -2),
    ),
    whole(
        "filters and channels exchanged",
        _shaped(lambda s: s[0] == s[1] > 1, "Convolution", "FullyConnected"),
        "weight",
        lambda w: w.swapaxes(0, 1),
    ),
    whole("kernel read in another layout", _shaped(len), "weight", _as_hwio),
    whole(
        "matrix read column by column",
        layers("FullyConnected"),
        "weight",
        lambda w: w.reshape(w.shape[::-1]).T,
    ),
    whole("channels reversed in the weight", WEIGHTED, "weight", lambda w: w[:, ::-1]),
    Fault("two filters exchanged", WEIGHTS, WEIGHTED, _swap_filters),
    Fault(
        "groups, the weight cut to fit",
        WEIGHTS,
        _shaped(lambda s: s[0] % 2 == s[1] % 2 == 0 < s[1]),
        _cut_to_groups,
    ),
    Fault(
        "bias dropped",
        WEIGHTS,
        BIASED,
        _drop_bias,
    ),
)
