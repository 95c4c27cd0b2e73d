"""Judge an environment: by what the model computes in it, or by how long a pass takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import Callable, List, Optional, Sequence, Tuple, Union

import numpy as np

from mxproof.benchmark.decision import FAIL, INCONCLUSIVE, PASS, TestPlan, require_extra
from mxproof.benchmark.gate import judge
from mxproof.benchmark.timing import TimingProcess, TimingTarget
from mxproof.prover import prove_outputs
from mxproof.runtimes.base import Array, Inputs, RuntimeFailure, Visitor
from mxproof.subject import UsageError
from mxproof.truth import Truth

from .environments import CONVERTER_PACKAGES, Environment, changes
from .runner import EnvironmentRunner
from .search import GREEN, RED, UNKNOWN, Outcome

STOPS = "Red means that the conversion or the runtime fails."
PROOF = "Red means that the proof fails: an output differs from MXNet's."
OUTPUTS = "Red means that outputs differ from the good environment's by more than reruns do."
SLOWER = "Red means slower than the good environment, timed side by side."
VERDICTS = {PASS: GREEN, FAIL: RED, INCONCLUSIVE: UNKNOWN}
#: Factors that cannot matter if the files are the same.
ONLY_WRITING = {*CONVERTER_PACKAGES, "revision"} - {"numpy"}

#: The sentence that says what red means, and the judge that goes by it.
Judge = Tuple[str, Callable[[Environment], Outcome]]


@dataclass(frozen=True)
class Recorded:
    """A candidate whose outputs on one input are known."""

    outputs: List[Array]
    name: str = "candidate"
    precision: str = "float32"

    def run(self, inputs: Inputs) -> List[Array]:
        return self.outputs

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        return self.outputs


@dataclass(frozen=True)
class Numbers:
    """
    Attributes:
        outputs: of all inputs, in float32, as the user gets them.
        noise: their distance from those of a second run.
        passed: whether they are as precise as MXNet's; None without a reference.
        note: the output that is not, and how.
    """

    outputs: Sequence[Array]
    noise: float = 0.0
    passed: Optional[bool] = None
    note: str = ""


Found = Union[Numbers, RuntimeFailure]


def numbers_judge(
    runner: EnvironmentRunner,
    target: str,
    good: Environment,
    bad: Environment,
    inputs: Sequence[Inputs],
    references: Sequence[Truth] = (),
    tolerance: float = 0.0,
) -> Judge:
    """Judge by outputs; see `choose_criterion`, `judge_numbers`.

    Args:
        references: MXNet's results for each of the inputs, or none.
    """

    @lru_cache(None)
    def measured(*environment: Tuple[str, str]) -> Found:
        try:
            return _measure(runner.convert(dict(environment), target))
        except RuntimeFailure as error:
            return error

    def _measure(converted: TimingTarget) -> Numbers:
        first: List[List[Array]] = []
        again: List[List[Array]] = []
        with TimingProcess(converted) as process:
            for sample in inputs:
                process.load(sample)
                first.append(process.time(1)[1])
                again.append(process.time(1)[1])
        noise = distance(sum(again, []), sum(first, []))
        if not references:
            return Numbers(sum(first, []), noise)
        proof = reduce(
            add,
            (
                prove_outputs(Recorded(outputs), truth, runner.model.graph)
                for outputs, truth in zip(first, references)
            ),
        )
        wrong = [f"{c.op} {c.layer!r}: {c.problem}" for c in proof.checks.culprits]
        note = "" if proof.passed else (wrong or ["the proof fails"])[0]
        return Numbers(sum(first, []), noise, proof.passed, note)

    expected = measured(*good.items())
    criterion = choose_criterion(expected, measured(*bad.items()))
    assert isinstance(expected, Numbers)
    return criterion, lambda e: judge_numbers(criterion, measured(*e.items()), expected, tolerance)


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


def choose_criterion(good: Found, bad: Found) -> str:
    """The first of STOPS, PROOF and OUTPUTS that can tell the bad environment from the good one.

    Raises:
        UsageError: the good one is not good.
    """
    if isinstance(good, RuntimeFailure):
        raise UsageError(f"the good environment fails: {good}. Give one in which the model runs.")
    if isinstance(bad, RuntimeFailure):
        return STOPS
    if good.passed is False and bad.passed:
        raise UsageError(
            f"the good environment fails the proof ({good.note}), and the bad one passes it. "
            "Exchange --good and --bad."
        )
    return PROOF if good.passed and not bad.passed else OUTPUTS


def judge_numbers(criterion: str, found: Found, good: Numbers, tolerance: float = 0.0) -> Outcome:
    """Judge what was found in an environment.

    Args:
        tolerance: a distance up to which outputs count as the same, noise or not.
    """
    if isinstance(found, RuntimeFailure):
        return Outcome(RED if criterion == STOPS else UNKNOWN, str(found))
    gap = distance(found.outputs, good.outputs)
    same = gap <= max(tolerance, 2 * good.noise, 2 * found.noise)
    note = "the same outputs" if same else f"outputs differ by {gap:.1e} of the largest"
    red = {STOPS: False, PROOF: found.passed is False, OUTPUTS: not same}[criterion]
    return Outcome(RED if red else GREEN, "; ".join(filter(None, (note, found.note))))


def speed_judge(
    runner: EnvironmentRunner,
    target: str,
    good: Environment,
    bad: Environment,
    inputs: Inputs,
    seconds: float,
) -> Judge:
    """Judge by the latency gate, beside the good environment.

    Args:
        seconds: for each environment.

    Raises:
        RuntimeFailure: the good environment cannot convert the model.
    """
    require_extra()
    control = runner.convert(good, target)
    plan = TestPlan(comparisons=2 + 2 * len(changes(good, bad)))

    def compared(environment: Environment) -> Outcome:
        changed = set(changes(good, environment))
        if not changed:
            return Outcome(GREEN, "the good environment itself")
        candidate = runner.convert(environment, target)
        if changed <= ONLY_WRITING and _content(candidate) == _content(control):
            return Outcome(GREEN, "the same file in the same runtime")
        found = judge(candidate, control, inputs, plan, seconds)
        interval = f"{found.low:.3f} to {found.high:.3f}, {found.rounds} rounds"
        note = f"takes {found.ratio:.3f} times as long ({interval})"
        return Outcome(VERDICTS[found.verdict], note)

    return SLOWER, compared


def _content(target: TimingTarget) -> List[bytes]:
    """The files of a converted model, with its weights."""
    return [file.read_bytes() for file in sorted(target.path.parent.glob(f"{target.path.stem}.*"))]
