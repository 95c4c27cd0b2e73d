"""What a reader would type: the commands and the Python of the README, of CONTRIBUTING, of docs/.

A `console` block holds commands, behind `$ `, and what they print; a `python` block is a program.
A comment before either, which no page shows, says what a test has to know: `<!-- test: SITUATION,
exit N -->` (a row of situations.py, and the exit code), `<!-- not run: REASON -->` where a test
cannot run it, or `<!-- excerpt: FILE -->` for lines of a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
BLOCK = re.compile(
    r"^(?:<!-- (?:test: (?P<situation>.*?)(?:, )?(?:exit (?P<exit>\d))?|not run: (?P<not_run>.*?)"
    r"|excerpt: (?P<excerpt>.*?)) -->\n+)?"
    r"^(?P<fence>```+)(?P<language>\w*)\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
MENTION = re.compile(r"`((?:mxproof|python -m lab)\s(?:[^`\n]|\n(?!\n))+)`")


@dataclass(frozen=True)
class Step:
    """Something a document tells its reader to run.

    Attributes:
        kind: "command", "python", or "mention" for a command in a sentence.
        shown: what it prints, as far as the document shows it; "…" stands for anything.
        situation: what the folder it runs in holds.
        excerpt: the file that the lines of a program are from.
        not_run: why a test does not run it.
    """

    document: str
    line: int
    kind: str
    text: str
    shown: str = ""
    situation: str = ""
    exit_code: int = 0
    excerpt: str = ""
    not_run: str = ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line} {self.text.strip().splitlines()[0][:70]}"


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def steps(document: str) -> List[Step]:
    """All there is to run, in the order of the document."""
    text = read(document)
    found = [step for block in BLOCK.finditer(text) for step in _steps_of(document, block)]
    prose = BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text)
    for match in MENTION.finditer(prose):
        line = prose.count("\n", 0, match.start()) + 1
        found.append(Step(document, line, "mention", " ".join(match[1].split())))
    return sorted(found, key=lambda step: step.line)


def _steps_of(document: str, block: re.Match[str]) -> Iterator[Step]:
    line = block.string.count("\n", 0, block.start("fence")) + 1
    text, given = block["text"], {key: block[key] or "" for key in ("situation", "not_run")}
    code = int(block["exit"] or 0)
    if block["language"] == "python":
        named = re.match(r"# ([\w/]+\.py)\n", text)
        excerpt = block["excerpt"] or (named[1] if named else "")
        yield Step(document, line, "python", text, exit_code=code, excerpt=excerpt, **given)
    elif block["language"] == "console":
        for command in re.finditer(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            number = line + 1 + text.count("\n", 0, command.start())
            shown = command[2].rstrip()
            yield Step(document, number, "command", command[1], shown, exit_code=code, **given)
