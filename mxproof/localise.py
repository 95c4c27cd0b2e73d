"""Which layer is wrong: where a difference is introduced, not how far it spreads."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from converters import Graph

from .compare import compare
from .runtimes.base import Candidate, Inputs, LayerTruth
from .verdict import Check, Comparison


def first_introduced(
    truth: Sequence[LayerTruth], candidate: Candidate, inputs: Inputs, graph: Graph
) -> Optional[Check]:
    """The first layer that differs although it is given MXNet's own inputs."""
    failed = compare(truth, candidate, inputs, graph, alone=True).failed
    return failed[0] if failed else None


def describe_failure(
    model: str, target: str, comparison: Comparison, introduced: Optional[Check]
) -> str:
    """A paragraph: the culprit first, and how far it spread."""
    count = len(comparison.checks)
    head = f"{model}/{target} {comparison.precision}: "
    positions: Mapping[str, int] = {c.layer: i for i, c in enumerate(comparison.checks, 1)}
    parts = list(comparison.problems)
    culprit = introduced or (comparison.failed[0] if comparison.failed else None)
    if culprit:
        verb = "introduced the first difference" if introduced else "is the first to differ"
        where = f"layer {positions.get(culprit.layer, 0)} of {count}"
        parts.insert(0, f"{culprit.op} {culprit.layer!r} {verb} ({where}): {culprit.problem}")
        parts.append(f"{len(comparison.failed)} of {count} layers differ in the chain")
    return head + "; ".join(parts) + "."
