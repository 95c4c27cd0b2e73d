"""A nightly run: step -> case -> outcome; and why it is red, against the last green one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

FAILED, SLOWER, XPASSED, UNUSED = "failed", "slower", "unexpected pass", "unused override"
INCONCLUSIVE, SKIPPED, XFAILED, PASSED = "inconclusive", "skipped", "expected failure", "passed"
#: Each of these makes a run red.
RED = (FAILED, SLOWER, XPASSED, UNUSED)
#: The most severe first: where a case is reported twice, the more severe outcome counts.
OUTCOMES = (*RED, INCONCLUSIVE, SKIPPED, XFAILED, PASSED)
#: Kinds of reasons beside the outcomes in RED. Only the last two can be intended.
BROKEN, VANISHED, IDLE = "broken step", "vanished", "no longer runs"


class Case(NamedTuple):
    """What became of one case, and why; what was measured, with the ends of its interval."""

    outcome: str
    message: str = ""
    value: Optional[float] = None
    low: Optional[float] = None
    high: Optional[float] = None


@dataclass
class Run:
    """A nightly run.

    Attributes:
        steps: step -> its cases; the parts of a sharded step together.
        problems: a step, and what is wrong with its records; its cases are incomplete then.
        date: when its first step began (UTC, ISO 8601).
        versions: distribution -> version, as pip reported them.
    """

    steps: Dict[str, Dict[str, Case]]
    problems: List[Tuple[str, str]] = field(default_factory=list)
    date: str = ""
    commit: str = ""
    versions: Dict[str, str] = field(default_factory=dict)

    def add(
        self, step: str, name: str, outcome: str = PASSED, message: str = "", *numbers: Any
    ) -> None:
        """Record a case; of several with one name, keep the most severe, or the largest."""
        case = Case(outcome, message, *map(number, numbers))
        known = self.steps[step].setdefault(name, case)
        self.steps[step][name] = min(
            known, case, key=lambda c: (OUTCOMES.index(c.outcome), -(c.value or 0.0))
        )

    def cases(self) -> Iterator[Tuple[str, Case]]:
        for cases in self.steps.values():
            yield from sorted(cases.items())

    def ran(self, *steps: str) -> Set[str]:
        """The cases of these steps (of all, if none is named) that were not skipped."""
        found = (self.steps.get(step, {}) for step in steps or self.steps)
        return {n for cases in found for n, case in cases.items() if case.outcome != SKIPPED}


def number(value: Any) -> Optional[float]:
    """A finite number, or None: JSON that Python wrote may hold NaN and infinities."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


class Reason(NamedTuple):
    """Why a run is red; `about` is a case or a step."""

    kind: str
    about: str
    message: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, self))


class Judgement(NamedTuple):
    """The verdict on a run, which is red if there are any reasons.

    Attributes:
        accepted: losses that are intended, and so are no reasons.
        new: cases that ran and did not run in the last green run.
    """

    reasons: List[Reason]
    accepted: List[Reason]
    new: List[str]

    @property
    def verdict(self) -> str:
        return "red" if self.reasons else "green"


def judge(run: Run, green: Optional[Run], *, accept: bool = False) -> Judgement:
    """Compare a run with the last green one.

    Args:
        green: None if there is none yet.
        accept: fewer cases than in the last green run are intended. Nothing else can be accepted.
    """
    cases = list(run.cases())
    reasons = [Reason(BROKEN, f"step {step}", problem) for step, problem in run.problems]
    for kind in RED:
        reasons += [Reason(kind, n, case.message) for n, case in cases if case.outcome == kind]
    if green is None:
        return Judgement(reasons, [], [])
    lost, new = list(_lost(run, green)), sorted(run.ran() - green.ran())
    return Judgement(reasons, lost, new) if accept else Judgement(reasons + lost, [], new)


def _lost(run: Run, green: Run) -> Iterator[Reason]:
    """Whatever ran in the last green run and did not run in this one."""
    broken = {step for step, _ in run.problems}  # a reason already, to which cases add nothing
    for step in green.steps:
        before = green.ran(step)
        if step not in run.steps:
            yield Reason(VANISHED, f"step {step}", f"{len(before)} cases ran in the last green run")
        elif step not in broken:
            for name in sorted(before - run.ran(step)):
                case = run.steps[step].get(name)
                yield (
                    Reason(IDLE, name, case.message)
                    if case
                    else Reason(VANISHED, name, "ran in the last green run")
                )
