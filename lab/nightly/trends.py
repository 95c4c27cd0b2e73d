"""What many nights together say, and how one differs from another."""

from __future__ import annotations

import math
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from mxproof.report.record import Json
from mxproof.report.wording import used

from .outcomes import INCONCLUSIVE

#: A budget of which less than this part was used, in each of so many nights, is too loose.
PART, NIGHTS = 0.1, 30
#: A benchmark that nobody could judge in so many nights is none.
UNDECIDED = 3
#: Errors repeat to the last bit where nothing changes, and another processor or library moves them
#: by a few percent.
MOVED = 1.1


def loose(nights: Sequence[Json]) -> Iterator[str]:
    """Budgets that became too loose; those of one target and precision in one line."""
    last = nights[-NIGHTS:]
    if len(last) < NIGHTS:
        return
    groups: Dict[str, List[Tuple[float, str]]] = {}
    for budget in last[-1]["budgets"]:
        parts = [night["budgets"].get(budget) for night in last]
        most = max((math.inf if part is None else part for part in parts), default=math.inf)
        if most < PART:
            model, slash, kind = budget.partition("/")
            group = kind if slash and not budget.startswith("row: ") else budget
            groups.setdefault(group, []).append((most, model if group == kind else ""))
    for group, found in groups.items():
        most = max(part for part, _ in found)
        about = f" by {', '.join(model for _, model in found)}" if found[0][1] else ""
        yield (
            f"budget too loose: {group}: at most {used(most)} of it was used{about}, in each of "
            f"{NIGHTS} nights"
        )


def long_inconclusive(nights: Sequence[Json]) -> Iterator[str]:
    """Benchmarks whose noise let nobody tell, again and again."""
    for name in nights[-1]["latencies"]:
        count = 0
        for night in reversed(nights):
            if night["latencies"].get(name, {}).get("verdict") != INCONCLUSIVE:
                break
            count += 1
        if count >= UNDECIDED:
            yield f"inconclusive {count} nights in a row: {name}"


def changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> List[Tuple[str, Any, Any]]:
    """(name, then, now) where they differ; None where there was nothing."""
    names = [*then, *(name for name in now if name not in then)]
    return [(n, then.get(n), now.get(n)) for n in names if then.get(n) != now.get(n)]


def moved(then: Json, now: Json) -> List[Tuple[str, Optional[float], Optional[float]]]:
    """Numbers that are not what they were, those that moved most first."""
    before, after = (_flat(night["numbers"]) for night in (then, now))
    found = [(name, a, b) for name, a, b in changed(before, after) if _factor(a, b) > MOVED]
    return sorted(found, key=lambda row: -_factor(row[1], row[2]))


def _flat(numbers: Mapping[str, Mapping[str, Optional[float]]]) -> Dict[str, Optional[float]]:
    return {f"{where} {key}": v for where, row in numbers.items() for key, v in row.items()}


def _factor(a: Optional[float], b: Optional[float]) -> float:
    """How far apart, whichever is larger."""
    if a is None or b is None or min(a, b) <= 0:
        return math.inf if a != b else 1.0
    return max(a, b) / min(a, b)
