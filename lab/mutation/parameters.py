"""Faults of parameters: read in another order, swapped, borrowed, lost, rounded, off by an ulp."""

from __future__ import annotations

from typing import Any, Callable, List, Tuple

import numpy as np

from converters import Graph, Node
from mxproof.runtimes.base import Array
from mxproof.tolerance import Budget

from .attributes import NORMS, WEIGHTED
from .definitions import weight_reads
from .edits import Sites, layers, nodes, with_array, with_attributes, with_node, with_parameters
from .equivalence import magnitudes
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


def whole(kind: str, sites: Sites, role: str, change: Callable[[Array], Array]) -> Fault:
    """All of a parameter, rearranged or replaced."""

    def plant(site: MutationSite) -> Mutant:
        return site.mutant(with_array(site, role, change(site.array(role))), role)

    return Fault(kind, WEIGHTS, sites, plant)


def exchanged(kind: str, first: str, second: str) -> Fault:
    """Two parameters of a BatchNorm change places."""

    def plant(site: MutationSite) -> Mutant:
        names = {first: site.parameter(second), second: site.parameter(first)}
        return site.mutant(with_parameters(site, names), f"{first} <-> {second}")

    return Fault(kind, WEIGHTS, NORMS, plant)


def borrowed(kind: str, op: str, *roles: str) -> Fault:
    """Parameters of another layer of the same shape."""

    def names(graph: Graph, node: Node) -> List[Any]:
        positions = graph.operators[node.name].input_names()
        return [node.inputs[positions.index(role)] for role in roles]

    def shapes(graph: Graph, node: Node) -> List[Any]:
        return [graph.params[name].shape for name in names(graph, node)]

    def alike(graph: Graph, node: Node) -> List[Node]:
        others = [n for n in graph.nodes if n.op == op == node.op and n.name != node.name]
        return [n for n in others if shapes(graph, n) == shapes(graph, node)]

    def plant(site: MutationSite) -> Mutant:
        other = site.draw(alike(site.graph, site.node))
        graph = with_parameters(site, dict(zip(roles, names(site.graph, other))))
        return site.mutant(graph, f"from {other.name}")

    return Fault(kind, WEIGHTS, nodes(alike), plant)


def _drop_bias(site: MutationSite) -> Mutant:
    graph = with_attributes(site.graph, site.layer, {"no_bias": True})
    return site.mutant(with_node(graph, site.layer, inputs=site.node.inputs[:2]), "no_bias")


