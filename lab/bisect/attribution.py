"""One target: what differs, what of it was tried, and what is to blame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, List, Tuple

from converters.progress import report
from mxproof.runtimes.base import RuntimeFailure
from mxproof.subject import UsageError

from .factors import Environment, change, differences, swapped
from .search import GREEN, RED, UNKNOWN, Findings, Outcome, Search
from .venvs import NotBuilt
from .workshop import Stopped

#: Says of an environment whether it is green or red.
Probe = Callable[[Environment], Outcome]


@dataclass(frozen=True)
class Attribution:
    """
    Attributes:
        good, bad: what of the environments this target uses.
        criterion: what red means, in words.
    """

    target: str
    good: Environment
    bad: Environment
    criterion: str
    findings: Findings

    @property
    def named(self) -> bool:
        return bool(self.findings.causes)

    def change(self, factor: str) -> str:
        return change(factor, self.good, self.bad)

    @property
    def sentence(self) -> str:
        """Which factors, and what shows that it is they."""
        found = self.findings
        if not found.causes:
            return f"{self.target}: not attributed: {self._why_not()}."
        causes = [" with ".join(map(self.change, cause)) for cause in found.causes]
        if len(causes) > 1:
            text = f"{len(causes)} causes, each by itself enough: {'; '.join(causes)}."
        elif len(found.causes[0]) > 1:
            text = f"{causes[0]} explain it together: {self._fewer()}."
        elif len(found.factors) == 1:
            text = f"{causes[0]} explains it: nothing else differs."
        else:
            text = f"{causes[0]} explains it: alone, it turns the good red."
        return f"{self.target}: {text} {self._rest()}".strip()

    def _fewer(self) -> str:
        """What is known of a part of a cause."""
        found = self.findings
        parts = [o for f, o in found.tried.items() if f and f < set(found.causes[0])]
        if all(outcome.verdict == GREEN for outcome in parts):
            return "no fewer of them turn the good red"
        needed = [self.change(f) for f in found.needed if f in found.causes[0]]
        text = "not every smaller part of them could be tried"
        return f"{text}, but without {' or '.join(needed)} the bad is green" if needed else text

    def _rest(self) -> str:
        """What the bad environment is without the causes."""
        found, several = self.findings, sum(map(len, self.findings.causes)) > 1
        if len(found.factors) == sum(map(len, found.causes)):
            return ""
        without = "without all of them" if several else "without it"
        if found.left == GREEN:
            return f"The bad {without} is green."
        return f"Whether the bad {without} is green could not be told: {self._left()}."

    def _left(self) -> str:
        causes = {factor for cause in self.findings.causes for factor in cause}
        remaining = frozenset(self.findings.factors) - causes
        return self.findings.tried[remaining].note if remaining in self.findings.tried else ""

    def _why_not(self) -> str:
        tried = self.findings.tried
        for factors, wanted, name in (
            (frozenset(), GREEN, "good"),
            (frozenset(self.findings.factors), RED, "bad"),
        ):
            outcome = tried.get(factors)
            if outcome is not None and outcome.verdict != wanted:
                return f"the {name} environment is {outcome.verdict} ({outcome.note})"
        return "no set of factors turns the good red"

    def rows(self) -> List[Tuple[str, str, str]]:
        """What was tried: the environment, the verdict, what was seen."""
        return [(self.described(f), o.verdict, o.note) for f, o in self.findings.tried.items()]

    def described(self, factors: FrozenSet[str]) -> str:
        """The nearer environment, and what is exchanged in it."""
        every = self.findings.factors
        chosen = [f for f in every if f in factors]
        back = [f for f in every if f not in factors]
        if not chosen or not back:
            return "bad" if chosen else "good"
        if len(chosen) <= len(back):
            return "good, but " + ", ".join(map(self.change, chosen))
        return "bad, but " + ", ".join(change(f, self.bad, self.good) for f in back)

    def to_json(self) -> Dict[str, Any]:
        found = self.findings
        return {
            "good": dict(self.good),
            "bad": dict(self.bad),
            "factors": list(found.factors),
            "red_means": self.criterion,
            "tried": [
                {"from_bad": sorted(f), "verdict": o.verdict, "size": o.size, "note": o.note}
                for f, o in found.tried.items()
            ],
            "causes": [list(cause) for cause in found.causes],
            "needed": list(found.needed),
            "without_causes": found.left,
            "sentence": self.sentence,
        }


def attribute(
    target: str, good: Environment, bad: Environment, criterion: str, probe: Probe
) -> Attribution:
    """Search what makes the good environment red."""
    factors = differences(good, bad)

    def ask(chosen: FrozenSet[str]) -> Outcome:
        report(f"{target}: with {', '.join(sorted(chosen)) or 'nothing'} of the bad environment")
        try:
            return probe(swapped(good, bad, chosen))
        except (NotBuilt, RuntimeFailure, Stopped, UsageError) as error:
            return Outcome(UNKNOWN, str(error))

    return Attribution(target, good, bad, criterion, Search(factors, ask).run())
