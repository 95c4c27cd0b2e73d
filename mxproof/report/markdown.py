"""Records -> Markdown, as a CI job's page shows it ($GITHUB_STEP_SUMMARY)."""

from __future__ import annotations

import re
from html import escape
from typing import Any, Iterator, List, Optional, Sequence

from .record import FAIL, INCOMPLETE, PASS, Json
from .run_section import skips
from .wording import (
    RUNTIMES,
    SIGNS,
    SUMMARY,
    TARGETS,
    VERDICTS,
    counted,
    headline_of,
    number,
    one_line,
    summary,
    verdict_of,
)

#: A job's page holds a megabyte; what is longer than this is in the report.
LONGEST = 2000


def text(foreign: Any) -> str:
    """Whatever it says, it is text: no markup, no link, no HTML, no cell of its own."""
    line = escape(one_line(str(foreign)), quote=False)
    return re.sub(r"[\\`*_{}\[\]#|!~$@]|:(?=//)|(?<=www)\.", r"\\\g<0>", line)


def markdown(records: Sequence[Json], run: Optional[Json] = None) -> str:
    """A table of all models, what failed first, then why it failed.

    Args:
        run: of pytest, what its tests did.
    """
    lines = (*_models(records, run), *_failures(records), *_latency(records), *_tests(run))
    return "\n".join(lines) + "\n"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for cells in (headings, ["---"] * len(headings), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


def _verdict(verdict: str) -> str:
    return f"{SIGNS[verdict]} {VERDICTS[verdict]}"


def _models(records: Sequence[Json], run: Optional[Json]) -> Iterator[str]:
    verdict = verdict_of(records, run)
    yield f"## {SIGNS[verdict]} mxproof: {headline_of(records, verdict)}"
    yield ""
    yield counted(records)
    yield ""
    rows: List[Sequence[str]] = []
    order = (FAIL, INCOMPLETE, PASS)
    for record in sorted(records, key=lambda r: order.index(r["verdict"])):
        for name, target in sorted(
            record["targets"].items(), key=lambda t: order.index(t[1]["verdict"])
        ):
            cells = summary(target)
            title = text(TARGETS.get(name, name))
            said = [text(cell) for _, cell in cells]
            rows.append((text(record["model"]), title, _verdict(target["verdict"]), *said))
    if rows:
        yield from table(("model", "target", "verdict", *SUMMARY), rows)


def _failures(records: Sequence[Json]) -> Iterator[str]:
    for record in records:
        said = [*record["problems"]]
        for target in record["targets"].values():
            said += target["explanation"]
        if said:
            yield f"### {_verdict(FAIL)}: {text(record['model'])}"
            yield ""
            yield from (f"- {text(_short(paragraph))}" for paragraph in said)
            yield ""
            if record["command"]:
                yield f"To see it again: {text(record['command'])}"
                yield ""


def _latency(records: Sequence[Json]) -> Iterator[str]:
    rows = [
        (
            text(r["model"]),
            *(number(r["latency"].get(n, {}).get("median_ms"), ".3g") for n in RUNTIMES),
        )
        for r in records
        if r["latency"]
    ]
    if rows:
        yield "Median time of one pass, in milliseconds:"
        yield ""
        yield from table(("model", *RUNTIMES.values()), rows)


def _tests(run: Optional[Json]) -> Iterator[str]:
    if run is None:
        return
    counts = ", ".join(f"{count} {outcome}" for outcome, count in run["counts"].items() if count)
    yield f"Tests: {counts or 'none ran'}."
    yield ""
    for test in run["tests"]:
        if test["outcome"] == "failed":
            yield f"- {_verdict(FAIL)} {text(test['id'])}: {text(_short(test['message']))}"
    for reason, count in skips(run).items():
        yield f"- skipped {count}: {text(_short(reason))}"
    yield ""


def _short(message: str) -> str:
    return message if len(message) <= LONGEST else f"{message[:LONGEST]} …"
