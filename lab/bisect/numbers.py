"""Judges an environment by what the model computes in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Tuple, Union
from urllib.parse import unquote

import numpy as np

from mxproof.compare import compare
from mxproof.proof import PRECISIONS, TargetProof
from mxproof.prover import prove_outputs
from mxproof.runtimes.base import Array, Inputs, Visitor
from mxproof.subject import UsageError
from mxproof.truth import Truth

from .environments import Environment
from .runner import EnvironmentRunner, Stopped
from .search import GREEN, RED, UNKNOWN, Outcome

STOPS = "Red means that the conversion or the runtime fails."
PROOF = "Red means that the proof fails: a layer differs from MXNet's."
OUTPUTS = "Red means that outputs differ from the good environment's by more than reruns do."


@dataclass(frozen=True)
class RecordedCandidate:
    """A converted model that ran elsewhere, on one input; `path` is what probe.py recorded."""

    path: Path
    name: str
    precision: str = "float32"

    def run(self, inputs: Inputs) -> List[Array]:
        return [array for _, array in self._read("output:")]

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        """Show the layers one by one; a replacement has no effect."""
        for layer, array in self._read("layer:"):
            visit(layer, array)
        return self.run(inputs)

    def _read(self, kind: str) -> Iterator[Tuple[str, Array]]:
        with np.load(self.path, allow_pickle=False) as archive:
            for key in archive.files:
                if unquote(key).startswith(kind):
                    yield unquote(key)[len(kind) :], archive[key]


@dataclass(frozen=True)
class Numbers:
    """
    Attributes:
        outputs: of all inputs, in float32, as the user gets them.
        noise: their distance from those of a second run.
        passed: whether the proof passes; None without a reference.
        note: the layer at which it fails, and how.
    """

    outputs: Sequence[Array]
    noise: float = 0.0
    passed: Optional[bool] = None
    note: str = ""


Found = Union[Numbers, Stopped]


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
    if isinstance(good, Stopped):
        raise UsageError(f"the good environment fails: {good}. Give one in which the model runs.")
    if isinstance(bad, Stopped):
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
    if isinstance(found, Stopped):
        return Outcome(RED if criterion == STOPS else UNKNOWN, str(found))
    gap = distance(found.outputs, good.outputs)
    same = gap <= max(tolerance, 2 * good.noise, 2 * found.noise)
    note = "the same outputs" if same else f"outputs differ by {gap:.1e} of the largest"
    red = {STOPS: False, PROOF: found.passed is False, OUTPUTS: not same}[criterion]
    return Outcome(RED if red else GREEN, "; ".join(filter(None, (note, found.note))))


def measure_numbers(
    runner: EnvironmentRunner, target: str, environment: Environment, references: Sequence[Truth]
) -> Found:
    """Run the model in an environment, and prove its layers.

    Args:
        references: MXNet's results for each of the runner's inputs, or none.

    Raises:
        NotBuilt: there can be no such environment.
    """
    precisions = PRECISIONS if references else ()
    runs = {"first": ("float32", False), "again": ("float32", False)}
    runs.update({precision: (precision, True) for precision in precisions})
    try:
        with runner.start(environment, target, **runs) as (probe, _):
            recorded = [
                {
                    run: RecordedCandidate(probe.folder / f"{run}{i}.npz", target, precision)
                    for run, (precision, _) in runs.items()
                }
                for i, _ in enumerate(runner.inputs)
            ]
            first, again = ([a for r in recorded for a in r[n].run({})] for n in ("first", "again"))
            proofs = [
                TargetProof(
                    target,
                    {p: compare(reference, by_run[p], runner.model.graph) for p in precisions},
                    prove_outputs(by_run["first"], reference, runner.model.graph),
                )
                for reference, by_run in zip(references, recorded)
            ]
    except Stopped as error:
        return error
    if not proofs:
        return Numbers(first, distance(again, first))
    proof = reduce(add, proofs)
    culprits = [f"{c.op} {c.layer!r}: {c.problem}" for c in proof.culprits]
    note = "" if proof.passed else (culprits or ["the proof fails"])[0]
    return Numbers(first, distance(again, first), proof.passed, note)


def numbers_judge(
    runner: EnvironmentRunner,
    target: str,
    good: Environment,
    bad: Environment,
    references: Sequence[Truth] = (),
    tolerance: float = 0.0,
) -> Tuple[str, Callable[[Environment], Outcome]]:
    """The criterion, and a judge that decides by it; see `measure_numbers`, `judge_numbers`."""

    @lru_cache(None)
    def measured(*environment: Tuple[str, str]) -> Found:
        return measure_numbers(runner, target, dict(environment), references)

    expected = measured(*good.items())
    criterion = choose_criterion(expected, measured(*bad.items()))
    assert isinstance(expected, Numbers)
    return criterion, lambda e: judge_numbers(criterion, measured(*e.items()), expected, tolerance)
