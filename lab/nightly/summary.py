"""A judgement in Markdown, as a CI job's page shows it: the verdict first, then what changed."""

from __future__ import annotations

from typing import Iterator, List, Mapping, Optional, Sequence

from mxproof.report.markdown import table, text
from mxproof.report.record import Json
from mxproof.report.wording import NONE

from .history import ran
from .judge import Judgement

SIGNS = {"green": "✓", "red": "✗"}
SHOWN, LONGEST = 50, 400  # lines of one list, characters of one line
#: A benchmark that stays inconclusive for this many runs decides nothing.
UNDECIDED = 3
BISECT = (
    "To find what made numbers or times drift: `python -m lab bisect MODEL --what numbers|speed "
    "--good nightly-history/green/versions.txt --bad nightly-results/versions.txt`"
)


def summary(entry: Json, found: Judgement, green: Optional[Json], notes: Sequence[str]) -> str:
    """The page.

    Args:
        green: the last green run before this one.
        notes: worth a look, without making the run red.
    """
    verdict = entry["verdict"]
    lines = [f"## {SIGNS[verdict]} mxproof, nightly run of {text(entry['date'])}: {verdict}", ""]
    lines += [text(headline(entry, found, green)), ""]
    for kind in dict.fromkeys(reason.kind for reason in found.reasons):
        lines += _titled(kind, [str(r).partition(": ")[2] for r in found.reasons if r.kind == kind])
    lines += [BISECT, ""] if found.reasons else []
    lines += _titled(f"Intended ({entry['accepted']})", list(map(str, found.accepted)))
    lines += _titled("Worth a look", notes)
    lines += _titled("New cases", found.new)
    lines += _titled("Versions that changed", changes(green, entry) if green else [])
    before = green["counts"] if green else {}
    rows = [[text(s), _counted(row), _counted(before.get(s))] for s, row in entry["counts"].items()]
    return "\n".join([*lines, *table(("step", "this run", "last green run"), rows)]) + "\n"


def headline(entry: Json, found: Judgement, green: Optional[Json]) -> str:
    """The verdict in a sentence."""
    kinds = [reason.kind for reason in found.reasons]
    why = ", ".join(f"{kind} ({kinds.count(kind)})" for kind in dict.fromkeys(kinds))
    base = f"compared with the run of {green['date']}" if green else "no green run before"
    verdict = f"Red: {why}" if why else "Green: no failure, no loss, no slowdown"
    return f"{verdict}. {ran(entry)} cases ran; {base}."


def undecided(entries: Sequence[Json]) -> Iterator[str]:
    """Benchmarks that have been inconclusive in every one of the last runs."""
    for name in entries[-1]["inconclusive"]:
        if [name in entry["inconclusive"] for entry in entries[-UNDECIDED:]] == [True] * UNDECIDED:
            yield f"inconclusive in {UNDECIDED} runs in a row: {name}"


def changes(then: Json, now: Json) -> List[str]:
    """Versions, and the commit, that are not the same in two runs."""
    before, after = ({"commit": entry["commit"], **entry["versions"]} for entry in (then, now))
    names = [name for name in {**after, **before} if before.get(name) != after.get(name)]
    return [f"{n}: {before.get(n) or NONE} → {after.get(n) or NONE}" for n in names]


def _titled(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"### {text(title)}: {len(lines)}", "")
        yield from (f"- {text(line[:LONGEST])}" for line in lines[:SHOWN])
        yield from ([f"- and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])
        yield ""


def _counted(row: Optional[Mapping[str, int]]) -> str:
    return text(", ".join(f"{n} {outcome}" for outcome, n in (row or {}).items()) or NONE)
