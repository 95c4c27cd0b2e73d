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
