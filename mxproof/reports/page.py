"""Records -> one HTML page that needs nothing else: offline, on a phone, in the dark; the same
for a notebook, and as Markdown.

The page's own policy lets no script run but page.js, and nothing be loaded from anywhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from converters.files import atomic_write

from .chart import Chart, error_charts
from .record import Json
from .templates import render
from .wording import by_verdict, headline_of, models, verdict_of


def today() -> str:
    """When a report is made, in words."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def page(records: Sequence[Json], *, made: str = "", run: Optional[Json] = None) -> str:
    """The page.

    Args:
        made: when, in words.
        run: what the tests of a pytest run did (see pytest_report.py).
    """
    single = len(records) == 1 and not run
    values = overview(records, run)
    subject = records[0]["model"] if single else models(len(records))
    values.update(subject=subject, title=f"{values['headline']}: {subject}")
    return render("page.jinja", script="page.js", single=single, made=made, **values)


def markdown(records: Sequence[Json], run: Optional[Json] = None) -> str:
    """The records as a CI job's summary shows them ($GITHUB_STEP_SUMMARY): a table of all models,
    what failed first, then why it failed."""
    return render("summary.md.jinja", **overview(records, run))


def overview(records: Sequence[Json], run: Optional[Json]) -> Dict[str, Any]:
    """What templates need to know of records and a run as a whole."""
    verdict = verdict_of(records, run)
    return {
        "records": records,
        "run": run,
        "verdict": verdict,
        "headline": headline_of(records, verdict),
        "rows": by_verdict(records),
    }


def notebook(record: Json) -> str:
    """HTML to stand among other people's HTML."""
    charts = Plot(record["model"], record["targets"]).charts
    return render("notebook.jinja", record=record, model=record["model"], charts=charts)


@dataclass(frozen=True)
class Plot:
    """Error over depth, to look at in a notebook or to save.

    Attributes:
        targets: name -> its record.
    """

    model: str
    targets: Mapping[str, Json]

    @property
    def charts(self) -> List[Tuple[str, Chart]]:
        """(target, chart) of every target in every precision."""
        return [(n, chart) for n, target in self.targets.items() for chart in error_charts(target)]

    def _repr_svg_(self) -> str:
        return render("plot.jinja", model=self.model, charts=self.charts)

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write an .svg file."""
        with atomic_write(Path(path)) as file:
            file.write(self._repr_svg_().encode(errors="backslashreplace"))
