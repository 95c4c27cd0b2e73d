"""What one night found."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Set

from mxproof.report.record import Json

from .outcomes import FAILED


@dataclass
class Night:
    """All steps together.

    Attributes:
        date: when its first step began, in UTC.
        cases: id -> what became of it (outcomes.py).
        messages: id -> why, where it did not just pass.
        asked: the folders, files and ids that pytest was given.
        numbers: "resnet18/onnx" -> the worst "float64_rel" and "float32_ratio".
        budgets: a limit -> the largest part of it that anything used.
        latencies: benchmark -> verdict, ratio, low, high, rounds.
        versions: of what -> which; several, where steps differ, in one text.
        troubles: what could not be read, or ended badly.
    """

    date: str = ""
    commit: str = ""
    weights: str = ""
    cases: Dict[str, str] = field(default_factory=dict)
    messages: Dict[str, str] = field(default_factory=dict)
    asked: Set[str] = field(default_factory=set)
    numbers: Dict[str, Dict[str, Optional[float]]] = field(default_factory=dict)
    budgets: Dict[str, float] = field(default_factory=dict)
    latencies: Dict[str, Json] = field(default_factory=dict)
    versions: Dict[str, str] = field(default_factory=dict)
    system: Dict[str, str] = field(default_factory=dict)
    troubles: List[str] = field(default_factory=list)

    def add(self, case: str, outcome: str, message: str = "") -> None:
        """A failure is not forgotten over a later pass of the same case."""
        if self.cases.get(case) != FAILED:
            self.cases[case] = outcome
            if message:
                self.messages[case] = message

    def use(self, budget: str, part: Optional[float]) -> None:
        """So much of this limit was used; None: nothing was judged by it."""
        if part is not None and math.isfinite(part):
            self.budgets[budget] = max(part, self.budgets.get(budget, 0.0))

    def made_by(self, versions: Mapping[str, object]) -> None:
        """Versions of one step; where steps differ, all are named."""
        for name, version in versions.items():
            _merge(self.versions, name, str(version))

    def made_on(self, system: Mapping[str, object]) -> None:
        """The machine of one step, likewise."""
        for name, value in system.items():
            _merge(self.system, name, str(value))


def _merge(known: Dict[str, str], name: str, value: str) -> None:
    values = [*filter(None, known.get(name, "").split(" / ")), value]
    known[name] = " / ".join(sorted(set(values)))
