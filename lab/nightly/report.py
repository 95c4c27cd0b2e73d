"""Runs as people look at them: a summary for a CI job's page, and a page of trends."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence

from mxproof.report.chart import Chart, Mark, Series, spark
from mxproof.report.record import Json
from mxproof.report.templates import environment
from mxproof.report.wording import NONE, number

from .judge import Judgement
from .records import SKIPPED, SLOWER

HERE = Path(__file__).parent
SHOWN = 120  # runs on the page; the history has them all
#: A benchmark that stays inconclusive for this many runs decides nothing.
UNDECIDED = 3
#: What the numbers of cases are, by the first part of their ids; those of other ids are seconds.
CHARTS = {
    "float64_rel": "Worst float64 error of a layer, relative",
    "float32_ratio": "Worst float32 error, in multiples of MXNet's",
    "latency": "Time of a pass, in multiples of its control's",
    "mutation": "Share of the mutations that were named at their layer",
    "calibration": "Share of the slowdowns that the latency gate found",
}


def headline(entry: Json, found: Judgement, green: Optional[Json]) -> str:
    """The verdict in a sentence."""
    kinds = [reason.kind for reason in found.reasons]
    why = ", ".join(f"{kind} ({kinds.count(kind)})" for kind in dict.fromkeys(kinds))
    base = f"compared with the run of {green['date']}" if green else "no green run before"
    verdict = f"Red: {why}" if why else "Green: no failure, no loss, no slowdown"
    return f"{verdict}. {ran(entry)} cases ran; {base}."


def summary(entry: Json, found: Judgement, green: Optional[Json], notes: Sequence[str]) -> str:
    """Markdown: the verdict first, then what changed.

    Args:
        green: the last green run before this one.
        notes: worth a look, without making the run red.
    """
    kinds = dict.fromkeys(reason.kind for reason in found.reasons)
    reasons = [reason for kind in kinds for reason in found.reasons if reason.kind == kind]
    sections = {
        "Why it is red": list(map(str, reasons)),
        f"Intended ({entry['accepted']})": list(map(str, found.accepted)),
        "Worth a look": notes,
        "New cases": found.new,
        "Versions that changed": changes(versions(green), versions(entry)) if green else [],
    }
    return (
        environment(markdown=True, folder=HERE)
        .get_template("nightly.md.jinja")
        .render(
            entry=entry,
            headline=headline(entry, found, green),
            sections=sections,
            before=green["counts"] if green else {},
        )
    )


def page(entries: Sequence[Json], notes: Sequence[str]) -> str:
    """HTML of all runs, this one last; `notes` are on this one."""
    runs, now = entries[-SHOWN:], entries[-1]
    changed = {
        place: changes(then["versions"], run["versions"])
        for place, (then, run) in enumerate(zip(runs, runs[1:]), 1)
        if then["versions"] != run["versions"]
    }
    names = sorted({name for run in runs for name in run["numbers"]})
    events = {place: str(i) for i, place in enumerate(changed, 1)}
    charts = {title: list(_charts(runs, names, kind, events)) for kind, title in CHARTS.items()}
    seconds = [name for name in names if name.partition("::")[0] not in CHARTS]
    return (
        environment(folder=HERE)
        .get_template("trends.jinja")
        .render(
            script="",
            title=f"{len(runs)} nightly runs, the last one {now['verdict']}",
            runs=runs,
            now=now,
            notes=notes,
            changed=changed,
            charts=charts,
            seconds={name: _values(runs, name) for name in seconds},
            counts={s: [sum(r["counts"].get(s, {}).values()) for r in runs] for s in now["counts"]},
            ran=ran,
            spark=spark,
        )
    )


def ran(entry: Json) -> int:
    """How many cases ran."""
    return sum(n for row in entry["counts"].values() for o, n in row.items() if o != SKIPPED)


def versions(entry: Json) -> Dict[str, str]:
    return {"commit": entry["commit"], **entry["versions"]}


def changes(then: Mapping[str, str], now: Mapping[str, str]) -> List[str]:
    """Versions that are not the same in two runs."""
    names = [name for name in {**now, **then} if then.get(name) != now.get(name)]
    return [f"{n}: {then.get(n) or NONE} → {now.get(n) or NONE}" for n in names]


def undecided(entries: Sequence[Json]) -> Iterator[str]:
    """Benchmarks that have been inconclusive in every one of the last runs."""
    for name in entries[-1]["inconclusive"]:
        if [name in entry["inconclusive"] for entry in entries[-UNDECIDED:]] == [True] * UNDECIDED:
            yield f"inconclusive in {UNDECIDED} runs in a row: {name}"


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


def _values(runs: Sequence[Json], name: str) -> List[float]:
    return [run["numbers"][name][0] for run in runs if name in run["numbers"]]
