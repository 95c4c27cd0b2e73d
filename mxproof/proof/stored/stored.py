"""Verdicts on the stored numbers of a converted file; compare.py reaches them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, List, Mapping, Tuple

EXEMPT, EQUAL, REARRANGED, DIFFERENT = "exempt", "equal", "rearranged", "different"
VERDICTS = (EXEMPT, EQUAL, REARRANGED, DIFFERENT)  # where several layers read it, the last counts


@dataclass(frozen=True)
class Finding:
    """What became of one stored array.

    Attributes:
        numbers: how many it has.
        why: of what is exempt or different, in words.
        layers: (operator, layer) of those that should read it and do not find it.
    """

    verdict: str
    numbers: int
    why: str = ""
    layers: Tuple[Tuple[str, str], ...] = ()

    def worst(self, other: Finding) -> Finding:
        """The same array in two layers."""
        first, second = sorted((self, other), key=lambda f: VERDICTS.index(f.verdict))
        return replace(second, layers=first.layers + second.layers)


@dataclass(frozen=True)
class StoredProof:
    """All stored arrays of a network in one target.

    Attributes:
        arrays: name -> what became of it.
        note: why nothing was compared; empty where that was done.
        problem: an error that ended the comparison.
    """

    arrays: Mapping[str, Finding] = field(default_factory=dict)
    note: str = "MXNet's stored numbers are not at hand"
    problem: str = ""

    def only(self, verdict: str) -> Dict[str, Finding]:
        """The arrays of this verdict."""
        return {name: found for name, found in self.arrays.items() if found.verdict == verdict}

    def numbers(self, *verdicts: str) -> int:
        """How many numbers are stored in arrays of these verdicts."""
        return sum(f.numbers for f in self.arrays.values() if f.verdict in verdicts)

    @property
    def passed(self) -> bool:
        return not self.problem and not self.only(DIFFERENT)

    @property
    def culprits(self) -> List[Tuple[str, str, str]]:
        """(operator, layer, what of its arrays differs) of each layer that reads such an array."""
        found: Dict[Tuple[str, str], List[str]] = {}
        for finding in self.only(DIFFERENT).values():
            for layer in finding.layers:
                found.setdefault(layer, []).append(finding.why)
        return [(*layer, "; ".join(why)) for layer, why in found.items()]

    def explain(self, most: int) -> List[str]:
        """A sentence on what differs, if anything does.

        Args:
            most: layers that it names.
        """
        parts = [self.problem] * bool(self.problem)
        parts += [f"{op} {layer!r}: {why}" for op, layer, why in self.culprits]
        parts += [f.why for f in self.only(DIFFERENT).values() if not f.layers]
        more = [f"{len(parts) - most} more layers differ"] if len(parts) > most else []
        return [f"stored numbers: {'; '.join([*parts[:most], *more])}"] if parts else []
