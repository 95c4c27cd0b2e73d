"""A judged night in Markdown: red or green and why, then what changed since the last green."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Sequence

from mxproof.report.markdown import table, text
from mxproof.report.record import Json
from mxproof.report.wording import NONE, number

from .history import KEPT, RED, VERSIONS
from .judge import FAILURE, SLOWDOWN, Judgement, Reason
from .outcomes import ORDER, PASSED, RAN
from .steps import said_of
from .trends import changed, moved

SIGNS = {"green": "✓", "red": "✗"}
MOST = 50  # of one list; the record has them all
LONGEST = 400


def summary(found: Judgement) -> str:
    """The page of a CI job."""
    return (
        "\n".join((*_verdict(found), *_reported(found), *_changes(found), *_tables(found))) + "\n"
    )


def _verdict(found: Judgement) -> Iterator[str]:
    entry, verdict = found.entry, found.entry["verdict"]
    yield f"## {SIGNS[verdict]} mxproof, night of {text(entry['date'])}: {verdict}"
    yield ""
    yield headline(found)
    yield ""
    groups: Dict[str, List[Reason]] = {}
    for reason in found.reasons:
        groups.setdefault(reason.kind, []).append(reason)
    for kind, reasons in groups.items():
        yield f"**{kind}: {len(reasons)}**"
        yield ""
        said = [f"{r.about}: {r.said}" if r.said else r.about for r in reasons]
        yield from _list(said)
    if found.accepted:
        yield f"**meant, not red ({text(entry['accepted'])}): {len(found.accepted)}**"
        yield ""
        yield from _list([str(reason) for reason in found.accepted])


def headline(found: Judgement) -> str:
    """The verdict in a sentence."""
    suites = found.entry["suites"]
    ran = sum(row.get(outcome, 0) for row in suites.values() for outcome in RAN)
    base = f"compared with {_night(found.green)}" if found.green else "no green night before"
    if found.entry["verdict"] == RED:
        kinds = list(dict.fromkeys(reason.kind for reason in found.reasons))
        count = {kind: sum(r.kind == kind for r in found.reasons) for kind in kinds}
        why = ", ".join(f"{kind} ({count[kind]})" for kind in kinds)
        return f"Red: {why}. {ran} cases ran; {base}."
    return f"Green: {ran} cases ran, none failed, none is missing, nothing is slower; {base}."


def _night(entry: Json) -> str:
    commit = f" ({entry['commit'][:10]})" if entry["commit"] else ""
    return text(f"the last green night, {entry['date']}{commit}")


def _list(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:MOST]:
        short = line if len(line) <= LONGEST else f"{line[:LONGEST]} …"
        yield f"- {text(short)}"
    if len(lines) > MOST:
        yield f"- and {len(lines) - MOST} more"
    yield ""


def _titled(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"### {title}"
        yield ""
        yield from _list(lines)


def _reported(found: Judgement) -> Iterator[str]:
    yield from _titled("To look at (not red)", found.reported)


def _changes(found: Judgement) -> Iterator[str]:
    """Since the last green night."""
    then, now = found.green, found.entry
    if then is not None:
        yield from _titled("New cases", found.new)
        yield from _titled("Cases taken off the list", found.removed)
        lines = [
            f"{name}: {before or NONE} → {after or NONE}"
            for key in ("versions", "system")
            for name, before, after in changed(then[key], now[key])
        ]
        if then["weights"] != now["weights"]:
            lines.insert(0, f"weights: {then['weights'] or NONE} → {now['weights'] or NONE}")
        if then["commit"] != now["commit"]:
            lines.insert(0, f"commit: {then['commit'] or NONE} → {now['commit'] or NONE}")
        yield from _titled("Versions that changed", lines)
        yield from _cause(found)
        rows = [f"{n}: {number(a, '.3g')} → {number(b, '.3g')}" for n, a, b in moved(then, now)]
        yield from _titled("Numbers that moved", rows)
    if found.unlisted:
        yield f"Cases that are not in the list of expected ones: {len(found.unlisted)}."
        yield ""


def _cause(found: Judgement) -> Iterator[str]:
    """Where numbers or times are red, what is to be run next."""
    kinds = {reason.kind for reason in found.reasons}
    for kind, what in ((FAILURE, "numbers"), (SLOWDOWN, "speed")):
        if kind in kinds:
            command = (
                f"python -m lab bisect MODEL --what {what} --good {KEPT}/{VERSIONS} --bad "
                f"latency/{VERSIONS}"
            )
            yield f"To find what made {what} drift, of the history and of these results: {command}"
            yield ""


def _tables(found: Judgement) -> Iterator[str]:
    then, now = found.green, found.entry
    latencies = now["latencies"]
    if latencies:
        yield "### Latencies"
        yield ""
        rows = []
        for name, decision in sorted(latencies.items(), key=lambda item: _worst_first(item[1])):
            before = then["latencies"].get(name) if then else None
            verdict = text(decision["verdict"])
            rows.append((text(name), verdict, text(said_of(decision)), _before(before)))
        yield from table(("benchmark", "verdict", "tonight", "last green night"), rows)
    yield "### Cases"
    yield ""
    rows = []
    for name, row in now["suites"].items():
        before = then["suites"].get(name) if then else None
        last = (_counted(before) if before != row else "the same",) if then else ()
        rows.append((text(name), _counted(row), *last))
    yield from table(("suite", "tonight", *(("last green night",) if then else ())), rows)


def _worst_first(decision: Json) -> int:
    return ("fail", "inconclusive", "pass").index(decision["verdict"])


def _before(decision: Optional[Json]) -> str:
    return text(said_of(decision)) if decision else NONE


def _counted(row: Optional[Json]) -> str:
    if not row:
        return NONE
    known = [*(o for o in ORDER[::-1] if o in row), *(o for o in row if o not in ORDER)]
    return text(", ".join(f"{row[outcome]:g} {outcome}" for outcome in known)) or PASSED
