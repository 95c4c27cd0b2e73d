"""The tables of a campaign, for the terminal and as a document."""

from __future__ import annotations

from typing import Iterable, List, Tuple

from mxproof.reports.sheet import Sheet

from .mutant import Fault
from .oracles import ORACLES
from .outcome import Results

COUNTS = ("cases", "caught", "named", "equivalent")
CHECKS = ("check", "rule", "faults caught", "alarms without a fault")
SILENT = "caught in conversions where it raises none"


def _counts(results: Results) -> Tuple[str, ...]:
    totals, real = results.totals(), len(results.real)
    caught, named = (f"{totals[key]} of {real}" for key in ("killed", "localised"))
    return str(totals["cases"]), caught, named, str(totals["equivalent"])


def _counted(results: Results, *fields: str) -> List[Tuple[str, ...]]:
    return [(*key, *_counts(some)) for key, some in results.by(*fields).items()]


def _checks(results: Results) -> List[Tuple[str, ...]]:
    """How the checks of other projects fare on the same files."""
    real, cleans = len(results.real), len(results.cleans)
    killed, alarms = results.totals()["killed"], sum(c.killed for c in results.cleans)
    own = {"rule": "every layer in float64", "killed": killed, "false_alarms": alarms}
    return [
        (
            *(name, check["rule"]),
            *(f"{check['killed']} of {real}", f"{check['false_alarms']} of {cleans}"),
            "{} of {}".format(*check["in_silence"]) if "in_silence" in check else "",
        )
        for name, check in {"mxproof": own, **results.checks()}.items()
    ]


def _equivalents(results: Results) -> List[Tuple[str, ...]]:
    """By kind and reason, with one site as an example."""
    none = Results(tuple(o for o in results.faults if o.equivalent is not None))
    return [
        (*key, str(len(some.outcomes)), some.outcomes[0].site)
        for key, some in none.by("kind", "equivalent").items()
    ]


def sheets(results: Results) -> List[Sheet]:
    """All of them; those without rows are left out."""
    models = [*_counted(results, "model"), ("all", *_counts(results))]
    problems = [(o.kind, o.site, o.problem or "") for o in results.problems]
    others = "The checks of others, on the final outputs of the same files"
    none = "Equivalent: no difference to find"
    every = (
        Sheet("By kind of fault", ("kind", "family", *COUNTS), _counted(results, "kind", "family")),
        Sheet("By model", ("model", *COUNTS), models),
        Sheet(others, (*CHECKS, SILENT), _checks(results)),
        Sheet(none, ("kind", "why", "cases", "e.g."), _equivalents(results)),
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
