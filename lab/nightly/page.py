"""The history as one page that needs nothing else: how it went, night by night."""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from mxproof.report.markup import text, wide_table
from mxproof.report.page import document, own
from mxproof.report.record import Json
from mxproof.report.wording import NONE, TARGETS, number

from .chart import Chart, Mark, Series, spark
from .history import GREEN, History
from .outcomes import RAN
from .steps import said_of
from .trends import changed

SHOWN = 120  # nights; the file has them all
LISTED = 30  # in tables
WHY = 5  # reasons of one night
KINDS = {
    "float64_rel": ("worst float64 error of a layer, relative", True, ".1e"),
    "float32_ratio": ("worst float32 error, in multiples of MXNet's", False, ".3g"),
}
SIGNS = {GREEN: ("pass", "✓"), "red": ("fail", "✗")}
MARKS = {"fail": "bad", "inconclusive": "unsure"}


def page(history: History, entry: Json, reported: Sequence[str] = ()) -> str:
    """The page.

    Args:
        entry: tonight, which the history does not have yet.
        reported: of tonight, what is to be looked at.
    """
    nights = [*history.nights, entry][-SHOWN:]
    changes = version_changes(nights)
    marks = [(night, place) for place, (night, _) in enumerate(changes, 1)]
    kind, sign = SIGNS[entry["verdict"]]
    title = f"{len(nights)} night{'s' * (len(nights) > 1)}, {entry['verdict']} tonight"
    body = [
        f'<header class="{kind}"><p class="kind">python -m lab nightly</p>',
        f"<h1>Night of {text(when(entry))}</h1>",
        f'<p class="verdict"><span aria-hidden="true">{sign}</span> {text(entry["verdict"])}</p>',
        f'<p class="said">{text(_counted(entry))}</p></header>',
        _reasons(entry, reported),
        _nights(nights),
        _changes(nights, changes),
        *_numbers(nights, marks),
        _latencies(nights, marks),
        _suites(nights),
    ]
    return document(title, "\n".join(body), style=own("nights.css"), script="")


