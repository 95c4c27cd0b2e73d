"""Compare a converted model with MXNet, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Optional

import numpy as np

from converters import Graph, Node
from converters.operators import Operator
from converters.operators.sorting import Argsort, Topk
from converters.progress import report

from ..runtimes.base import Array, Candidate, Layer
from ..runtimes.operator_kinds import unexcused
from .distribution import check_draws, runs_needed
from .judge import Measured, check_form, measured, same_form
from .judge import check as judge
from .outputs.order import misnamed, misplaced
from .results import LayerResult
from .tolerance import Budgets
from .trace import LIMIT, ReferenceTrace
from .trace_results import TraceResult


def compare(
    truth: ReferenceTrace,
    candidate: Candidate,
    graph: Graph,
    budgets: Optional[Budgets] = None,
    *,
    alone: bool = False,
) -> TraceResult:
    """Run the candidate on the truth's inputs and judge every layer.

    Args:
        alone: feed each layer MXNet's results instead of the candidate's own, so that a
            difference shows where it is introduced and nowhere else.
    """
    budgets = budgets or Budgets()
    with np.errstate(all="ignore"):  # what overflows shows in the values
        found = Pass(truth, candidate, graph, budgets, alone=alone).run()
        if graph.anchored:
            again = Pass(truth, candidate, graph, budgets, alone=True, anchored=True)
            given = again.run()
            random = () if given.stopped else again.random_checks()
            by_layer = {check.layer: check for check in (*given.checks, *random)}
            checks = (by_layer.get(check.layer, check) for check in found.checks)
            ended = found if found.stopped or not given.stopped else given
            found = replace(
                found, checks=tuple(checks), stopped=ended.stopped, stopped_at=ended.stopped_at
            )
    return found


#: (an operator's data, its result) -> what the result says but for the order of equal numbers.
Reading = Callable[[Array, Array], Array]


@dataclass
class Pass:
    """The candidate run once.

    Attributes:
        anchored: judge the layers that `graph.anchored` names, on MXNet's results rounded to
            float32 (as MXNet was given them); otherwise the others.
    """

    truth: ReferenceTrace
    candidate: Candidate
    graph: Graph
    budgets: Budgets
    alone: bool
    anchored: bool = False

    def __post_init__(self) -> None:
        self.nodes = {name: node for node in self.graph.nodes for name in node.outputs}
        self.checks: List[LayerResult] = []
        self.seen: List[str] = []
        #: What the outputs must be: what the layers show, and inputs that are handed on.
        self.shown: Dict[str, Array] = {
            name: a.astype(self.candidate.precision) if a.dtype.kind == "f" else a
            for name, a in self.truth.inputs.items()
        }
        self.drawn: Dict[str, List[Array]] = {}  # by random layer, of each run

    def visit(self, layer: str, value: Array) -> Optional[Array]:
        if layer not in self.truth:
            return None
        how = ", each by itself" if self.alone else ""
        doing = f"{self.graph.name}: {self.candidate.name} {self.candidate.precision}{how}, layers"
        report(doing, len(self.seen), len(self.truth))
        self.seen.append(layer)
        if layer in self.graph.outputs and not self.alone:
            self.shown[layer] = value.copy()
        node, anchored = self.nodes[layer], layer in self.graph.anchored
        if anchored != self.anchored:
            if anchored:  # stands until the other pass has judged it
                self.checks.append(
                    LayerResult.broken(layer, node.op, "was not judged", value.shape)
                )
        elif self.graph.operators[node.name].random:
            self.checks.append(check_form(node.op, value, self.truth[layer], self.candidate))
            self.drawn[layer] = [value.copy()]
        else:
            self.checks.append(self.check(node, layer, value))
        return self.given(layer) if self.alone else None

    def check(self, node: Node, layer: str, value: Array) -> LayerResult:
        """The layer against MXNet's; of equal numbers, either may be placed first."""
        row = self.budgets.row(self.candidate.name, node, layer)
        precision, truth = self.candidate.precision, self.truth
        output = node.outputs.index(layer)
        read = self.anchored and reading(self.graph.operators[node.name], output)
        if not read:
            return truth.check(layer, node.op, value, precision, row=row, alone=self.alone)
        data = self.given(node.inputs[0])

        def numbers(value: Array, expected: Layer, precision: str) -> Measured:
            same_form(value, getattr(expected, precision))
            read64, read32 = (read(data, r) for r in (expected.float64, expected.float32))
            as_read = Layer(layer, read64, read32.astype(np.float32))
            return measured(read(data, value).astype(precision), as_read, precision)

        return judge(node.op, value, truth[layer], precision, row, self.alone, numbers)

    def given(self, name: Optional[str]) -> Any:
        """What the layers that read `name` are given in its place."""
        if name is None or name in self.graph.params:
            return self.graph.params.get(name or "")
        given = self.truth[name].float64 if name in self.truth else self.truth.inputs[name]
        rounded = self.anchored and given.dtype == np.float64
        return given.astype(np.float32).astype(np.float64) if rounded else given

    def random_checks(self) -> Iterator[LayerResult]:
        """Judge the random layers by what they draw in as many runs as it takes."""
        wrong = {check.layer for check in self.checks if check.problem}
        drawn = {name: values for name, values in self.drawn.items() if name not in wrong}
        runs = max((runs_needed(self.truth, name) for name in drawn), default=1)

        def visit(layer: str, value: Array) -> Optional[Array]:
            if layer in drawn and len(drawn[layer]) < runs_needed(self.truth, layer):
                drawn[layer].append(value.copy())
            return self.given(layer) if layer in self.truth else None

        for _ in range(runs - 1):
            self.candidate.trace(self.truth.inputs, visit, self.portions())
        for name, values in drawn.items():
            yield check_draws(self.nodes[name].op, name, values, self.truth)

    def portions(self) -> List[int]:
        """What is exchanged reaches the layers of later portions. So a layer is judged on given
        inputs if the one before it ends a portion; what is not judged needs no such care."""
        if not self.anchored:
            return self.truth.portions(0 if self.alone else LIMIT)
        return self.truth.portions(LIMIT, self.graph.anchored)

    def run(self) -> TraceResult:
        stopped = stopped_at = None
        truth, mismatches = self.truth, list(unexcused(self.graph))
        try:
            mismatches += misnamed(self.candidate, self.graph)
            outputs = self.candidate.trace(truth.inputs, self.visit, self.portions())
            mismatches += [] if self.alone else misplaced(outputs, self.shown, self.graph)
        except Exception as error:  # whatever a converted model does wrong is a failed proof
            stopped = f"{type(error).__name__}: {error}"
            for name in [name for name in truth.names if name not in self.seen][:1]:
                stopped_at = LayerResult.broken(
                    name, self.nodes[name].op, f"stopped with {stopped}"
                )
        return TraceResult(
            self.candidate.name,
            self.candidate.precision,
            tuple(self.checks),
            truth.names,
            self.alone,
            stopped,
            stopped_at,
            () if self.alone else tuple(mismatches),
        )


