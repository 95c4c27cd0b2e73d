"""Pieces of HTML that the page's sections share."""

from __future__ import annotations

from html import escape
from typing import Any, Mapping, Sequence

from .record import Json
from .wording import SIGNS, TARGETS, VERDICTS, one_line, summary


def text(foreign: Any) -> str:
    """Whatever it says, it is text: escaped, in one line."""
    return escape(one_line(str(foreign)))


def mark(verdict: str, *, words: bool = False) -> str:
    """A sign, and the word beside it or for those who hear the page."""
    word = VERDICTS[verdict]
    shown = f" {word}" if words else f'<span class="heard">{word}</span>'
    sign = f'<span aria-hidden="true">{SIGNS[verdict]}</span>'
    return f'<span class="mark {verdict}">{sign}{shown}</span>'


def target_title(name: str) -> str:
    return text(TARGETS.get(name, name))


def summary_row(name: str, target: Json, before: str = "") -> str:
    """A target in a row of SUMMARY.

    Args:
        before: the first cells, in HTML.
    """
    cells = "".join(f"<td>{text(cell)}</td>" for _, cell in summary(target))
    verdict, title = mark(target["verdict"], words=True), target_title(name)
    first = f"<td>{title}</td>" if before else f'<th scope="row">{title}</th>'
    return f"<tr>{before}{first}<td>{verdict}</td>{cells}</tr>"


def wide_table(label: str, headings: Sequence[str], rows: str) -> str:
    """A table that scrolls sideways by itself where the screen is narrow.

    Args:
        label: what to call it.
        rows: HTML.
    """
    head = "".join(f'<th scope="col">{text(heading)}</th>' for heading in headings)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{text(label)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def facts(rows: Mapping[str, Any]) -> str:
    """Names and what they are."""
    items = "".join(
        f"<div><dt>{text(name.replace('_', ' '))}</dt><dd>{text(value)}</dd></div>"
        for name, value in rows.items()
    )
    return f'<dl class="facts">{items}</dl>'