def when(night: Json) -> str:
    """2026-11-20T03:17:00Z -> 2026-11-20 03:17 UTC; anything else as it is."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ", night["date"])
    return f"{match[1]} {match[2]} UTC" if match else str(night["date"])


def _counted(entry: Json) -> str:
    ran = sum(row.get(outcome, 0) for row in entry["suites"].values() for outcome in RAN)
    commit = f", commit {entry['commit'][:10]}" if entry["commit"] else ""
    weights = f", {entry['weights']} weights" if entry["weights"] else ""
    return f"{ran:g} cases ran{weights}{commit}."


def _reasons(entry: Json, reported: Sequence[str]) -> str:
    said = ""
    for title, lines in (("Why it is red", entry["reasons"]), ("To look at", reported)):
        rows = "".join(f"<li>{text(line)}</li>" for line in lines)
        kind = "problems" if lines is entry["reasons"] else "notes"
        said += f'<section><h2>{title}</h2><ul class="{kind}">{rows}</ul></section>' if rows else ""
    return said


def _nights(nights: Sequence[Json]) -> str:
    """The strip, and a table of the last ones, newest first."""
    strip = "".join(
        f'<li class="{n["verdict"]}" title="{text(when(n))}: {n["verdict"]}">'
        f'<span aria-hidden="true">{SIGNS[n["verdict"]][1]}</span>'
        f'<span class="heard">{text(when(n))}: {n["verdict"]}</span></li>'
        for n in nights
    )
    rows = "".join(_night(night) for night in nights[: -LISTED - 1 : -1])
    table = wide_table("Nights", ("night", "verdict", "cases", "commit", "why"), rows)
    return f'<section><h2>Nights</h2><ol class="strip">{strip}</ol>{table}</section>'


def _night(night: Json) -> str:
    kind, sign = SIGNS[night["verdict"]]
    reasons = night["reasons"]
    more = [f"and {len(reasons) - WHY} more"] if len(reasons) > WHY else []
    why = "".join(f"<small>{text(line)}</small>" for line in [*reasons[:WHY], *more])
    ran = sum(row.get(o, 0) for row in night["suites"].values() for o in RAN)
    return (
        f'<tr><th scope="row">{text(when(night))}</th><td><span class="mark {kind}">'
        f'<span aria-hidden="true">{sign}</span> {night["verdict"]}</span></td><td>{ran:g}</td>'
        f"<td>{text(night['commit'][:10] or NONE)}</td><td>{why}</td></tr>"
    )


def version_changes(nights: Sequence[Json]) -> List[Tuple[int, List[str]]]:
    """(night, what changed) where it differs from the night before."""
    found = []
    for place, (then, now) in enumerate(zip(nights, nights[1:]), 1):
        lines = [
            f"{name}: {a or NONE} → {b or NONE}"
            for key in ("versions", "system")
            for name, a, b in changed(then[key], now[key])
        ]
        if lines:
            found.append((place, lines))
    return found


def _changes(nights: Sequence[Json], changes: Sequence[Tuple[int, List[str]]]) -> str:
    rows = "".join(
        f"<li>{text(when(nights[night]))}: {text('; '.join(lines))}</li>"
        for night, lines in changes
    )
    if not rows:
        return ""
    said = "Each is a dashed line with its number in the pictures below."
    return f"<section><h2>Versions that changed</h2><ol>{rows}</ol><p>{said}</p></section>"


def _numbers(nights: Sequence[Json], marks: Sequence[Tuple[int, int]]) -> Iterator[str]:
    """Both precisions of each model, its targets side by side."""
    keys = dict.fromkeys(key for night in reversed(nights) for key in night["numbers"])
    models: Dict[str, List[str]] = {}
    for key in keys:
        models.setdefault(key.rpartition("/")[0], []).append(key)
    for model, names in models.items():
        charts = []
        for kind, (title, logarithmic, form) in KINDS.items():
            series = [
                Series(_target(name), [_mark(n, name, kind, form) for n in nights])
                for name in sorted(names)[:2]
            ]
            dates = [*map(when, nights)]
            charts.append(Chart(title, series, dates, marks, logarithmic, None, form))
        yield f"<section><h2>{text(model)}</h2>{_drawn(charts)}</section>"


def _target(key: str) -> str:
    name = key.rpartition("/")[2]
    return TARGETS.get(name, name)


def _mark(night: Json, name: str, kind: str, form: str) -> Optional[Mark]:
    value = night["numbers"].get(name, {}).get(kind)
    if value is None:
        return None
    return Mark(value, f"{when(night)}: {_target(name)} {number(value, form)}")


def _latencies(nights: Sequence[Json], marks: Sequence[Tuple[int, int]]) -> str:
    names = dict.fromkeys(name for night in reversed(nights) for name in night["latencies"])
    dates = [*map(when, nights)]
    charts = [
        Chart(name, [Series("ratio", [_ratio(n, name) for n in nights])], dates, marks, False, 1.0)
        for name in names
    ]
    if not charts:
        return ""
    said = (
        "Time of one pass, in multiples of its control's, with the interval in which the ratio is; "
        "the line is the control. A ring was slower; an open circle could not be decided."
    )
    return f"<section><h2>Latencies</h2><p>{said}</p>{_drawn(charts)}</section>"


def _ratio(night: Json, name: str) -> Optional[Mark]:
    found = night["latencies"].get(name)
    if found is None or found["ratio"] is None:
        return None
    kind = MARKS.get(found["verdict"], "")
    words = f"{when(night)}: {found['verdict']}, {said_of(found)}"
    return Mark(found["ratio"], words, found["low"], found["high"], kind)


def _drawn(charts: Sequence[Chart]) -> str:
    """Pictures, each with its numbers in a table."""
    figures = "".join(
        f'<figure class="mxp-plot"><figcaption>{text(chart.title)}{_legend(chart)}</figcaption>'
        f'<div class="frame still">{chart.svg()}</div>{_table(chart)}</figure>'
        for chart in charts
    )
    return f'<div class="charts">{figures}</div>'


def _legend(chart: Chart) -> str:
    if len(chart.series) < 2:
        return ""
    rows = zip(("first", "second"), chart.series)
    shown = "".join(f'<span><i class="{kind}"></i>{text(s.name)}</span>' for kind, s in rows)
    return f'<span class="legend">{shown}</span>'


def _table(chart: Chart) -> str:
    rows = []
    for place in range(len(chart.dates) - 1, max(-1, len(chart.dates) - 1 - LISTED), -1):
        cells = [series.marks[place] for series in chart.series]
        shown = "".join(f"<td>{text(_cell(mark, chart.form))}</td>" for mark in cells)
        rows.append(f'<tr><th scope="row">{text(chart.dates[place])}</th>{shown}</tr>')
    label = f"{chart.title}: numbers"
    table = wide_table(label, ("night", *(s.name for s in chart.series)), "".join(rows))
    return f"<details><summary>Numbers</summary>{table}</details>"


def _cell(mark: Optional[Mark], form: str) -> str:
    if mark is None:
        return NONE
    low, high = number(mark.low, ".3f"), number(mark.high, ".3f")
    return number(mark.value, form) + (f" ({low} to {high})" if mark.low is not None else "")


def _suites(nights: Sequence[Json]) -> str:
    names = dict.fromkeys(name for night in reversed(nights) for name in night["suites"])
    rows = []
    for name in sorted(names):
        ran = [sum(n["suites"].get(name, {}).get(o, 0) for o in RAN) for n in nights]
        tonight = nights[-1]["suites"].get(name, {})
        said = ", ".join(f"{count:g} {outcome}" for outcome, count in tonight.items()) or NONE
        rows.append(
            f'<tr><th scope="row">{text(name)}</th><td>{text(said)}</td>'
            f"<td>{min(ran):g} to {max(ran):g}</td><td>{spark(ran)}</td></tr>"
        )
    headings = ("suite", "tonight", "cases that ran", "over the nights")
    table = wide_table("Cases", headings, "".join(rows))
    return f"<section><h2>Cases</h2>{table}</section>"
