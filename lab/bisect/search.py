"""Which of the factors that differ are to blame: each swapped alone, and what that leaves open.

A set of factors is red if the good environment with these of the bad one is red. What is looked
for are sets that are red, while no smaller part of them is: one factor, or several that do it only
together. Where what is left of the bad environment without them is still red, there is another
cause, and the search goes on there. So it is right with several factors guilty, each by itself or
together (delta debugging, with the greedy reduction: there are few factors, and a run is dear).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

GREEN, RED, UNKNOWN = "green", "red", "unknown"
Factors = FrozenSet[str]


@dataclass(frozen=True)
class Outcome:
    """What a probe says of an environment.

    Attributes:
        verdict: GREEN, RED, or UNKNOWN where it could not be tried or does not decide.
        note: what was seen, in words.
        size: how large the drift is, where that is a number.
    """

    verdict: str
    note: str
    size: Optional[float] = None


@dataclass(frozen=True)
class Findings:
    """
    Attributes:
        factors: all that differ.
        tried: what was taken from the bad environment, and what came of it, in order.
        causes: each a set that turns the good environment red, and no smaller part of it does.
        needed: factors without which the bad environment is green.
        left: the verdict on the bad environment without the causes: GREEN if they are all.
    """

    factors: Tuple[str, ...]
    tried: Dict[Factors, Outcome] = field(default_factory=dict)
    causes: Tuple[Tuple[str, ...], ...] = ()
    needed: Tuple[str, ...] = ()
    left: str = GREEN


class Search:
    """
    Args:
        factors: that differ.
        probe: factors that are taken from the bad environment -> what comes of it.
    """

    def __init__(self, factors: Sequence[str], probe: Callable[[Factors], Outcome]) -> None:
        self.factors, self._probe = tuple(factors), probe
        self.tried: Dict[Factors, Outcome] = {}

    def verdict(self, factors: Factors) -> str:
        if factors not in self.tried:
            self.tried[factors] = self._probe(factors)
        return self.tried[factors].verdict

    def run(self) -> Findings:
        """The causes; none if the bad environment is not red, or the good one is."""
        everything = frozenset(self.factors)
        if self.verdict(frozenset()) != GREEN or self.verdict(everything) != RED:
            return Findings(self.factors, self.tried, left=self.verdict(everything))
        for factor in self.factors:
            self.verdict(frozenset([factor]))
            self.verdict(everything - {factor})
        causes: List[Tuple[str, ...]] = []
        remaining = everything
        while remaining and self.verdict(remaining) == RED:
            cause = self._smallest(remaining)
            causes.append(tuple(f for f in self.factors if f in cause))
            remaining -= cause
        needed = [f for f in self.factors if self.verdict(everything - {f}) == GREEN]
        left = self.verdict(remaining) if remaining else GREEN
        return Findings(self.factors, self.tried, tuple(causes), tuple(needed), left)

    def _smallest(self, factors: Factors) -> Factors:
        """A part of these that is red, and of which nothing can be left out."""
        alone = [f for f in self.factors if f in factors]
        for factor in alone:
            if self.verdict(frozenset([factor])) == RED:
                return frozenset([factor])
        cause = factors
        while True:
            smaller = (cause - {f} for f in alone if f in cause and len(cause) > 1)
            found = next((s for s in smaller if self.verdict(s) == RED), None)
            if found is None:
                return cause
            cause = found
