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
class Step:
    """What a step found; the parts of a sharded one together.

    Attributes:
        problems: what is wrong with its records; its cases are incomplete then.
    """

    cases: Dict[str, Case] = field(default_factory=dict)
    problems: List[str] = field(default_factory=list)

    def add(self, name: str, outcome: str, message: str = "", *numbers: Any) -> None:
        """Record a case; of several with one name, keep the most severe, or the largest."""
        case = Case(outcome, message, *map(number, numbers))
        known = self.cases.setdefault(name, case)
        self.cases[name] = min(
            known, case, key=lambda c: (OUTCOMES.index(c.outcome), -(c.value or 0.0))
        )

    @property
    def ran(self) -> Set[str]:
        return {name for name, case in self.cases.items() if case.outcome != SKIPPED}


@dataclass
class Run:
    """A nightly run.

    Attributes:
        date: when its first step began (UTC, ISO 8601).
        versions: distribution -> version, as pip reported them.
    """

    date: str = ""
    commit: str = ""
    steps: Dict[str, Step] = field(default_factory=dict)
    versions: Dict[str, str] = field(default_factory=dict)

    def cases(self) -> Iterator[Tuple[str, Case]]:
        for step in self.steps.values():
            yield from sorted(step.cases.items())

    @property
    def ran(self) -> Set[str]:
        return {name for step in self.steps.values() for name in step.ran}


def number(value: Any) -> Optional[float]:
    """A finite number, or None: JSON that Python wrote may hold NaN and infinities."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
