"""Judge an environment: by what the model computes in it, or by how long a pass takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np

from converters import Graph
from mxproof.benchmark.decision import FAIL, INCONCLUSIVE, PASS, TestPlan, require_extra
from mxproof.benchmark.gate import judge
from mxproof.benchmark.timing import TimingProcess, TimingTarget
from mxproof.errors import UsageError
from mxproof.proof.outputs.final import prove_outputs
from mxproof.proof.trace import ReferenceTrace
from mxproof.runtimes.base import Array, Inputs, RuntimeFailure

from .environments import Environment, changes
from .runner import EnvironmentRunner
from .search import GREEN, RED, UNKNOWN, Outcome

#: What became of a model in an environment; the later, the worse.
RUNS, FAILS, STOPS = range(3)
#: Worst state of the bad environment, if the good one is better -> what red means.
CRITERIA = (
    "Red means that outputs differ from the good environment's by more than reruns do.",
    "Red means that the proof fails: an output differs from MXNet's.",
    "Red means that the conversion or the runtime fails.",
)
SLOWER = "Red means slower than the good environment, timed side by side."
VERDICTS = {PASS: GREEN, FAIL: RED, INCONCLUSIVE: UNKNOWN}

#: Inputs, and MXNet's results on them if they are to be had.
Samples = Sequence[Tuple[Inputs, Optional[ReferenceTrace]]]
#: The sentence that says what red means, and the judge that goes by it.
Judge = Tuple[str, Callable[[Environment], Outcome]]


@dataclass(frozen=True)
class Numbers:
    """What a model computes in an environment.

    Attributes:
        state: RUNS, FAILS (the proof of the outputs) or STOPS.
        note: why it is not RUNS.
        outputs: of all inputs, in float32, as the user gets them.
        noise: their distance from those of a second run.
    """

    state: int
    note: str = ""
    outputs: Sequence[Array] = ()
    noise: float = 0.0


def numbers_judge(
    runner: EnvironmentRunner,
    good: Environment,
    bad: Environment,
    tolerance: float,
    samples: Samples,
) -> Judge:
    """Judge by outputs; see `choose_criterion`, `judge_numbers`."""

    @lru_cache(None)
    def measured(*environment: Tuple[str, str]) -> Numbers:
        try:
            return measure(runner.convert(dict(environment)), samples, runner.model.graph)
        except RuntimeFailure as error:
            return Numbers(STOPS, str(error))

    expected = measured(*good.items())
    state = choose_criterion(expected, measured(*bad.items()))
    return CRITERIA[state], lambda environment: judge_numbers(
        state, measured(*environment.items()), expected, tolerance
    )


def measure(converted: TimingTarget, samples: Samples, graph: Graph) -> Numbers:
    """Run a converted model twice on each input, and prove its outputs where MXNet's are known.

    Raises:
        RuntimeFailure: it does not run.
    """
    first: List[Array] = []
    again: List[Array] = []
    wrong: List[str] = []
    with TimingProcess(converted) as process:
        for inputs, truth in samples:
            process.load(inputs)
            outputs = process.time(1)[1]
            first += outputs
            again += process.time(1)[1]
            proof = truth and prove_outputs(recorded(outputs), truth, graph)
            if proof and not proof.passed:
                culprits = [f"{c.op} {c.layer!r}: {c.problem}" for c in proof.checks.culprits]
                wrong += culprits or ["the proof fails"]
    state, note = (FAILS, wrong[0]) if wrong else (RUNS, "")
    return Numbers(state, note, first, distance(again, first))


def recorded(outputs: List[Array]) -> Any:
    """A candidate whose outputs on one input are known."""
    return SimpleNamespace(name="candidate", precision="float32", run=lambda inputs: outputs)


def distance(found: Sequence[Array], expected: Sequence[Array]) -> float:
    """The largest difference as a fraction of the largest expected number of that output.

    Infinite where the number of outputs, a shape, a type or the place of a NaN differs.
    """
    largest = 0.0 if len(found) == len(expected) else math.inf
    for a, b in zip(found, expected):
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            return math.inf
        finite = np.isfinite(a) & np.isfinite(b)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return math.inf
        x, y = a[finite].astype(np.float64), b[finite].astype(np.float64)
        gap, size = np.abs(x - y).max(initial=0.0), np.abs(y).max(initial=0.0)
        largest = max(largest, float(gap / size) if size else math.inf if gap else 0.0)
    return largest


def choose_criterion(good: Numbers, bad: Numbers) -> int:
    """The state from which on an environment is red; RUNS if outputs have to decide.

    Raises:
        UsageError: the good environment is not good.
    """
    if good.state == STOPS:
        raise UsageError(
            f"the good environment fails: {good.note}. Give one in which the model runs."
        )
    if good.state > bad.state:
        raise UsageError(
            f"the good environment fails the proof ({good.note}), and the bad one passes it. "
            "Exchange --good and --bad."
        )
    return bad.state if bad.state > good.state else RUNS


def judge_numbers(criterion: int, found: Numbers, good: Numbers, tolerance: float = 0.0) -> Outcome:
    """Judge what was found in an environment.

    Args:
        tolerance: a distance up to which outputs count as the same, noise or not.
    """
    if found.state == STOPS:
        return Outcome(RED if criterion == STOPS else UNKNOWN, found.note)
    gap = distance(found.outputs, good.outputs)
    same = gap <= max(tolerance, 2 * good.noise, 2 * found.noise)
    note = "the same outputs" if same else f"outputs differ by {gap:.1e} of the largest"
    red = found.state >= criterion if criterion else not same
    return Outcome(RED if red else GREEN, "; ".join(filter(None, (note, found.note))))


def speed_judge(
    runner: EnvironmentRunner, good: Environment, bad: Environment, seconds: float, inputs: Inputs
) -> Judge:
    """Judge by the latency gate, beside the good environment.

    Args:
        seconds: for each environment.

    Raises:
        RuntimeFailure: the good environment cannot convert the model.
    """
    require_extra()
    control = runner.convert(good)
    plan = TestPlan(comparisons=2 + 2 * len(changes(good, bad)))

    def compared(environment: Environment) -> Outcome:
        if environment == good:
            return Outcome(GREEN, "the good environment itself")
        found = judge(runner.convert(environment), control, inputs, plan, seconds)
        interval = f"{found.low:.3f} to {found.high:.3f}, {found.rounds} rounds"
        note = f"takes {found.ratio:.3f} times as long ({interval})"
        return Outcome(VERDICTS[found.verdict], note)

    return SLOWER, compared
