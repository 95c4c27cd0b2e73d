"""Planted changes that provably make no difference, by the definitions of the operators.

Each layer is written down as what inference reads of it (`meaning`): a momentum is not in it, the
window of a global pooling is not, of a gamma that counts as 1 the numbers are not. Two networks
whose layers mean the same compute the same, whatever they are given. What only happens to show on
none of the inputs at hand is a fault. Neither the harness nor any inputs have a say in it.

Source: MXNet 1.9.1, src/operator/nn/batch_norm.cc, convolution-inl.h, pooling-inl.h, dropout-inl.h,
and src/operator/softmax_output-inl.h.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

import numpy as np

from converters import Graph, Node

from .mutant import Mutant

#: What a layer computes: whatever has to be equal for it to compute the same.
Meaning = Dict[str, Any]

SAME = "every layer means what it meant"


def equivalent(before: Graph, mutant: Mutant) -> Optional[str]:
    """Why this change makes no difference to any input; None if it makes one to some."""
    after = mutant.graph
    if mutant.edit is not None or mutant.feed is not None or mutant.reference is not None:
        return None
    forms = [(g.inputs, g.outputs, [(n.name, n.outputs) for n in g.nodes]) for g in (before, after)]
    if forms[0] != forms[1]:
        return None
    changed = (
        (a, b)
        for a, b in zip(before.nodes, after.nodes)
        if a != b or _stored(before, a) != _stored(after, b)
    )
    try:
        alike = all(same(meaning(before, a), meaning(after, b)) for a, b in changed)
    except Exception:  # an impossible layer is not the same
        return None
    return SAME if alike else None


def _stored(graph: Graph, node: Node) -> List[int]:
    return [id(graph.params[n]) for n in filter(None, node.inputs) if n in graph.params]


def same(a: Meaning, b: Meaning) -> bool:
    """Numbers that are equal, bits apart: 0 and -0 are."""
    if a.keys() != b.keys():
        return False
    for x, y in ((a[key], b[key]) for key in a):
        arrays = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
        if not (np.array_equal(x, y) if arrays else x is y or x == y):
            return False
    return True


def meaning(graph: Graph, node: Node) -> Meaning:
    """What inference reads of a layer: its operator's definition, settings, data and numbers."""
    operator = graph.operators[node.name]
    found: Meaning = {"op": node.op, "attrs": dict(node.attrs), **vars(operator)}
    names = operator.input_names()
    for role, name in zip(names, node.inputs):
        found[f"input {role}"] = graph.params.get(name or "", name)
    refine = REFINEMENTS.get(node.op)
    return refine(graph, node, found) if refine else found


def _batch_norm(graph: Graph, node: Node, found: Meaning) -> Meaning:
    """(x - moving_mean) / sqrt(moving_var + eps) * gamma + beta."""
    if found["fix_gamma"]:
        found["input gamma"] = np.ones_like(found["input gamma"])
    read = ("op", "eps", "axis", *(k for k in found if k.startswith("input ")))
    return {key: found[key] for key in read if key in found}


def _convolution(graph: Graph, node: Node, found: Meaning) -> Meaning:
    """A kernel of size 1 has nothing to dilate; the rest of the settings choose how a GPU works."""
    dilate = tuple(d if k > 1 else 1 for d, k in zip(found["dilate"], found["kernel"]))
    read = ("op", "kernel", "stride", "pad", "num_filter", "num_group", "no_bias")
    inputs = {key: value for key, value in found.items() if key.startswith("input ")}
    return {**{key: found[key] for key in read}, "dilate": dilate, **inputs}


def _pooling(graph: Graph, node: Node, found: Meaning) -> Meaning:
    """A global one has one window. With steps of 1 all windows come out even. Only an average
    counts, and only over padding does it matter what."""
    kept = {key: found[key] for key in ("op", "pool_type", "global_pool", "input data")}
    if found["global_pool"]:
        return kept
    operator = graph.operators[node.name]
    kept.update({key: found[key] for key in ("kernel", "stride", "pad")})
    kept["full"] = operator.full and max(found["stride"], default=1) > 1  # type: ignore[attr-defined]
    averages = found["pool_type"] == "avg" and any(found["pad"])
    kept["counts"] = operator.counts_pad if averages else None  # type: ignore[attr-defined]
    return kept


def _softmax_output(graph: Graph, node: Node, found: Meaning) -> Meaning:
    """Of two dimensions axis 1, the last, and all but the first are the same."""
    kept = {key: found[key] for key in ("op", "input data")}
    shape = graph.shapes[str(node.inputs[0])]
    if shape is None or len(shape) != 2:
        kept.update({key: found[key] for key in ("multi_output", "preserve_shape")})
    return kept


def _dropout(graph: Graph, node: Node, found: Meaning) -> Meaning:
    """In inference nothing is dropped, unless it is to be always."""
    always = getattr(graph.operators[node.name], "mode", "training") == "always"
    return found if always else {key: found[key] for key in ("op", "input data")}


def _addition(graph: Graph, node: Node, found: Meaning) -> Meaning:
    """Addition commutes."""
    return {"op": node.op, "inputs": sorted(map(str, node.inputs))}


REFINEMENTS: Dict[str, Callable[[Graph, Node, Meaning], Meaning]] = {
    "BatchNorm": _batch_norm,
    "Convolution": _convolution,
    "Dropout": _dropout,
    "Pooling": _pooling,
    "SoftmaxOutput": _softmax_output,
    "elemwise_add": _addition,
}
