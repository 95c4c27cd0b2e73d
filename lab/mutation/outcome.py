"""What came of planted faults, and the figures that sum it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from .oracles import ORACLES

SCHEMA = 1
#: Of the faults that make a difference, so many have to be named at their layer; all of them
#: have to be caught.
LOCALISED = 0.99


@dataclass(frozen=True)
class Outcome:
    """One planted fault.

    Attributes:
        expected: the layer to be named.
        equivalent: why it makes no difference; None if it makes one.
        refused: the error of a converter or a runtime that would not take it.
        oracles: name -> did it raise an alarm?
    """

    model: str
    target: str
    kind: str
    family: str
    layer: str
    note: str
    expected: str
    killed: bool
    named: Optional[str]
    equivalent: Optional[str]
    refused: Optional[str]
    oracles: Mapping[str, bool]

    @property
    def site(self) -> str:
        return f"{self.model}/{self.target} {self.layer}: {self.note}"

    @property
    def localised(self) -> bool:
        return self.killed and self.named == self.expected

    @property
    def problem(self) -> Optional[str]:
        """What the harness did wrong here, in words."""
        if self.equivalent is not None:
            return "a false alarm" if self.killed else None
        if not self.killed:
            return "not caught"
        return None if self.localised else f"{self.named} named for {self.expected}"


@dataclass(frozen=True)
class Clean:
    """A conversion without a fault: who raises a false alarm?"""

    model: str
    target: str
    killed: bool
    oracles: Mapping[str, bool]


@dataclass(frozen=True)
class Results:
    outcomes: Tuple[Outcome, ...]
    cleans: Tuple[Clean, ...]

    @property
    def real(self) -> List[Outcome]:
        """The faults that make a difference."""
        return [o for o in self.outcomes if o.equivalent is None]

    @property
    def equivalents(self) -> List[Outcome]:
        return [o for o in self.outcomes if o.equivalent is not None]

    @property
    def problems(self) -> List[Outcome]:
        return [o for o in self.outcomes if o.problem]

    @property
    def passed(self) -> bool:
        """All faults caught and nearly all named, and nothing else."""
        real, cleans = self.real, self.cleans
        silent = not any(o.killed for o in self.equivalents) and not any(c.killed for c in cleans)
        named = sum(o.localised for o in real)
        return silent and all(o.killed for o in real) and named >= LOCALISED * len(real)

    def caught_by(self, oracle: str) -> int:
        return sum(o.oracles[oracle] for o in self.real)

    def caught_in_silence(self, oracle: str) -> Tuple[int, int]:
        """Faults caught, of how many, in the conversions that it raises no false alarm for."""
        silent = {(c.model, c.target) for c in self.cleans if not c.oracles[oracle]}
        real = [o for o in self.real if (o.model, o.target) in silent]
        return sum(o.oracles[oracle] for o in real), len(real)

    def false_alarms(self, oracle: str) -> int:
        return sum(c.oracles[oracle] for c in self.cleans)

    def by(self, key: Callable[[Outcome], str]) -> Dict[str, Results]:
        """The same by kind, model or family, in the order of appearance."""
        groups: Dict[str, List[Outcome]] = {}
        for outcome in self.outcomes:
            groups.setdefault(key(outcome), []).append(outcome)
        return {name: Results(tuple(some), ()) for name, some in groups.items()}

    def totals(self) -> Dict[str, int]:
        return {
            "kinds": len({o.kind for o in self.outcomes}),
            "cases": len(self.outcomes),
            "equivalent": len(self.equivalents),
            "killed": sum(o.killed for o in self.real),
            "localised": sum(o.localised for o in self.real),
        }

    def to_json(self) -> Dict[str, object]:
        """The record: keys may be added, never renamed."""
        return {
            "schema": SCHEMA,
            "models": list(dict.fromkeys(c.model for c in self.cleans)),
            **self.totals(),
            "oracles": {
                o.name: {
                    "rule": o.rule,
                    "source": o.source,
                    "killed": self.caught_by(o.name),
                    "false_alarms": self.false_alarms(o.name),
                    "in_silence": self.caught_in_silence(o.name),
                }
                for o in ORACLES
            },
            "clean": [vars_of(c) for c in self.cleans],
            "faults": [
                {**vars_of(o), "site": o.site, "localised": o.localised} for o in self.outcomes
            ],
        }


def vars_of(record: object) -> Dict[str, object]:
    """The fields of a dataclass, its mappings as plain ones."""
    return {k: dict(v) if isinstance(v, Mapping) else v for k, v in vars(record).items()}


def joined(results: Iterable[Results]) -> Results:
    every = list(results)
    return Results(
        tuple(o for r in every for o in r.outcomes), tuple(c for r in every for c in r.cleans)
    )
