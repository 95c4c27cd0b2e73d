"""The history as one page that needs nothing else: verdicts, cases and numbers, run by run."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mxproof.report.chart import Chart, Mark, Series, spark, style
from mxproof.report.record import Json
from mxproof.report.wording import number, one_line

from .history import ran
from .records import SLOWER
from .summary import changes

SHOWN = 120  # runs
#: What the numbers of cases are, by the first part of their ids; those of other ids are seconds.
CHARTS = {
    "float64_rel": "Worst float64 error of a layer, relative",
    "float32_ratio": "Worst float32 error, in multiples of MXNet's",
    "latency": "Time of a pass, in multiples of its control's",
    "mutation": "Share of the mutations that were named at their layer",
    "calibration": "Share of the slowdowns that the latency gate found",
}


def page(entries: Sequence[Json], notes: Sequence[str]) -> str:
    """The page.

    Args:
        entries: all runs, this one last.
        notes: on this run, worth a look.
    """
    runs, now = entries[-SHOWN:], entries[-1]
    changed = {i: changes(*pair)[1:] for i, pair in enumerate(zip(runs, runs[1:]), 1)}
    changed = {place: lines for place, lines in changed.items() if lines}
    events = {place: str(i) for i, place in enumerate(changed, 1)}
    names = sorted({name for run in runs for name in run["numbers"]})
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else one_line(str(value)),
    )
    return environment.get_template("page.html").render(
        runs=runs,
        now=now,
        notes=notes,
        ran=ran,
        changed=changed,
        charts={
            heading: list(_charts(runs, names, kind, events)) for kind, heading in CHARTS.items()
        },
        seconds={n: _values(runs, n) for n in names if n.partition("::")[0] not in CHARTS},
        counts=lambda step: [sum(run["counts"].get(step, {}).values()) for run in runs],
        spark=lambda values: Markup(spark(values)),
        style=Markup(style()),
    )


def _charts(
    runs: Sequence[Json], names: Sequence[str], kind: str, events: Dict[int, str]
) -> Iterator[Tuple[str, List[str], Markup]]:
    """(title, names of its series, chart) of each model, its targets two by two."""
    groups: Dict[str, List[str]] = {}
    for name in (name for name in names if name.startswith(f"{kind}::")):
        groups.setdefault(name.rpartition("/")[0] or name, []).append(name)
    for group, members in groups.items():
        for pair in (members[i : i + 2] for i in range(0, len(members), 2)):
            title, labels = group.partition("::")[2], [name.rpartition("/")[2] for name in pair]
            series = [
                Series(n, [_mark(run, name) for run in runs]) for n, name in zip(labels, pair)
            ]
            chart = Chart(title, series, events=events, log_y=kind == "float64_rel")
            yield title, labels, Markup(chart.html())


def _mark(run: Json, name: str) -> Optional[Mark]:
    if name not in run["numbers"]:
        return None
    value, low, high = run["numbers"][name]
    slower = any(reason.startswith(f"{SLOWER}: {name}") for reason in run["reasons"])
    kind = "bad" if slower else "unsure" if name in run["inconclusive"] else ""
    return Mark(value, one_line(f"{run['date']}: {number(value, '.3g')}"), low, high, kind)


def _values(runs: Sequence[Json], name: str) -> List[float]:
    return [run["numbers"][name][0] for run in runs if name in run["numbers"]]
