"""The probe of speed: is the converted model slower than in the good environment?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List

from mxproof.benchmark.latency import FAIL, INCONCLUSIVE, PASS, Decision

from converters.files import sha256
from mxproof.benchmark.timing import FORMS, Side
from mxproof.runtimes.base import Inputs, RuntimeFailure
from mxproof.subject import UsageError

from .factors import CONVERTING, Environment, differences
from .search import GREEN, RED, UNKNOWN, Outcome
from .venvs import NotBuilt, python_of
from .workshop import Stopped, Workshop

CRITERION = "Red is what is slower than the good environment, measured side by side."
VERDICTS = {PASS: GREEN, FAIL: RED, INCONCLUSIVE: UNKNOWN}

#: (the one in question, the control, the inputs of a pass) -> the gate's decision.
Judge = Callable[[Side, Side, Inputs], Decision]


@dataclass(frozen=True)
class Race:
    """Every environment against the good one, both in the same run and in turn."""

    workshop: Workshop
    target: str
    good: Environment
    judge: Judge

    def __call__(self, environment: Environment) -> Outcome:
        """
        Raises:
            NotBuilt, UsageError, Stopped, RuntimeFailure: there is nothing to time.
        """
        candidate, control = self._side(environment), self._side(self.good)
        if self._runs_alike(environment) and _bytes(candidate.path) == _bytes(control.path):
            return Outcome(GREEN, "the same file in the same runtime", 1.0)
        decision = self.judge(candidate, control, self.workshop.inputs[0])
        note = f"{decision.ratio:.3f} times the good one's ({decision.low:.3f} to "
        note += f"{decision.high:.3f}, {decision.rounds} rounds)"
        if decision.more_rounds:
            note += f"; it would take {decision.more_rounds} more"
        return Outcome(VERDICTS[decision.verdict], note, decision.ratio)

    def _runs_alike(self, environment: Environment) -> bool:
        """Does nothing differ but what writes the file?"""
        return set(differences(self.good, environment)) <= {*CONVERTING, "revision"} - {"numpy"}

    def _side(self, environment: Environment) -> Side:
        threads = environment["threads"]
        return Side(
            FORMS[self.target][0],
            self.workshop.converted(environment, self.target),
            python_of(environment),
            None if threads == "all" else int(threads),
            environment.get("optimisation", "all"),
        )


def _bytes(path: Path) -> List[str]:
    """Of a converted file, with the weights beside it."""
    return [sha256(part) for part in sorted(path.parent.glob(f"{path.stem}.*"))]


def slowed(race: Race, bad: Environment) -> Outcome:
    """What the bad environment is to the good one.

    Raises:
        UsageError: there is nothing to attribute, or it cannot be measured.
    """
    try:
        outcome = race(bad)
    except (NotBuilt, RuntimeFailure, Stopped) as error:
        raise UsageError(
            f"not to be timed: {error}. Ask for the numbers: --what numbers."
        ) from None
    if outcome.verdict == GREEN:
        raise UsageError(f"nothing to attribute: the bad environment takes {outcome.note}.")
    return outcome
