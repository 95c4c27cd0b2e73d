"""Judging a converted model, layer by layer, against MXNet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, List, Optional

import numpy as np

from converters import Graph, Node
from converters.progress import report

from .check import Incomparable, check_form, same_form
from .check import check as judge
from .runtimes.base import Array, Candidate, Layer
from .ties import reading
from .tolerance import Budgets
from .truth import LIMIT, Truth
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
    with np.errstate(all="ignore"):  # what overflows shows in the values
        found = _Pass(truth, candidate, graph, budgets, alone=alone).run()
        if graph.anchored:
            given = _Pass(truth, candidate, graph, budgets, alone=True, anchored=True).run()
            by_layer = {c.layer: c for c in given.checks if c.judged}
            checks = (c if c.judged else by_layer.get(c.layer, c) for c in found.checks)
            found = replace(found, checks=tuple(checks))
            if given.stopped and not found.stopped:
                found = replace(found, stopped=given.stopped, stopped_at=given.stopped_at)
    for check in found.checks:
        if check.row and check.needs_row and not check.problem:
            budgets.note(check.row)
    return found


@dataclass
class _Pass:
    """The candidate run once.

    Attributes:
        anchored: judge the layers that `graph.anchored` names, on MXNet's results rounded to
            float32 (as MXNet was given them); otherwise the others. A layer that is not judged
            is noted with the form of its result only.
    """

    truth: Truth
    candidate: Candidate
    graph: Graph
    budgets: Budgets
    alone: bool
    anchored: bool = False

    def __post_init__(self) -> None:
        self.nodes = {name: node for node in self.graph.nodes for name in node.outputs}
        self.checks: List[Check] = []

    def visit(self, layer: str, value: Array) -> Optional[Array]:
        if layer not in self.truth:
            return None
        how = ", each by itself" if self.alone else ""
        doing = f"{self.graph.name}: {self.candidate.name} {self.candidate.precision}{how}, layers"
        report(doing, len(self.checks), len(self.truth))
        node = self.nodes[layer]
        if (layer in self.graph.anchored) != self.anchored:
            fault = "was not judged"
            self.checks.append(Check.broken(layer, node.op, fault, value.shape, judged=False))
        elif self.graph.operators[node.name].random:
            self.checks.append(check_form(node.op, value, self.truth[layer], self.candidate))
        else:
            self.checks.append(self.check(node, layer, value))
        return self.given(layer) if self.alone else None

    def check(self, node: Node, layer: str, value: Array) -> Check:
        """The layer against MXNet's; of equal numbers, either may be placed first."""
        row = self.budgets.row(self.candidate.name, node, layer)
        precision, truth = self.candidate.precision, self.truth
        read = None
        if self.anchored:
            read = reading(self.graph.operators[node.name], node.outputs.index(layer))
        if read is None:
            return truth.check(layer, node.op, value, precision, row, self.alone)
        try:
            same_form(value, getattr(truth[layer], precision))
        except Incomparable as error:
            return Check.broken(layer, node.op, str(error), value.shape)
        data = self.given(node.inputs[0])
        double, single = (read(data, r) for r in (truth[layer].float64, truth[layer].float32))
        numbers = read(data, value).astype(precision)
        expected = Layer(layer, double, single.astype(np.float32))
        return judge(node.op, numbers, expected, precision, row, self.alone)

    def given(self, name: Optional[str]) -> Any:
        """What the layers that read `name` are given in its place."""
        if name is None or name in self.graph.params:
            return self.graph.params.get(name or "")
        given = self.truth[name].float64 if name in self.truth else self.truth.inputs[name]
        rounded = self.anchored and given.dtype == np.float64
        return given.astype(np.float32).astype(np.float64) if rounded else given

    def portions(self) -> List[int]:
        """What is exchanged reaches the layers of later portions. So a layer is judged on given
        inputs if the one before it ends a portion; what is not judged needs no such care."""
        if not self.anchored:
            return self.truth.portions(0 if self.alone else LIMIT)
        return self.truth.portions(LIMIT, self.graph.anchored)

    def run(self) -> Comparison:
        stopped = stopped_at = None
        truth = self.truth
        try:
            self.candidate.trace(truth.inputs, self.visit, self.portions())
        except Exception as error:  # whatever a converted model does wrong is a failed proof
            stopped = f"{type(error).__name__}: {error}"
            seen = {c.layer for c in self.checks}
            for name in [name for name in truth.names if name not in seen][:1]:
                stopped_at = Check.broken(name, self.nodes[name].op, f"stopped with {stopped}")
        return Comparison(
            self.candidate.name,
            self.candidate.precision,
            tuple(self.checks),
            truth.names,
            self.alone,
            stopped,
            stopped_at,
            self.budgets.median,
        )
