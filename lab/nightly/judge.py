"""A nightly run against the last green one: why it is red, if it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional

from .records import RED, Run

#: Kinds of reasons beside the outcomes in RED. Only the last two can be intended.
BROKEN, VANISHED, IDLE = "broken step", "vanished", "no longer runs"


@dataclass(frozen=True)
class Reason:
    """Why a run is red; `about` is a case or a step."""

    kind: str
    about: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}" + (f": {self.message}" if self.message else "")


@dataclass(frozen=True)
class Judgement:
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
    steps, cases = run.steps.items(), list(run.cases())
    reasons = [Reason(BROKEN, f"step {name}", p) for name, step in steps for p in step.problems]
    for kind in RED:
        reasons += [Reason(kind, n, case.message) for n, case in cases if case.outcome == kind]
    if green is None:
        return Judgement(reasons, [], [])
    lost = list(_lost(run, green))
    ran, before = ({name for name, case in r.cases() if case.ran} for r in (run, green))
    return Judgement(
        reasons if accept else reasons + lost, lost if accept else [], sorted(ran - before)
    )


def _lost(run: Run, green: Run) -> Iterator[Reason]:
    """Whatever ran in the last green run and did not run in this one."""
    for name, step in green.steps.items():
        now, ran = run.steps.get(name), {n for n, case in step.cases.items() if case.ran}
        if now is None:
            yield Reason(VANISHED, f"step {name}", f"{len(ran)} cases ran in the last green run")
        elif not now.problems:  # each is a reason already, to which its missing cases add nothing
            for case in sorted(ran - set(now.cases)):
                yield Reason(VANISHED, case, "ran in the last green run")
            for case in sorted(ran & set(now.cases)):
                if not now.cases[case].ran:
                    yield Reason(IDLE, case, now.cases[case].message)