def _cut_to_groups(site: MutationSite) -> Mutant:
    """Half of the channels of each filter are never read."""
    weight, groups = site.array("weight"), site.op.num_group
    graph = with_array(site, "weight", weight[:, : weight.shape[1] // 2])
    graph = with_attributes(graph, site.layer, {"num_group": 2 * groups})
    return site.mutant(graph, f"num_group {groups} -> {2 * groups}")


def _swap_filters(site: MutationSite) -> Mutant:
    weight = site.array("weight").copy()
    a, b = (int(i) for i in site.random.choice(len(weight), 2, replace=False))
    weight[[a, b]] = weight[[b, a]]
    return site.mutant(with_array(site, "weight", weight), f"filters {a} and {b}")


def _as_hwio(weight: Array) -> Array:
    """The buffer of (filters, channels, *kernel) taken for (*kernel, channels, filters)."""
    order = (*range(2, weight.ndim), 1, 0)
    shape = [weight.shape[a] for a in order]
    return weight.reshape(shape).transpose(np.argsort(order))


def _flipped(weight: Array) -> Array:
    return np.flip(weight, tuple(range(2, weight.ndim)))


# --- single numbers, single bits -----------------------------------------------------------


def rounded(kind: str, to: Callable[[Array], Array], what: str) -> Fault:
    """One of the layer's parameters, in a narrower type and back."""

    def plant(site: MutationSite) -> Mutant:
        role = site.draw([r for r in site.op.input_names() if r in site.op.parameters])
        array = site.array(role)
        narrow = to(array)
        why = f"every number in its {role} is {what} already" if (narrow == array).all() else ""
        return site.mutant(with_array(site, role, narrow), role, why or _unread(site, role))

    return Fault(kind, WEIGHTS, layers("BatchNorm", "Convolution", "FullyConnected"), plant)


def one_weight(kind: str, change: Callable[[Any, MutationSite], Any]) -> Fault:
    """One number of a convolution or a matrix; a live one if twenty draws find one."""

    def plant(site: MutationSite) -> Mutant:
        weight = site.array("weight").copy()
        for _ in range(20):
            at = tuple(int(site.random.integers(size)) for size in weight.shape)
            was, value = weight[at], change(weight[at], site)
            why = dead(site, at, float(value) - float(was))
            if not why:
                break
        weight[at] = value
        note = f"weight {at}: {was!s} -> {value!s}"
        return site.mutant(with_array(site, "weight", weight), note, why)

    return Fault(kind, WEIGHTS, WEIGHTED, plant)


def one_number(kind: str, sites: Sites, *roles: str) -> Fault:
    """One number of a vector, by one ulp."""

    def plant(site: MutationSite) -> Mutant:
        role = site.draw(roles)
        array = site.array(role).copy()
        at = int(site.random.integers(len(array)))
        was, array[at] = array[at], ulps(array[at], 1)
        note = f"{role} {at}: {was!s} -> {array[at]!s}"
        return site.mutant(with_array(site, role, array), note, _unread(site, role))

    return Fault(kind, WEIGHTS, sites, plant)


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


def _unread(site: MutationSite, role: str) -> str:
    fixed = site.node.op == "BatchNorm" and site.op.fix_gamma and role == "gamma"
    return "with fix_gamma the stored gamma is not read" if fixed else ""


def dead(site: MutationSite, at: Tuple[int, ...], delta: float) -> str:
    """Why a change of this weight moves nothing on these inputs; empty if it moves something."""
    if not delta:
        return "the weight is 0 already"
    filters = len(site.array("weight"))
    largest = moves = 0.0
    for truth in site.baseline.truths:
        x = site.baseline.value(str(site.node.inputs[0]), truth)
        read = float(np.abs(weight_reads(site.op, x, at, filters)).max())
        sizes = magnitudes(truth[site.layer].float64)
        size = float(sizes[at[0]] if len(sizes) == filters else sizes.min())
        largest, moves = max(largest, read), max(moves, abs(delta) * read / size)
    if not largest:
        return "this weight only ever reads zeros or padding on these inputs"
    if moves > Budget().float64_rel:
        return ""
    return f"it moves its channel by {moves:.0e} of its magnitude: less than rounding"


ALL, KERNELS = shaped(len), shaped(lambda s: max(s[2:]) > 1)
SQUARES = shaped(lambda s: len(s) > 3 and s[-1] == s[-2] > 1)
QUADRATIC = shaped(lambda s: s[0] == s[1] > 1, "Convolution", "FullyConnected")
EVEN = shaped(lambda s: s[0] % 2 == s[1] % 2 == 0 < s[1])

FAULTS: Tuple[Fault, ...] = (
    exchanged("moving mean and variance swapped", *STATISTICS),
    exchanged("gamma and beta swapped", "gamma", "beta"),
    whole("moving mean left at 0", NORMS, "moving_mean", np.zeros_like),
    whole("moving variance left at 1", NORMS, "moving_var", np.ones_like),
    whole("variance taken for the deviation", NORMS, "moving_var", np.sqrt),
    whole("beta left out", NORMS, "beta", np.zeros_like),
    borrowed("statistics of another layer", "BatchNorm", *STATISTICS),
    borrowed("weight of another layer", "Convolution", "weight"),
    whole("kernel flipped", KERNELS, "weight", _flipped),
    whole("kernel height and width exchanged", SQUARES, "weight", lambda w: w.swapaxes(-1, -2)),
    whole("filters and channels exchanged", QUADRATIC, "weight", lambda w: w.swapaxes(0, 1)),
    whole("kernel read in another layout", ALL, "weight", _as_hwio),
    whole("matrix read column by column", DENSE, "weight", lambda w: w.reshape(w.shape[::-1]).T),
    whole("channels reversed in the weight", WEIGHTED, "weight", lambda w: w[:, ::-1]),
    Fault("two filters exchanged", WEIGHTS, WEIGHTED, _swap_filters),
    Fault("groups, the weight cut to fit", WEIGHTS, EVEN, _cut_to_groups),
    Fault("bias dropped", WEIGHTS, BIASED, _drop_bias),
    rounded("one tensor rounded to float16", float16, "a float16"),
    rounded("one tensor rounded to bfloat16", bfloat16, "a bfloat16"),
    one_weight("sign of one weight", lambda w, s: -w),
    one_weight("one weight lost", lambda w, s: np.float32(0)),
    one_weight("one weight off by an ulp", lambda w, s: ulps(w, 1)),
    one_weight("one weight off by some ulps", lambda w, s: ulps(w, s.draw(range(2, 65)))),
    one_number("one number of a BatchNorm off by an ulp", NORMS, *NORM_ROLES),
    one_number("one bias off by an ulp", BIASED, "bias"),
)
