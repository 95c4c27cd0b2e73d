"""A nightly run against the last green one: why it is red, if it is."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional

from .records import RED, Run

#: Kinds of reasons beside the outcomes in RED. Only the last two can be intended.
BROKEN, VANISHED, IDLE = "broken step", "vanished", "no longer runs"


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
    steps, cases = run.steps.items(), list(run.cases())
    reasons = [Reason(BROKEN, f"step {name}", p) for name, step in steps for p in step.problems]
    for kind in RED:
        reasons += [Reason(kind, n, case.message) for n, case in cases if case.outcome == kind]
    if green is None:
        return Judgement(reasons, [], [])
    lost, new = list(_lost(run, green)), sorted(run.ran - green.ran)
    return Judgement(reasons, lost, new) if accept else Judgement(reasons + lost, [], new)


def _lost(run: Run, green: Run) -> Iterator[Reason]:
    """Whatever ran in the last green run and did not run in this one."""
    for name, step in green.steps.items():
        now = run.steps.get(name)
        if now is None:
            ran = f"{len(step.ran)} cases ran in the last green run"
            yield Reason(VANISHED, f"step {name}", ran)
        elif not now.problems:  # each is a reason already, to which its missing cases add nothing
            for case in sorted(step.ran - now.ran):
                if case in now.cases:
                    yield Reason(IDLE, case, now.cases[case].message)
                else:
                    yield Reason(VANISHED, case, "ran in the last green run")