def reading(operator: Operator, output: int) -> Optional[Reading]:
    """How to read result number `output` of an operator; None where nothing is left open.

    Of equal numbers, sorting operators may place either first: MXNet's CPU sorts by std::sort and
    std::partial_sort, which are not stable. What a result says but for that are the numbers at
    its places, and that no place is there twice.
    """
    if isinstance(operator, Topk) and operator.ret_typ == "mask":
        return partial(numbers_under, axis=operator.axis)
    if isinstance(operator, Argsort) or (
        isinstance(operator, Topk) and (operator.ret_typ, output) in (("indices", 0), ("both", 1))
    ):
        return partial(numbers_at, axis=operator.axis)
    return None


def numbers_at(data: Array, places: Array, axis: Optional[int]) -> Array:
    """(..., n, ...) and (..., k, ...) -> the k numbers; not a number where a place is none, or is
    there twice."""
    data, axis = (data.reshape(-1), 0) if axis is None else (data, axis)
    chosen = np.clip(np.nan_to_num(places), 0, data.shape[axis] - 1).astype(np.int64)
    numbers = np.take_along_axis(data, chosen, axis).astype(np.float64)
    ordered = np.sort(chosen, axis)
    twice = (np.diff(ordered, axis=axis) == 0).any(axis=axis, keepdims=True)
    return np.where((chosen != places) | twice, np.nan, numbers)


def numbers_under(data: Array, mask: Array, axis: Optional[int]) -> Array:
    """Both of one shape -> the numbers whose mask is 1, in order, and as many as the others 0; not
    a number where the mask is neither 0 nor 1."""
    shape = data.shape
    if axis is None:
        data, mask, axis = data.reshape(-1), mask.reshape(-1), 0
    marked = np.sort(np.where(mask == 1, data, -np.inf).astype(np.float64), axis)
    found = np.where(np.isneginf(marked), 0, marked)
    odd = ((mask != 0) & (mask != 1)).any(axis=axis, keepdims=True)
    return np.where(odd, np.nan, found).reshape(shape)
