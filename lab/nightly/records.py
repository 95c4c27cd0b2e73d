"""What a nightly run found, in one form: step -> case -> outcome, and a number if it has one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

FAILED, SLOWER, XPASSED, UNUSED = "failed", "slower", "unexpected pass", "unused override"
INCONCLUSIVE, SKIPPED, XFAILED, PASSED = "inconclusive", "skipped", "expected failure", "passed"
#: Each of these makes a run red.
RED = (FAILED, SLOWER, XPASSED, UNUSED)
#: The most severe first: where a case is reported twice, the more severe outcome counts.
OUTCOMES = (*RED, INCONCLUSIVE, SKIPPED, XFAILED, PASSED)


class Case(NamedTuple):
    """What became of one case, and why; what was measured, with the ends of its interval."""

    outcome: str
    message: str = ""
    value: Optional[float] = None
    low: Optional[float] = None
    high: Optional[float] = None


@dataclass
class Run:
    """A nightly run.

    Attributes:
        steps: step -> its cases; the parts of a sharded step together.
        problems: a step, and what is wrong with its records; its cases are incomplete then.
        date: when its first step began (UTC, ISO 8601).
        versions: distribution -> version, as pip reported them.
    """

    steps: Dict[str, Dict[str, Case]]
    problems: List[Tuple[str, str]] = field(default_factory=list)
    date: str = ""
    commit: str = ""
    versions: Dict[str, str] = field(default_factory=dict)

    def add(
        self, step: str, name: str, outcome: str = PASSED, message: str = "", *numbers: Any
    ) -> None:
        """Record a case; of several with one name, keep the most severe, or the largest."""
        case = Case(outcome, message, *map(number, numbers))
        known = self.steps[step].setdefault(name, case)
        self.steps[step][name] = min(
            known, case, key=lambda c: (OUTCOMES.index(c.outcome), -(c.value or 0.0))
        )

    def cases(self) -> Iterator[Tuple[str, Case]]:
        for cases in self.steps.values():
            yield from sorted(cases.items())

    def ran(self, *steps: str) -> Set[str]:
        """The cases of these steps (of all, if none is named) that were not skipped."""
        found = (self.steps.get(step, {}) for step in steps or self.steps)
        return {n for cases in found for n, case in cases.items() if case.outcome != SKIPPED}


def number(value: Any) -> Optional[float]:
    """A finite number, or None: JSON that Python wrote may hold NaN and infinities."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
