"""Faults of parameters: read in another order, swapped, borrowed, lost, rounded, off by an ulp."""

from __future__ import annotations

from typing import Any, Callable, List, Tuple

import numpy as np

from converters import Graph, Node
from mxproof.runtimes.base import Array

from .attributes import NORMS, WEIGHTED
from .edits import Sites, layers, nodes, producer, with_attributes, with_node
from .mutant import WEIGHTS, Fault, Mutant, MutationSite

DENSE = layers("FullyConnected")
BIASED = layers("Convolution", "FullyConnected", where=lambda op: not op.no_bias)
STATISTICS = ("moving_mean", "moving_var")
NORM_ROLES = ("gamma", "beta", *STATISTICS)


def shaped(where: Callable[[Tuple[int, ...]], Any], *ops: str) -> Sites:
    """Layers (convolutions unless others are given) with a weight of such a shape."""

    def fits(graph: Graph, node: Node) -> bool:
        weight = graph.params.get(str(node.inputs[1])) if len(node.inputs) > 1 else None
        return node.op in (ops or ("Convolution",)) and weight is not None and where(weight.shape)

    return nodes(fits)


# --- whole parameters ----------------------------------------------------------------------


def whole(kind: str, sites: Sites, change: Callable[[Array], Array], role: str = "") -> Fault:
    """All of a parameter, rearranged, replaced or rounded; of any of the layer's without a role."""

    def plant(site: MutationSite) -> Mutant:
        stored = [r for r in site.op.input_names() if r in site.op.parameters]
        drawn = role or site.draw(stored)
        return site.stored(drawn, change(site.array(drawn)), drawn)

    return Fault(kind, WEIGHTS, sites, plant)


def exchanged(kind: str, first: str, second: str) -> Fault:
    """Two parameters of a BatchNorm change places."""

    def plant(site: MutationSite) -> Mutant:
        names = {first: site.parameter(second), second: site.parameter(first)}
        return site.reading(names, f"{first} <-> {second}")

    return Fault(kind, WEIGHTS, NORMS, plant)


def borrowed(kind: str, op: str, *roles: str) -> Fault:
    """Parameters of another layer of the same shape."""

    def names(graph: Graph, node: Node) -> List[Any]:
        positions = graph.operators[node.name].input_names()
        return [node.inputs[positions.index(role)] for role in roles]

    def alike(graph: Graph, node: Node) -> List[Node]:
        def shapes(n: Node) -> List[Any]:
            return [graph.params[name].shape for name in names(graph, n)]

        others = [n for n in graph.nodes if n.op == op == node.op and n.name != node.name]
        return [n for n in others if shapes(n) == shapes(node)]

    def plant(site: MutationSite) -> Mutant:
        other = site.draw(alike(site.graph, site.node))
        return site.reading(dict(zip(roles, names(site.graph, other))), f"from {other.name}")

    return Fault(kind, WEIGHTS, nodes(alike), plant)


def _drop_bias(site: MutationSite) -> Mutant:
    graph = with_attributes(site.graph, site.layer, {"no_bias": True})
    return site.mutant(with_node(graph, site.layer, inputs=site.node.inputs[:2]), "no_bias")


