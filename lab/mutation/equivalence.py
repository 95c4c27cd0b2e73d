"""Which planted changes make no difference, decided from what the layers mean.

The rule: for MXNet's own recorded inputs, every changed layer computes by its definition
(definitions.py, plain NumPy) what it computed before, within the budget for the same function.
The harness has no say in it.
"""

from __future__ import annotations

from typing import List, Optional

import numpy as np

from converters import Graph, Node
from mxproof.check import channels
from mxproof.runtimes.base import Array
from mxproof.tolerance import Budget
from mxproof.truth import Truth

from .definitions import DEFINITIONS
from .mutant import Baseline, Fault, Mutant


def equivalent(fault: Fault, baseline: Baseline, mutant: Mutant) -> Optional[str]:
    """Why this change can make no difference for these inputs; None if it can."""
    if mutant.edit is not None:
        return None
    if mutant.feed is not None:
        fed = [(mutant.feed(t.inputs), t.inputs) for t in baseline.truths]
        same = all(np.array_equal(new[name], old[name]) for new, old in fed for name in old)
        return (fault.why or "the inputs stay as they are") if same else None
    layers = changed(mutant.reference or baseline.graph, mutant.graph)
    if layers is None or mutant.graph.inputs != baseline.graph.inputs:
        return None
    gap = max((_gap(baseline, mutant.graph, layer) for layer in layers), default=0.0)
    if gap > Budget().float64_rel:
        return None
    how = f"by {gap:.0e} of its magnitude, which is within rounding" if gap else "by nothing"
    return mutant.why or fault.why or f"by its definition the layer changes {how}"


def changed(before: Graph, after: Graph) -> Optional[List[str]]:
    """The layers that do something else; None if layers or outputs were added or removed."""
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


def _gap(baseline: Baseline, after: Graph, layer: str) -> float:
    """The largest difference, relative to the magnitude that the budget measures it by."""

    def defined(graph: Graph, truth: Truth) -> Array:
        """The layer by its definition, for MXNet's values of everything that it reads."""
        node = next(n for n in graph.nodes if n.name == layer)
        given = [
            graph.params[n].astype(np.float64) if n in graph.params else baseline.value(n, truth)
            for n in filter(None, node.inputs)
        ]
        with np.errstate(all="ignore"):
            return DEFINITIONS[node.op](graph.operators[layer], *given)

    try:
        return max(
            difference(defined(after, t), defined(baseline.graph, t)) for t in baseline.truths
        )
    except Exception:  # an impossible layer is not the same
        return float("inf")


def difference(value: Array, reference: Array) -> float:
    """max|x - t| over each channel, relative to the channel's magnitude (see `magnitudes`)."""
    if value.shape != reference.shape:
        return float("inf")
    x, t = channels(value), channels(reference)
    errors = np.abs(x - t).max(axis=(0, 2))
    if not np.isfinite(errors).all():
        return float("inf")
    return float((errors / magnitudes(reference)).max()) if errors.any() else 0.0


def magnitudes(reference: Array) -> Array:
    """By channel, as mxproof.tolerance.Budget defines them; never 0."""
    sizes = np.abs(channels(reference)).max(axis=(0, 2))
    least = max(Budget().channel_floor * float(sizes.max()), float(np.finfo(np.float64).tiny))
    result: Array = np.maximum(sizes, least)
    return result
