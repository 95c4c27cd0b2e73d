"""Which layers are wrong: where differences are introduced, not how far they spread."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence, Tuple

from converters import Graph

from .compare import compare
from .runtimes.base import Candidate
from .tolerance import Budgets
from .truth import Truth
from .verdict import Check, Comparison

#: Culprits that a message names; more of them are one mistake made often.
NAMED = 5


def introduced(
    truth: Truth, candidate: Candidate, graph: Graph, budgets: Optional[Budgets] = None
) -> Tuple[Check, ...]:
    """Every layer that differs although it is given MXNet's own inputs, in order.

    Independent faults are all in it; what they do to later layers is not.
    """
    return compare(truth, candidate, graph, budgets, alone=True).culprits


def describe_failure(
    model: str, target: str, comparison: Comparison, culprits: Sequence[Check] = ()
) -> str:
    """A paragraph: the culprits first, and how far they spread."""
    count = len(comparison.expected)
    positions: Mapping[str, int] = {name: i for i, name in enumerate(comparison.expected, 1)}
    parts = []
    for number, culprit in enumerate(culprits[:NAMED]):
        verb = "introduced another difference" if number else "introduced the first difference"
        parts.append(_sentence(culprit, verb, positions, count))
    if len(culprits) > NAMED:
        parts.append(f"{len(culprits) - NAMED} more layers introduced differences")
    if not culprits and comparison.failed:
        parts.append(_sentence(comparison.failed[0], "is the first to differ", positions, count))
    parts += comparison.problems
    if comparison.failed:
        parts.append(f"{len(comparison.failed)} of {count} layers differ in the chain")
    return f"{model}/{target} {comparison.precision}: " + "; ".join(parts) + "."


def _sentence(check: Check, verb: str, positions: Mapping[str, int], count: int) -> str:
    where = f"layer {positions.get(check.layer, 0)} of {count}"
    return f"{check.op} {check.layer!r} {verb} ({where}): {check.problem}"