def _cut_to_groups(site: MutationSite) -> Mutant:
    """Half of the channels of each filter are never read."""
    weight, groups = site.array("weight"), site.op.num_group
    graph = site.stored("weight", weight[:, : weight.shape[1] // 2], "").graph
    graph = with_attributes(graph, site.layer, {"num_group": 2 * groups})
    return site.mutant(graph, f"num_group {groups} -> {2 * groups}")


def _swap_filters(site: MutationSite) -> Mutant:
    weight = site.array("weight").copy()
    a, b = (int(i) for i in site.random.choice(len(weight), 2, replace=False))
    weight[[a, b]] = weight[[b, a]]
    return site.stored("weight", weight, f"filters {a} and {b}")


def _as_hwio(weight: Array) -> Array:
    """The buffer of (filters, channels, *kernel) taken for (*kernel, channels, filters)."""
    order = (*range(2, weight.ndim), 1, 0)
    shape = [weight.shape[a] for a in order]
    return weight.reshape(shape).transpose(np.argsort(order))


def _flipped(weight: Array) -> Array:
    return np.flip(weight, tuple(range(2, weight.ndim)))


# --- single numbers, single bits -----------------------------------------------------------


def one_number(
    kind: str, sites: Sites, change: Callable[[Any, MutationSite], Any], *roles: str
) -> Fault:
    """One number of a parameter, another one if twenty draws find one that the change changes."""

    def plant(site: MutationSite) -> Mutant:
        role = site.draw(roles)
        for _ in range(20):
            array = site.array(role).copy()
            at = tuple(int(site.random.integers(size)) for size in array.shape)
            was, array[at] = array[at], change(array[at], site)
            if array[at] != was:
                break
        return site.stored(role, array, f"{role} {at}: {was!s} -> {array[at]!s}")

    return Fault(kind, WEIGHTS, sites, plant)


# --- numbers that the inputs do not reach ----------------------------------------------------


def _unreached(site: MutationSite) -> Array:
    """The largest magnitude of each of the data's channels, over all inputs that are drawn."""
    name = str(site.node.inputs[0])
    values = (site.baseline.value(name, truth) for truth in site.baseline.truths)
    largest: Array = np.max([np.abs(v).max((0, *range(2, v.ndim))) for v in values], axis=0)
    return largest


def _change_unreached(site: MutationSite) -> Mutant:
    """The weights of the channels that are 0 on all inputs, or of the one that is closest to it."""
    weight, largest = site.array("weight").copy(), _unreached(site)
    least = np.flatnonzero(largest <= largest.min())
    groups = getattr(site.op, "num_group", 1)
    per_group, filters = weight.shape[1], len(weight) // groups
    for channel in least:
        group, place = divmod(int(channel), per_group)
        rows = slice(group * filters, (group + 1) * filters)
        weight[rows, place] = 10 * weight[rows, place] + np.float32(0.1)
    note = f"{len(least)} channels, at most {largest.min():.1g} on all inputs: w -> 10 w + 0.1"
    return site.stored("weight", weight, note)


def ulps(value: Any, count: int) -> Any:
    """The float32 this many steps away from zero."""
    bits = np.array(value, np.float32).view(np.int32) + np.int32(count)
    return bits.view(np.float32)[()]


def bfloat16(array: Array) -> Array:
    """Rounded to nearest, ties to even: the upper half of a float32."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    up = ((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)
    kept: Array = (bits + up) & np.uint32(0xFFFF0000)
    return kept.view(np.float32)


def float16(array: Array) -> Array:
    return array.astype(np.float16).astype(np.float32)


ALL, KERNELS = shaped(len), shaped(lambda s: max(s[2:]) > 1)
SQUARES = shaped(lambda s: len(s) > 3 and s[-1] == s[-2] > 1)
QUADRATIC = shaped(lambda s: s[0] == s[1] > 1, "Convolution", "FullyConnected")
EVEN = shaped(lambda s: s[0] % 2 == s[1] % 2 == 0 < s[1])
STORED = layers("BatchNorm", "Convolution", "FullyConnected")


def _behind_relu(graph: Graph, node: Node) -> bool:
    source = producer(graph, node.inputs[0] if node.inputs else None)
    rectified = source is not None and source.attrs.get("act_type") == "relu"
    return rectified and node.op in ("Convolution", "FullyConnected")


FAULTS: Tuple[Fault, ...] = (
    exchanged("moving mean and variance swapped", *STATISTICS),
    exchanged("gamma and beta swapped", "gamma", "beta"),
    whole("moving mean left at 0", NORMS, np.zeros_like, "moving_mean"),
    whole("moving variance left at 1", NORMS, np.ones_like, "moving_var"),
    whole("variance taken for the deviation", NORMS, np.sqrt, "moving_var"),
    whole("beta left out", NORMS, np.zeros_like, "beta"),
    borrowed("statistics of another layer", "BatchNorm", *STATISTICS),
    borrowed("weight of another layer", "Convolution", "weight"),
    whole("kernel flipped", KERNELS, _flipped, "weight"),
    whole("kernel height and width exchanged", SQUARES, lambda w: w.swapaxes(-1, -2), "weight"),
    whole("filters and channels exchanged", QUADRATIC, lambda w: w.swapaxes(0, 1), "weight"),
    whole("kernel read in another layout", ALL, _as_hwio, "weight"),
    whole("matrix read column by column", DENSE, lambda w: w.reshape(w.shape[::-1]).T, "weight"),
    whole("channels reversed in the weight", WEIGHTED, lambda w: w[:, ::-1], "weight"),
    Fault("two filters exchanged", WEIGHTS, WEIGHTED, _swap_filters),
    Fault("groups, the weight cut to fit", WEIGHTS, EVEN, _cut_to_groups),
    Fault("bias dropped", WEIGHTS, BIASED, _drop_bias),
    whole("one tensor rounded to float16", STORED, float16),
    whole("one tensor rounded to bfloat16", STORED, bfloat16),
    one_number("sign of one weight", WEIGHTED, lambda w, s: -w, "weight"),
    one_number("one weight lost", WEIGHTED, lambda w, s: 0, "weight"),
    one_number("one weight off by an ulp", WEIGHTED, lambda w, s: ulps(w, 1), "weight"),
    one_number(
        "one weight off by some ulps",
        WEIGHTED,
        lambda w, s: ulps(w, s.draw(range(2, 65))),
        "weight",
    ),
    one_number(
        "one number of a BatchNorm off by an ulp", NORMS, lambda v, s: ulps(v, 1), *NORM_ROLES
    ),
    one_number("one bias off by an ulp", BIASED, lambda v, s: ulps(v, 1), "bias"),
    Fault("weights that no input reaches", WEIGHTS, nodes(_behind_relu), _change_unreached),
)
