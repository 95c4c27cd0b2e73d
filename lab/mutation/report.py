"""The tables of a campaign, for the terminal and as a document."""

from __future__ import annotations

from typing import Dict, Iterable, List, Tuple

from mxproof.report.sheet import Sheet

from .fault import Fault
from .oracles import ORACLES
from .outcome import Outcome, Results


def _counts(results: Results) -> Tuple[str, ...]:
    totals, real = results.totals(), len(results.real)
    caught, named = (f"{totals[key]} of {real}" for key in ("killed", "localised"))
    return str(totals["cases"]), caught, named, str(totals["equivalent"])


COUNTS = ("cases", "caught", "named", "equivalent")


def kinds(results: Results) -> Sheet:
    groups = results.by(lambda o: o.kind)
    rows = [(kind, some.outcomes[0].family, *_counts(some)) for kind, some in groups.items()]
    return Sheet("By kind of fault", ("kind", "family", *COUNTS), rows)


def models(results: Results) -> Sheet:
    groups = results.by(lambda o: o.model)
    rows = [(model, *_counts(some)) for model, some in groups.items()]
    return Sheet("By model", ("model", *COUNTS), [*rows, ("all", *_counts(results))])


def others(results: Results) -> Sheet:
    """How the checks of others fare on the same files."""
    real, cleans = len(results.real), len(results.cleans)
    rows = [
        (
            "mxproof",
            "every layer in float64",
            f"{results.totals()['killed']} of {real}",
            f"{sum(c.killed for c in results.cleans)} of {cleans}",
            "",
        )
    ]
    for oracle in ORACLES:
        caught, of = results.caught_in_silence(oracle.name)
        rows.append(
            (
                oracle.name,
                oracle.rule,
                f"{results.caught_by(oracle.name)} of {real}",
                f"{results.false_alarms(oracle.name)} of {cleans}",
                f"{caught} of {of}",
            )
        )
    headings = (
        *("check", "rule", "faults caught", "alarms without a fault"),
        "caught in conversions where it raises none",
    )
    return Sheet("The checks of others, on the final outputs of the same files", headings, rows)


def equivalents(results: Results) -> Sheet:
    """By kind and reason, with one place as an example."""
    groups: Dict[Tuple[str, str], List[Outcome]] = {}
    for outcome in results.equivalents:
        groups.setdefault((outcome.kind, outcome.equivalent or ""), []).append(outcome)
    rows = [(kind, why, str(len(some)), some[0].site) for (kind, why), some in groups.items()]
    return Sheet("Equivalent: no difference to find", ("kind", "why", "cases", "e.g."), rows)


def problems(results: Results) -> Sheet:
    rows = [(o.kind, o.site, o.problem or "") for o in results.problems]
    return Sheet("Not as it should be", ("kind", "place", "problem"), rows)


def sheets(results: Results) -> List[Sheet]:
    """All of them; those without rows are left out."""
    every = (kinds, models, others, equivalents, problems)
    return [s for s in (make(results) for make in every) if s.rows]


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
