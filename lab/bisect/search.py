"""Find which of several changes turn a good environment red.

A set of factors is red if the good environment is red once it has their values from the bad one.
Every factor is tried alone; what those leave unexplained is reduced by one factor at a time (delta
debugging, Zeller and Hildebrandt 2002; there are few factors). If nothing swapped is green and
everything swapped is red, then for any probe that answers consistently:

- there is at least one cause; causes are red and have no factor in common;
- a factor that is red alone is a cause by itself;
- no cause stays red without one of its factors;
- the bad environment without all the causes is not red.

A combination that cannot be tried is UNKNOWN and never counts as red.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Tuple

GREEN, RED, UNKNOWN = "green", "red", "unknown"
Factors = FrozenSet[str]


@dataclass(frozen=True)
class Outcome:
    """The verdict on one environment, and its reason."""

    verdict: str
    note: str = ""


@dataclass(frozen=True)
class Findings:
    """
    Attributes:
        changes: factor -> its change, in words.
        tried: the factors taken from the bad environment -> the outcome, in order.
        causes: minimal red sets.
        remaining: the verdict on the bad environment without the causes.
        criterion: the meaning of red, in one sentence.
    """

    changes: Mapping[str, str]
    tried: Mapping[Factors, Outcome]
    causes: Tuple[Factors, ...] = ()
    remaining: str = GREEN
    criterion: str = ""

    @property
    def proven(self) -> bool:
        """Whether there are causes, and each was seen to turn green without any of its factors."""
        parts = [self.tried[cause - {factor}] for cause in self.causes for factor in cause]
        return bool(parts) and all(part.verdict == GREEN for part in parts)

    @property
    def sentence(self) -> str:
        """Name the causes, and how sure they are."""
        if not self.causes:
            bad = self.tried[frozenset(self.changes)]
            return f"not explained: the bad environment is {bad.verdict}: {bad.note}."
        text = "; ".join(self._words(cause, " with ") for cause in self.causes)
        text += " explains it" if len(self.causes) == len(self.causes[0]) == 1 else " explain it"
        if not self.proven:
            text += ", or a part of that which could not be tried"
        elif len(self.causes) > 1:
            text += ", each by itself"
        return f"{text}. The bad environment without that is {self.remaining}."

    def _words(self, factors: Factors, separator: str) -> str:
        return separator.join(text for name, text in self.changes.items() if name in factors)

    def rows(self) -> List[Tuple[str, str, str]]:
        """What was tried: the environment, its verdict, the reason."""
        titles = {0: "good", len(self.changes): "bad"}
        return [
            (titles.get(len(c), f"good with {self._words(c, ', ')}"), outcome.verdict, outcome.note)
            for c, outcome in self.tried.items()
        ]

    def to_json(self) -> Dict[str, Any]:
        return {
            "red_means": self.criterion,
            "changes": dict(self.changes),
            "tried": [
                {"from_bad": sorted(c), "verdict": outcome.verdict, "note": outcome.note}
                for c, outcome in self.tried.items()
            ],
            "causes": [sorted(cause) for cause in self.causes],
            "without_causes": self.remaining,
            "sentence": self.sentence,
        }


def search(changes: Mapping[str, str], probe: Callable[[Factors], Outcome]) -> Findings:
    """Find the causes; none unless the good environment is green and the bad one red.

    Args:
        changes: factor -> its change, in words.
        probe: judges the good environment with these factors from the bad one; asked once a set.
    """
    tried: Dict[Factors, Outcome] = {}

    def verdict(chosen: Factors) -> str:
        if chosen not in tried:
            tried[chosen] = probe(chosen)
        return tried[chosen].verdict

    def minimise(cause: Factors) -> Factors:
        smaller = (cause - {factor} for factor in changes if factor in cause)
        reduced = next((part for part in smaller if verdict(part) == RED), None)
        return cause if reduced is None else minimise(reduced)

    remaining = frozenset(changes)
    if verdict(frozenset()) != GREEN or verdict(remaining) != RED:
        return Findings(changes, tried)
    causes = [single for single in map(frozenset, zip(changes)) if verdict(single) == RED]
    remaining = remaining.difference(*causes)
    while verdict(remaining) == RED:
        causes.append(minimise(remaining))
        remaining -= causes[-1]
    return Findings(changes, tried, tuple(causes), verdict(remaining))
