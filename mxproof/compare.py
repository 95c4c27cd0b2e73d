"""Judging a converted model, layer by layer, against MXNet."""

from __future__ import annotations

from typing import List, Optional

import numpy as np

from converters import Graph

from .portions import LIMIT
from .runtimes.base import Array, Candidate
from .tolerance import Budgets
from .truth import Truth
from .verdict import Check, Comparison


def compare(
    truth: Truth,
    candidate: Candidate,
    graph: Graph,
    budgets: Optional[Budgets] = None,
    *,
    alone: bool = False,
) -> Comparison:
    """Run the candidate on the truth's inputs and judge every layer.

    Args:
        alone: feed each layer MXNet's results instead of the candidate's own, so that a
            difference shows where it is introduced and nowhere else.
    """
    budgets = budgets or Budgets()
    nodes = {name: node for node in graph.nodes for name in node.outputs}
    checks: List[Check] = []

    def visit(layer: str, value: Array) -> Optional[Array]:
        if layer not in truth:
            return None
        row = budgets.row(candidate.name, nodes[layer], layer)
        checks.append(truth.check(layer, nodes[layer].op, value, candidate.precision, row))
        return truth[layer].float64 if alone else None

    stopped = stopped_at = None
    try:
        with np.errstate(all="ignore"):  # what overflows shows in the values
            candidate.trace(truth.inputs, visit, truth.portions(0 if alone else LIMIT))
    except Exception as error:  # whatever a converted model does wrong is a failed proof
        stopped = f"{type(error).__name__}: {error}"
        seen = {c.layer for c in checks}
        missing = next((name for name in truth.names if name not in seen), None)
        if missing:
            stopped_at = Check.broken(missing, nodes[missing].op, f"stopped with {stopped}")
    for check in checks:
        if check.row and check.needs_row and not check.problem:
            budgets.note(check.row)
    return Comparison(
        candidate.name,
        candidate.precision,
        tuple(checks),
        truth.names,
        alone,
        stopped,
        stopped_at,
    )
