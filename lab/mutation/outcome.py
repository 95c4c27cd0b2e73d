"""Outcomes of planted faults, and the figures that sum them up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .oracles import ORACLES

SCHEMA = 1
#: The kind of a conversion without a fault, which must raise no alarm.
NO_FAULT = "no fault"
#: All faults that make a difference have to be caught, and this share of them named.
LOCALISED = 0.99
CLEAN = ("model", "target", "killed", "oracles")  # the record of a conversion without a fault


@dataclass(frozen=True)
class Outcome:
    """One planted fault.

    Attributes:
        expected: the layer to be named.
        equivalent: why it makes no difference; None if it makes one.
        refused: the error of a converter or a runtime that rejected the mutant.
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
        """The harness's error in this case, in words."""
        if self.equivalent is not None:
            return "a false alarm" if self.killed else None
        if not self.killed:
            return "not caught"
        return None if self.localised else f"{self.named} named for {self.expected}"


@dataclass(frozen=True)
class Results:
    """The outcomes of a campaign, those of conversions without a fault among them."""

    outcomes: Tuple[Outcome, ...] = ()

    @property
    def cleans(self) -> List[Outcome]:
        return [o for o in self.outcomes if o.kind == NO_FAULT]

    @property
    def faults(self) -> List[Outcome]:
        return [o for o in self.outcomes if o.kind != NO_FAULT]

    @property
    def real(self) -> List[Outcome]:
        """The faults that make a difference."""
        return [o for o in self.faults if o.equivalent is None]

    @property
    def problems(self) -> List[Outcome]:
        return [o for o in self.outcomes if o.problem]

    @property
    def passed(self) -> bool:
        """All faults caught and nearly all named, without a false alarm."""
        totals, real = self.totals(), len(self.real)
        alarms = any(o.killed and o.equivalent is not None for o in self.outcomes)
        return not alarms and totals["killed"] == real and totals["localised"] >= LOCALISED * real

    def checks(self) -> Dict[str, Dict[str, Any]]:
        """How the checks of others fare, by name: faults caught, alarms without a fault, and
        faults caught (of how many) in the conversions where it raises none of these."""
        found = {}
        for name, rule, source in ((o.name, o.rule, o.source) for o in ORACLES):
            silent = {(c.model, c.target) for c in self.cleans if not c.oracles[name]}
            there = [o.oracles[name] for o in self.real if (o.model, o.target) in silent]
            found[name] = {
                **{"rule": rule, "source": source},
                "killed": sum(o.oracles[name] for o in self.real),
                "false_alarms": sum(c.oracles[name] for c in self.cleans),
                "in_silence": (sum(there), len(there)),
            }
        return found

    def by(self, *fields: str) -> Dict[Tuple[str, ...], Results]:
        """The faults by the values of these fields ("model", "kind"), in order of appearance."""
        groups: Dict[Tuple[str, ...], List[Outcome]] = {}
        for outcome in self.faults:
            key = tuple(str(getattr(outcome, field)) for field in fields)
            groups.setdefault(key, []).append(outcome)
        return {key: Results(tuple(some)) for key, some in groups.items()}

    def totals(self) -> Dict[str, int]:
        real, faults = self.real, self.faults
        return {
            "kinds": len(self.by("kind")),
            "cases": len(faults),
            "equivalent": len(faults) - len(real),
            "killed": sum(o.killed for o in real),
            "localised": sum(o.localised for o in real),
        }

    def to_json(self) -> Dict[str, object]:
        """The record: keys may be added, never renamed."""
        return {
            "schema": SCHEMA,
            "models": list(dict.fromkeys(c.model for c in self.cleans)),
            **self.totals(),
            "oracles": self.checks(),
            "clean": [{key: asdict(c)[key] for key in CLEAN} for c in self.cleans],
            "faults": [
                {**asdict(o), "site": o.site, "localised": o.localised} for o in self.faults
            ],
        }
