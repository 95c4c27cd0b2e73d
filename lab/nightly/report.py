"""Runs as people look at them: a summary for a CI job's page, and a page of trends."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence

from mxproof.reports.chart import Chart, Mark, Series
from mxproof.reports.record import Json
from mxproof.reports.templates import environment
from mxproof.reports.wording import NONE, number

from .judge import SKIPPED, SLOWER, Judgement

HERE = Path(__file__).parent
SHOWN = 120  # runs on the page; the history has them all
#: What the numbers of cases are, by the first part of their ids; those of other ids are seconds.
CHARTS = {
    "float64_rel": "Worst float64 error of a layer, relative",
    "float32_ratio": "Worst float32 error, in multiples of MXNet's",
    "latency": "Time of a pass, in multiples of its control's",
    "mutation": "Share of the mutations that were named at their layer",
    "declarations": "Share of the slips in declarations that a row of tests/operators caught",
    "calibration": "Share of the slowdowns that the latency gate found",
}


def headline(entry: Json, found: Judgement, green: Optional[Json]) -> str:
    """The verdict in a sentence."""
    kinds = [reason.kind for reason in found.reasons]
    why = ", ".join(f"{kind} ({kinds.count(kind)})" for kind in dict.fromkeys(kinds))
    commit = f", commit {green['commit'][:10]}" if green and green["commit"] else ""
    base = f"compared with the run of {green['date']}{commit}" if green else "no green run before"
    verdict = f"Red: {why}" if why else "Green: no failure, no loss, no slowdown"
    return f"{verdict}. {ran(entry)} cases ran; {base}."


def summary(entry: Json, found: Judgement, green: Optional[Json], notes: Sequence[str]) -> str:
    """Markdown: the verdict first, then what changed.

    Args:
        green: the last green run before this one.
        notes: worth a look, without making the run red.
    """
    sections = {
        "Why it is red": list(map(str, found.reasons)),
        f"Intended ({entry['accepted']})": list(map(str, found.accepted)),
        "Worth a look": notes,
        "New cases": found.new,
        "Versions that changed": changes(green, entry) if green else [],
    }
    template = environment(markdown=True, folder=HERE).get_template("nightly.md.jinja")
    return template.render(
        entry=entry,
        headline=headline(entry, found, green),
        sections=sections,
        before=green["counts"] if green else {},
    )


def page(entries: Sequence[Json], notes: Sequence[str]) -> str:
    """HTML of all runs, this one last; `notes` are on this one."""
    runs, now = entries[-SHOWN:], entries[-1]
    changed = {place: changes(*pair) for place, pair in enumerate(zip(runs, runs[1:]), 1)}
    changed = {place: lines for place, lines in changed.items() if lines}
    names = sorted({name for run in runs for name in run["numbers"]})
    events = {place: str(i) for i, place in enumerate(changed, 1)}
    charts = {title: list(_charts(runs, names, kind, events)) for kind, title in CHARTS.items()}
    values = {n: [r["numbers"][n][0] for r in runs if n in r["numbers"]] for n in names}
    template = environment(folder=HERE).get_template("trends.jinja")
    return template.render(
        script="",
        title=f"{len(runs)} nightly runs, the last one {now['verdict']}",
        runs=runs,
        now=now,
        notes=notes,
        changed=changed,
        charts=charts,
        seconds={n: v for n, v in values.items() if n.partition("::")[0] not in CHARTS},
        counts={s: [sum(r["counts"].get(s, {}).values()) for r in runs] for s in now["counts"]},
        ran=ran,
    )


def ran(entry: Json) -> int:
    """How many cases ran."""
    return sum(n for row in entry["counts"].values() for o, n in row.items() if o != SKIPPED)


def changes(then: Json, now: Json) -> List[str]:
    """Versions that are not the same in two runs."""
    a, b = then["versions"], now["versions"]
    names = [name for name in {**b, **a} if a.get(name) != b.get(name)]
    return [f"{name}: {a.get(name, NONE)} → {b.get(name, NONE)}" for name in names]


def _charts(
    runs: Sequence[Json], names: Sequence[str], kind: str, events: Mapping[int, str]
) -> Iterator[Chart]:
    """One for each model, its targets side by side."""
    groups: Dict[str, List[str]] = {}
    for name in (name for name in names if name.startswith(f"{kind}::")):
        groups.setdefault(name.rpartition("/")[0] or name, []).append(name)
    for group, members in groups.items():
        for pair in (members[i : i + 2] for i in range(0, len(members), 2)):
            series = [Series(n.rpartition("/")[2], [_mark(run, n) for run in runs]) for n in pair]
            title, log_y = group.partition("::")[2], kind == "float64_rel"
            yield Chart(title, series, events=events, log_y=log_y)


def _mark(run: Json, name: str) -> Optional[Mark]:
    if name not in run["numbers"]:
        return None
    value, low, high = run["numbers"][name]
    slower = any(reason.startswith(f"{SLOWER}: {name}") for reason in run["reasons"])
    kind = "bad" if slower else "unsure" if name in run["inconclusive"] else ""
    return Mark(value, f"{run['date']}: {number(value, '.3g')}", low, high, kind)
