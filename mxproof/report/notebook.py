"""A proof in a notebook: its table and plots."""

from __future__ import annotations

from html import escape
from pathlib import Path

from .markup import summary_row, text, wide_table
from .plot import Plot
from .record import Json
from .wording import SIGNS, SUMMARY, headline_of, sentence


def compact(record: Json) -> str:
    """HTML to stand among other people's HTML: its styles reach nothing else."""
    targets = record["targets"]
    rows = "".join(summary_row(name, target) for name, target in targets.items())
    headings = ("target", "verdict", *SUMMARY)
    verdict = record["verdict"]
    title = f"{SIGNS[verdict]} {headline_of([record], verdict)}: {text(record['model'])}"
    said = [sentence(record), *(p for t in targets.values() for p in t["explanation"])]
    paragraphs = "".join(f"<p>{text(words)}</p>" for words in [*said, *record["problems"]])
    plot = Plot(record["model"], targets)._repr_svg_()
    style = Path(__file__).with_name("notebook.css").read_text(encoding="utf-8")
    return (
        f'<div class="mxproof" role="region" aria-label="{escape(title)}"><style>{style}</style>'
        f'<p class="mark {verdict}"><strong>{title}</strong></p>{paragraphs}'
        f"{wide_table('Results', headings, rows)}{plot}</div>"
    )
