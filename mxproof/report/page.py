"""Records -> one HTML page that needs nothing else: offline, on a phone, in the dark.

The page's own policy lets no script run but page.js, and nothing be loaded from anywhere.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

from .record import Json
from .templates import render
from .wording import by_verdict, headline_of, models, verdict_of


def page(records: Sequence[Json], *, made: str = "", run: Optional[Json] = None) -> str:
    """The page.

    Args:
        made: when, in words.
        run: what the tests of a pytest run did (see pytest_report.py).
    """
    single = len(records) == 1 and not run
    values = overview(records, run)
    subject = records[0]["model"] if single else models(len(records))
    title = f"{values['headline']}: {subject}"
    return render(
        "page.jinja",
        script="page.js",
        title=title,
        subject=subject,
        single=single,
        made=made,
        **values,
    )


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
