"""The tables of a campaign, for the terminal and as a document."""

from __future__ import annotations

from typing import Iterable, List, Tuple

from mxproof.report.sheet import Sheet

from .mutant import Fault
from .oracles import ORACLES
from .outcome import Results

COUNTS = ("cases", "caught", "named", "equivalent")


def _counts(results: Results) -> Tuple[str, ...]:
    totals, real = results.totals(), len(results.real)
    caught, named = (f"{totals[key]} of {real}" for key in ("killed", "localised"))
    return str(totals["cases"]), caught, named, str(totals["equivalent"])


def _counted(title: str, results: Results, *fields: str) -> Sheet:
    rows = [(*key, *_counts(some)) for key, some in results.by(*fields).items()]
    return Sheet(title, (*fields, *COUNTS), rows)


def _checks(results: Results) -> Sheet:
    """How the checks of other projects fare on the same files."""
    real, cleans = len(results.real), len(results.cleans)
    killed, alarms = results.totals()["killed"], sum(c.killed for c in results.cleans)
    own = {"rule": "every layer in float64", "killed": killed, "false_alarms": alarms}
    rows = [
        (
            *(name, check["rule"]),
            *(f"{check['killed']} of {real}", f"{check['false_alarms']} of {cleans}"),
            "{} of {}".format(*check["in_silence"]) if "in_silence" in check else "",
        )
        for name, check in {"mxproof": own, **results.checks()}.items()
    ]
    headings = (
        *("check", "rule", "faults caught", "alarms without a fault"),
        "caught in conversions where it raises none",
    )
    return Sheet("The checks of others, on the final outputs of the same files", headings, rows)


def _equivalents(results: Results) -> Sheet:
    """By kind and reason, with one site as an example."""
    none = Results(tuple(o for o in results.outcomes if o.equivalent is not None))
    rows = [
        (*key, str(len(some.outcomes)), some.outcomes[0].site)
        for key, some in none.by("kind", "equivalent").items()
    ]
    return Sheet("Equivalent: no difference to find", ("kind", "why", "cases", "e.g."), rows)


def sheets(results: Results) -> List[Sheet]:
    """All of them; those without rows are left out."""
    models = _counted("By model", results, "model")
    problems = [(o.kind, o.site, o.problem or "") for o in results.problems]
    every = (
        _counted("By kind of fault", results, "kind", "family"),
        Sheet(models.title, models.headings, [*models.rows, ("all", *_counts(results))]),
        _checks(results),
        _equivalents(results),
        Sheet("Not as it should be", ("kind", "place", "problem"), problems),
    )
    return [sheet for sheet in every if sheet.rows]


def listing(faults: Iterable[Fault]) -> Sheet:
    rows = [(f.kind, f.family, ", ".join(f.targets)) for f in faults]
    return Sheet("Kinds of faults", ("kind", "family", "targets"), rows)


def summary(results: Results) -> str:
    """One sentence."""
    totals, real = results.totals(), len(results.real)
    return (
        f"{totals['kinds']} kinds, {totals['cases']} cases, {totals['equivalent']} of them "
        f"equivalent: of {real} faults {totals['killed']} were caught and {totals['localised']} "
        "named at their layer."
    )


def document(results: Results, command: str) -> str:
    """A page of Markdown."""
    sources = "\n".join(f"- {o.name}: {o.source}" for o in ORACLES if o.source)
    parts = [
        "# Planted faults",
        f"Made by `{command}`. {summary(results)}",
        *(sheet.markdown() for sheet in sheets(results)),
        f"## Where the rules of others are published\n\n{sources}",
    ]
    return "\n\n".join(parts) + "\n"
