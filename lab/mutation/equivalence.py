"""Which planted changes make no difference, decided from what the layers mean.

The rule: with MXNet's own recorded inputs, every layer that was changed computes by its definition
(mxproof/faults/definition.py, plain NumPy) what it computed before, within the budget for the same
function. The harness is not asked.
"""

from __future__ import annotations

from typing import List, Optional

import numpy as np

from converters import Graph, Node
from mxproof.check import channels
from mxproof.runtimes.base import Array
from mxproof.tolerance import Budget
from mxproof.truth import Truth

from .definition import DEFINITIONS
from .fault import Fault, Ground, Planted


def equivalent(fault: Fault, ground: Ground, planted: Planted) -> Optional[str]:
    """Why this change can make no difference on these inputs; None if it can."""
    if planted.edit is not None:
        return None
    if planted.feed is not None:
        same = all(_fed_the_same(planted, truth) for truth in ground.truths)
        return (fault.why or "the inputs stay as they are") if same else None
    layers = changed(planted.reference or ground.graph, planted.graph)
    if layers is None or planted.graph.inputs != ground.graph.inputs:
        return None
    gap = max((_gap(ground, planted.graph, layer) for layer in layers), default=0.0)
    if gap > Budget().float64_rel:
        return None
    how = f"by {gap:.0e} of its magnitude, which is within rounding" if gap else "by nothing"
    return planted.why or fault.why or f"by its definition the layer changes {how}"


def changed(before: Graph, after: Graph) -> Optional[List[str]]:
    """The layers that do something else; None if there are others, or other outputs."""
    was = {n.name: n for n in before.nodes}
    now = {n.name: n for n in after.nodes}
    if list(was) != list(now) or before.outputs != after.outputs:
        return None

    def parameters(graph: Graph, node: Node) -> List[int]:
        return [id(graph.params[n]) for n in filter(None, node.inputs) if n in graph.params]

    return [
        name
        for name, node in now.items()
        if node != was[name] or parameters(after, node) != parameters(before, was[name])
    ]


def _gap(ground: Ground, after: Graph, layer: str) -> float:
    """The largest difference, to the magnitude that the budget measures it by."""
    try:
        gaps = [
            difference(_defined(ground, after, layer, t), _defined(ground, ground.graph, layer, t))
            for t in ground.truths
        ]
    except Exception:  # what cannot be computed is not the same
        return float("inf")
    return max(gaps)


def _defined(ground: Ground, graph: Graph, layer: str, truth: Truth) -> Array:
    """The layer by its definition, on what MXNet gave to the layers that it reads."""
    node = next(n for n in graph.nodes if n.name == layer)
    given = [
        graph.params[n].astype(np.float64) if n in graph.params else ground.value(n, truth)
        for n in filter(None, node.inputs)
    ]
    with np.errstate(all="ignore"):
        return DEFINITIONS[node.op](graph.operators[layer], *given)


def difference(value: Array, reference: Array) -> float:
    """max|x - t| over each channel, to the channel's magnitude or an eighth of the layer's."""
    if value.shape != reference.shape:
        return float("inf")
    x, t = channels(value), channels(reference)
    errors = np.abs(x - t).max(axis=(0, 2))
    if not np.isfinite(errors).all():
        return float("inf")
    return float((errors / magnitudes(reference)).max()) if errors.any() else 0.0


def magnitudes(reference: Array) -> Array:
    """By channel, as mxproof.tolerance.Budget says; never 0."""
    sizes = np.abs(channels(reference)).max(axis=(0, 2))
    least = max(Budget().channel_floor * float(sizes.max()), float(np.finfo(np.float64).tiny))
    result: Array = np.maximum(sizes, least)
    return result


def _fed_the_same(planted: Planted, truth: Truth) -> bool:
    assert planted.feed is not None
    fed = planted.feed(truth.inputs)
    return all(np.array_equal(fed[name], array) for name, array in truth.inputs.items())
