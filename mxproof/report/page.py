"""Records -> one page of HTML that needs nothing else: offline, on a phone, in the dark.

All foreign text (names of layers, files, messages) is escaped; beyond that, the page's own policy
lets no script run but page.js, and nothing be loaded from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Tuple

from . import plot
from .markup import mark, summary_row, text, wide_table
from .record import FAIL, INCOMPLETE, PASS, Json
from .run_section import run_section
from .section import section
from .wording import SUMMARY, counted, headline_of, models, one_line, sentence, verdict_of

READING = """
<p>MXNet itself, run in float64, is the truth; its float32 error is the measure of precision.</p>
<dl>
<dt>float64</dt><dd>Is it the same function? The largest difference from MXNet in the layer,
relative to the layer's largest magnitude. Allowed: 10⁻¹², in every channel too; a layer that
magnifies what it is given may carry four times the rounding that MXNet itself shows there.</dd>
<dt>float32 ratio</dt><dd>Is it as precise? The error (RMS) of the converted layer in multiples of
MXNet's own. Allowed: 4 over the layer, 16 in a channel, 1.2 in the median over layers; an error
of four units in the last place always passes.</dd>
<dt>budget used</dt><dd>The error of the layer, or of its worst channel if that is nearer its
limit, in parts of what is allowed.</dd>
<dt>introduced</dt><dd>The layer differs although it is given MXNet's own inputs. Layers behind it
that differ too are beyond their budget in the chain only.</dd>
</dl>
"""


def page(records: Sequence[Json], *, made: str = "", run: Optional[Json] = None) -> str:
    """The page.

    Args:
        made: when, in words.
        run: of pytest, what its tests did (see pytest_report.py).
    """
    verdict = verdict_of(records, run)
    one = records[0] if len(records) == 1 and not run else None
    title = one_line(one["model"]) if one else models(len(records))
    said = sentence(one) if one else counted(records)
    headline = headline_of(records, verdict)
    parts = [
        f'<header class="{verdict}"><p class="kind">mxproof report</p><h1>{text(title)}</h1>',
        f'<p class="verdict">{mark(verdict)} {headline}</p>',
        f'<p class="said">{text(said)}</p>{_made(made)}</header>',
        _overview(records) if not one else "",
        *(section(r, f"m{i}", alone=one is not None) for i, r in enumerate(records)),
        run_section(run) if run else "",
        f'<section><h2 id="reading">How to read this</h2>{READING}</section>',
    ]
    return document(f"{headline}: {title}", "\n".join(parts))


def _made(made: str) -> str:
    return f'<p class="made">{text(made)}</p>' if made else ""


def _overview(records: Sequence[Json]) -> str:
    """A row for each model and target; what failed comes first."""
    rows: List[Tuple[str, str]] = []
    for place, record in enumerate(records):
        link = f'<th scope="row"><a href="#m{place}">{text(record["model"])}</a></th>'
        for name, target in record["targets"].items():
            rows.append((target["verdict"], summary_row(name, target, link)))
    rows.sort(key=lambda row: (FAIL, INCOMPLETE, PASS).index(row[0]))
    if not rows:
        return "<section><h2>Models</h2><p>No layer of any model was compared.</p></section>"
    body = "".join(row for _, row in rows)
    table = wide_table("Models", ("model", "target", "verdict", *SUMMARY), body)
    return f"<section><h2>Models</h2>{table}</section>"


def document(title: str, body: str, *, style: str = "", script: Optional[str] = None) -> str:
    """A page of our own look.

    Args:
        style: CSS, beside the page's own.
        script: in place of page.js; "" for a page that needs none.
    """
    script = own("page.js") if script is None else script
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = _policy(
        {
            "default-src": "'none'",
            "script-src": f"'sha256-{digest}'" if script else "'none'",
            "style-src": "'unsafe-inline'",
            "img-src": "data:",
            "base-uri": "'none'",
            "form-action": "'none'",
        }
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{text(title)}</title>
<link rel="icon" href="data:,">
<style>{own("page.css")}{plot.style()}{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the results</a>
<main id="main" tabindex="-1">
{body}
</main>
{f"<script>{script}</script>" if script else ""}
</body>
</html>
"""


def _policy(rules: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def own(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
