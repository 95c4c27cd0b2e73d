"""A table of texts, for the terminal and for Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Optional, Sequence, Tuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .wording import one_line

#: Characters of a line that a table's last column has at least.
FOLDED = 24


def plain(text: str) -> Text:
    """Foreign text as it is: no markup, no emoji, one line, and no control codes."""
    return Text(one_line(text))


@dataclass(frozen=True)
class Sheet:
    """A table, which a rich console prints; every row has one text for each heading."""

    title: str
    headings: Tuple[str, ...]
    rows: Sequence[Tuple[str, ...]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """A table, of which headings and the last column may be folded; where it is too wide for
        that, a list, which keeps names whole."""
        columns = list(zip(self.headings, *self.rows))
        words = [(*heading.split(), *texts) for heading, *texts in columns]
        width = options.max_width - 3 * len(columns) - 1
        for folded, form in ((False, columns), (True, words)):
            *widths, last = (max(map(cell_len, texts)) for texts in form)
            if sum(widths) + (min(last, FOLDED) if folded else last) <= width:
                yield self._table([*widths, None] if folded else [None] * len(columns))
                return
        yield plain(self.title)
        for name, *texts in self.rows:
            yield plain(name)
            said = (f"{heading} {text}" for heading, text in zip(self.headings[1:], texts) if text)
            yield Padding(plain(", ".join(said)), (0, 0, 0, 4), expand=False)

    def _table(self, widths: Sequence[Optional[int]]) -> Table:
        table = Table(title=plain(self.title))
        for heading, width in zip(self.headings, widths):
            table.add_column(heading, overflow="fold", width=width)
        for row in self.rows:
            table.add_row(*map(plain, row))
        return table

    def markdown(self) -> str:
        lines = [self.headings, ("---",) * len(self.headings), *self.rows]
        return f"## {self.title}\n\n" + "\n".join(map(_line, lines))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(c.replace("|", "&#124;") for c in cells) + " |"
