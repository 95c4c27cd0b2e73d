"""The probe of numbers: is what the converted model computes still the same?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Optional, Sequence, Tuple, Union

import numpy as np

from mxproof.compare import compare
from mxproof.proof import PRECISIONS, TargetProof
from mxproof.prover import prove_outputs
from mxproof.runtimes.base import Array
from mxproof.subject import UsageError
from mxproof.tolerance import Budgets
from mxproof.truth import Truth

from .factors import Environment
from .search import GREEN, RED, UNKNOWN, Outcome
from .venvs import NotBuilt
from .workshop import Stopped, Workshop

#: What decides: the proof, the numbers themselves, or whether there are any.
PROOF, BITS, STOPS = "proof", "numbers", "stops"
CRITERIA = {
    PROOF: "Red is what fails the proof: a layer that is not MXNet's.",
    BITS: "Red is an output that is farther from the good one's than a rerun.",
    STOPS: "Red is what ends with an error.",
}


@dataclass(frozen=True)
class Numbers:
    """What a network computes in an environment.

    Attributes:
        outputs: of each input, in float32, untraced: as its user gets them.
        passed: whether every layer is MXNet's; None where nothing says.
        note: what is not, in words.
    """

    outputs: Tuple[Tuple[Array, ...], ...]
    passed: Optional[bool] = None
    note: str = ""


Found = Union[Numbers, Stopped]


def distance(found: Numbers, expected: Numbers) -> float:
    """The largest difference, in parts of the largest magnitude in the expected output."""
    if [len(s) for s in found.outputs] != [len(s) for s in expected.outputs]:
        return float("inf")
    pairs = [(a, b) for f, e in zip(found.outputs, expected.outputs) for a, b in zip(f, e)]
    return max((_apart(a, b) for a, b in pairs), default=0.0)


def _apart(found: Array, expected: Array) -> float:
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf")
    if found.tobytes() == expected.tobytes():
        return 0.0
    a, b = found.astype(np.float64), expected.astype(np.float64)
    live = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~live], b[~live], equal_nan=True):
        return float("inf")
    size = float(np.abs(b[live]).max(initial=0.0))
    gap = float(np.abs(a[live] - b[live]).max(initial=0.0))
    return gap / size if size else float("inf") if gap else 0.0


@dataclass(frozen=True)
class Meter:
    """Takes the numbers of environments.

    Attributes:
        truths: MXNet's results on the workshop's inputs; none where there is no MXNet.
    """

    workshop: Workshop
    target: str
    truths: Sequence[Truth] = ()

    def __call__(self, environment: Environment) -> Found:
        """
        Raises:
            NotBuilt, UsageError: there can be no such environment.
        """
        traced = PRECISIONS if self.truths else ()
        try:
            runs = self.workshop.run(environment, self.target, traced)
        except Stopped as stopped:
            return stopped
        outputs = tuple(tuple(sample.outputs) for sample in runs["untraced"])
        if not self.truths:
            return Numbers(outputs)
        graph, budgets = self.workshop.subject.graph, Budgets()
        parts = [
            TargetProof(
                self.target,
                {p: compare(truth, runs[p][i], graph, budgets) for p in PRECISIONS},
                prove_outputs(runs["untraced"][i], truth, graph),
            )
            for i, truth in enumerate(self.truths)
        ]
        proof = reduce(add, parts)
        return Numbers(outputs, proof.passed, failure(proof))


def failure(proof: TargetProof) -> str:
    """Where a proof fails first, by the sharpest comparison that does; "" if it passes."""
    if proof.passed:
        return ""
    for name, comparison in {**proof.comparisons, "output": proof.output.checks}.items():
        for culprit in comparison.culprits[:1]:
            return f"{culprit.op} {culprit.layer!r} in {name}: {culprit.problem}"
        for problem in comparison.problems[:1]:
            return f"{name}: {problem}"
    return f"top-1: {proof.output.top1.note}"


@dataclass(frozen=True)
class Question:
    """What tells the red environment from the green one.

    Attributes:
        noise: a difference of outputs up to this is none.
    """

    criterion: str
    green: Numbers
    noise: float = 0.0

    def answer(self, found: Found) -> Outcome:
        if isinstance(found, Stopped):
            return Outcome(RED if self.criterion == STOPS else UNKNOWN, str(found))
        apart = distance(found, self.green)
        note = (
            "the same outputs"
            if apart <= self.noise
            else f"outputs differ by {apart:.1e} of the largest"
        )
        red = {PROOF: found.passed is False, BITS: apart > self.noise, STOPS: False}
        if found.note:
            note += f"; {found.note}"
        return Outcome(RED if red[self.criterion] else GREEN, note, apart)


def question(meter: Meter, good: Environment, bad: Environment, tolerance: float) -> Question:
    """Both are run twice: what differs between two runs of one environment is no drift.

    Raises:
        UsageError: the good one is not green, or the bad one is not red.
    """
    green, red = _of(meter, good, "good"), _of(meter, bad, "bad")
    if isinstance(green, Stopped):
        raise UsageError(f"the good environment is red: {green}. Give one that was green.")
    if isinstance(red, Stopped):
        return Question(STOPS, green)
    again = [
        (_of(meter, e, name), first)
        for e, name, first in ((good, "good", green), (bad, "bad", red))
    ]
    noise = max((distance(a, b) for a, b in again if isinstance(a, Numbers)), default=0.0)
    noise = max(tolerance, 2 * noise)
    if green.passed is False and red.passed:
        raise UsageError(
            f"the good environment fails the proof ({green.note}), and the bad one passes. "
            "Exchange them, or give a good one that was green."
        )
    if green.passed and red.passed is False:
        return Question(PROOF, green, noise)
    if distance(red, green) > noise:
        return Question(BITS, green, noise)
    raise UsageError(
        f"nothing to attribute: both give the same outputs (up to {noise:.1e} of the largest)"
        + {True: " and pass the proof", False: " and fail the proof", None: ""}[red.passed]
        + ". If it is speed that drifted: --what speed."
    )


def _of(meter: Meter, environment: Environment, name: str) -> Found:
    try:
        return meter(environment)
    except (NotBuilt, UsageError) as error:
        raise UsageError(f"the {name} environment cannot be made: {error}") from None
