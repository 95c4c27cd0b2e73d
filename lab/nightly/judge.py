"""A night against the list of expected cases and the last green night: red or green, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import AbstractSet, Dict, List, Optional, Set

from mxproof.report.record import Json

from .cases import UNLISTED, suite, under
from .history import GREEN, RED, SCHEMA, History
from .night import Night
from .outcomes import FAILED, ORDER, RAN, SKIPPED, SLOWER, XPASSED
from .trends import long_inconclusive, loose

#: Kinds of reasons, in the order in which they are told.
TROUBLE, FAILURE, SLOWDOWN, UNEXPECTED = "trouble", "failed", "slower", "unexpected pass"
VANISHED, FEWER = "vanished", "ran fewer cases"
OUTCOMES = {FAILURE: FAILED, SLOWDOWN: SLOWER, UNEXPECTED: XPASSED}


@dataclass(frozen=True)
class Reason:
    """Why a night is red; `about` is a case, a suite, or what the trouble is."""

    kind: str
    about: str
    said: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}" + (f": {self.said}" if self.said else "")


@dataclass
class Judgement:
    """What is to be said of a night.

    Attributes:
        entry: its line of the history.
        green: the last night that was, before this one.
        reasons: why it is red; none if it is green.
        accepted: what would be a reason, had nobody said that it was meant.
        new: cases that ran and did not in the last green night.
        unlisted: cases that ran and are not in the list of expected ones.
        removed: cases that ran then, and have been taken off the list since.
        reported: what is no reason, and still somebody's to look at.
    """

    entry: Json
    green: Optional[Json]
    reasons: List[Reason] = field(default_factory=list)
    accepted: List[Reason] = field(default_factory=list)
    new: List[str] = field(default_factory=list)
    unlisted: List[str] = field(default_factory=list)
    removed: List[str] = field(default_factory=list)
    reported: List[str] = field(default_factory=list)


def judge(
    night: Night,
    history: History,
    expected: Optional[AbstractSet[str]] = None,
    accept: str = "",
) -> Judgement:
    """The verdict.

    Args:
        expected: the list of cases that must be there; None where it is not asked for.
        accept: why fewer cases than in the last green night are meant.
    """
    green = history.green
    ran = {case for case, outcome in night.cases.items() if outcome in RAN}
    found = Judgement({}, green)
    found.reasons += [Reason(TROUBLE, said) for said in night.troubles]
    if not ran:
        found.reasons.append(Reason(TROUBLE, "not one case ran"))
    for kind, outcome in OUTCOMES.items():
        cases = sorted(case for case, known in night.cases.items() if known == outcome)
        found.reasons += [Reason(kind, case, night.messages.get(case, "")) for case in cases]
    lost = _lost(night, ran, green, expected, found)
    (found.accepted if accept else found.reasons).extend(lost)
    listed = expected if expected is not None else frozenset()
    found.unlisted = sorted(c for c in ran - listed if _listable(c)) if expected is not None else []
    found.entry = _entry(night, found, accept)
    if not found.reasons:
        found.entry["ran"] = sorted(ran)
        if expected is not None:
            found.entry["unlisted"] = sorted(ran - listed)
    found.reported += history.problems
    found.reported += long_inconclusive([*history.nights, found.entry])
    found.reported += loose([*history.nights, found.entry])
    return found


def _listable(case: str) -> bool:
    """Whether the list of expected cases is about such: pytest's, of files."""
    return ".py::" in case and not case.startswith(UNLISTED)


def _lost(
    night: Night,
    ran: Set[str],
    green: Optional[Json],
    expected: Optional[AbstractSet[str]],
    found: Judgement,
) -> List[Reason]:
    """Cases that are not there any more, and suites that ran less."""
    asked = sorted(night.asked)
    missing = {c for c in expected or () if c not in night.cases and under(c, asked)}
    before = set(green.get("ran", ())) if green else set()
    gone = before - set(night.cases)
    if expected is not None and green is not None:
        on_purpose = gone - set(green.get("unlisted", before)) - expected
        found.removed = sorted(on_purpose)
        gone -= on_purpose
    if green:
        found.new = sorted(ran - before)
    reasons = [
        Reason(VANISHED, case, "ran in the last green night" if case in gone else "is expected")
        for case in sorted(missing | gone)
    ]
    return reasons + _fewer(night, before, green)


def _fewer(night: Night, before: Set[str], green: Optional[Json]) -> List[Reason]:
    """Suites whose cases are there, and were skipped."""
    idle: Dict[str, List[str]] = {}
    for case in sorted(before):
        if night.cases.get(case) == SKIPPED:
            idle.setdefault(suite(case), []).append(case)
    reasons = []
    for name, cases in idle.items():
        why = "; ".join(dict.fromkeys(night.messages.get(c, "") or "no reason" for c in cases))
        said = f"{len(cases)} that ran in the last green night were skipped: {why}"
        reasons.append(Reason(FEWER, name, said))
    if green and not before:  # its ids were lost: by numbers then
        now = counts(night)
        for name, known in green["suites"].items():
            then, tonight = (sum(c.get(o, 0) for o in RAN) for c in (known, now.get(name, {})))
            if tonight < then:
                reasons.append(Reason(FEWER, name, f"{tonight:g}, and {then:g} then"))
    return reasons


def counts(night: Night) -> Dict[str, Dict[str, int]]:
    """Suite -> outcome -> how many cases."""
    found: Dict[str, Dict[str, int]] = {}
    for case, outcome in sorted(night.cases.items()):
        row = found.setdefault(suite(case), {})
        row[outcome] = row.get(outcome, 0) + 1
    return {name: {o: row[o] for o in ORDER if o in row} for name, row in found.items()}


def _entry(night: Night, found: Judgement, accept: str) -> Json:
    entry: Json = {
        "schema": SCHEMA,
        "date": night.date or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": night.commit,
        "verdict": RED if found.reasons else GREEN,
        "reasons": [str(reason)[:LONGEST] for reason in found.reasons[:MOST]],
        "weights": night.weights,
        "versions": dict(sorted(night.versions.items())),
        "system": dict(sorted(night.system.items())),
        "suites": counts(night),
        "numbers": dict(sorted(night.numbers.items())),
        "budgets": dict(sorted(night.budgets.items())),
        "latencies": dict(sorted(night.latencies.items())),
    }
    return {**entry, "accepted": accept} if accept and found.accepted else entry


#: Of a line of the history: reasons, and characters of each.
MOST, LONGEST = 100, 300
