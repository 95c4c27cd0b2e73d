"""A table of texts, for the terminal and for Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Sequence, Tuple

from rich.table import Table
from rich.text import Text

from .wording import one_line


def plain(text: str) -> Text:
    """Foreign text as it is: no markup, no emoji, one line, and no control codes."""
    return Text(one_line(text))


@dataclass(frozen=True)
class Sheet:
    """A table; every row has one text for each heading."""

    title: str
    headings: Tuple[str, ...]
    rows: Sequence[Tuple[str, ...]]

    def terminal(self) -> Table:
        table = Table(*self.headings, title=plain(self.title))
        for row in self.rows:
            table.add_row(*map(plain, row))
        return table

    def markdown(self) -> str:
        lines = [self.headings, ("---",) * len(self.headings), *self.rows]
        return f"## {self.title}\n\n" + "\n".join(map(_line, lines))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(c.replace("|", "&#124;") for c in cells) + " |"
