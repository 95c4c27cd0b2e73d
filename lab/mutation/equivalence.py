"""Which planted changes make no difference, decided from what the layers mean.

The rule: for MXNet's own recorded inputs, every changed layer computes by its definition
(definitions.py, plain NumPy) what it computed before, within the budget for the same function.
The harness has no say in it.
"""

from __future__ import annotations

import math
from typing import List, Optional

import numpy as np

from converters import Graph, Node
from mxproof.check import channels
from mxproof.runtimes.base import Array
from mxproof.tolerance import Budget
from mxproof.truth import Truth

from .definitions import DEFINITIONS
from .mutant import Baseline, Mutant


def makes_no_difference(baseline: Baseline, mutant: Mutant) -> Optional[str]:
    """Why this change can make no difference for these inputs; None if it can."""
    if mutant.edit is not None:
        return None
    if mutant.feed is not None:
        fed = [(mutant.feed(t.inputs), t.inputs) for t in baseline.truths]
        same = all(np.array_equal(new[name], old[name]) for new, old in fed for name in old)
        return "the inputs stay as they are" if same else None
    layers = changed(mutant.reference or baseline.graph, mutant.graph)
    if layers is None or mutant.graph.inputs != baseline.graph.inputs:
        return None
    gap = max((_gap(baseline, mutant.graph, layer) for layer in layers), default=0.0)
    if gap > Budget().float64_rel:
        return None
    how = f"by {gap:.0e} of its magnitude, which is within rounding" if gap else "by nothing"
    return f"by its definition the layer changes {how}"


def changed(before: Graph, after: Graph) -> Optional[List[str]]:
    """The layers that do something else; None if layers or outputs were added or removed."""

    def parameters(graph: Graph, node: Node) -> List[int]:
        return [id(graph.params[n]) for n in filter(None, node.inputs) if n in graph.params]

    pairs = list(zip(before.nodes, after.nodes))
    alike = len(before.nodes) == len(after.nodes) and all(a.name == b.name for a, b in pairs)
    if not alike or before.outputs != after.outputs:
        return None
    return [b.name for a, b in pairs if a != b or parameters(before, a) != parameters(after, b)]


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
            value: Array = DEFINITIONS[node.op](graph.operators[layer], *given)
            return value

    try:
        return max(
            difference(defined(after, t), defined(baseline.graph, t)) for t in baseline.truths
        )
    except Exception:  # an impossible layer is not the same
        return math.inf


def difference(value: Array, reference: Array) -> float:
    """max|x - t| over each channel, relative to the channel's magnitude, which is the largest
    number in it or, if that is greater, a fraction of the largest of all (`Budget`)."""
    if value.shape != reference.shape:
        return math.inf
    x, t = channels(value), channels(reference)
    errors, sizes = np.abs(x - t).max(axis=(0, 2)), np.abs(t).max(axis=(0, 2))
    if not np.isfinite(errors).all():
        return math.inf
    least = max(Budget().channel_floor * float(sizes.max()), float(np.finfo(np.float64).tiny))
    return float((errors / np.maximum(sizes, least)).max())
