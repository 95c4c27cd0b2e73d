"""What a reader would type: the commands and the Python of the README, of CONTRIBUTING, of docs/.

A block marked `console` holds commands, behind `$ `, and what they print. A block marked `python`
is a program. A comment before either, which no page shows, says what a test has to know:

    <!-- test: damaged parameters, exit 2 -->

the name of a situation (tests/docs/situations.py) and the exit code, where these are not a
folder with placeholders, and 0. A block that shows lines of a file is no program: it begins with
the file's name, as a comment, or has `<!-- excerpt: FILE -->` before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Tuple

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
PROGRAMS = "mxproof|pytest|python|python3|pip|tox|mkdocs|eval"
LANGUAGES = ("console", "python", "text", "json")

FENCE = re.compile(r"^(```+)(\w*)\s*$")
COMMENT = re.compile(r"^<!-- (test|excerpt): (.*?) -->$")
COMMAND = rf"(?:[A-Z_]+=\S+\s)*(?:\.venv/bin/)?(?:{PROGRAMS})\s"
INLINE = re.compile(rf"`({COMMAND}(?:[^`\n]|\n(?!\n))+)`")
INDENTED = re.compile(rf"^ {{4}}({COMMAND}.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """Something a document tells its reader to run.

    Attributes:
        text: the command line, or the program.
        shown: what it prints, as far as the document shows it.
        situation: what the folder it runs in holds.
        excerpt: the file whose lines a program is.
    """

    document: str
    line: int
    kind: str  # "command", "python", or "mention": a command in a sentence
    text: str
    shown: str = ""
    situation: str = ""
    exit_code: int = 0
    excerpt: str = ""

    def __str__(self) -> str:
        first = self.text.strip().splitlines()[0]
        words = first if self.kind != "python" else f"python: {first}"
        return f"{self.document}:{self.line} {words[:70]}"


@dataclass(frozen=True)
class Block:
    language: str
    line: int
    text: str
    comment: Tuple[str, str]


def read(document: str) -> Tuple[str, ...]:
    return tuple((ROOT / document).read_text(encoding="utf-8").splitlines())


def blocks(lines: Tuple[str, ...]) -> Iterator[Block]:
    """The fenced blocks, each with the comment before it."""
    comment, start, inside = ("", ""), 0, None
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if inside is None and fence:
            inside, start = fence, number
        elif inside is not None and line.rstrip() == inside[1]:
            yield Block(inside[2], start, "\n".join(lines[start : number - 1]), comment)
            inside, comment = None, ("", "")
        elif inside is None and line.strip():
            found = COMMENT.match(line)
            comment = (found[1], found[2]) if found else ("", "")


def steps(document: str) -> List[Step]:
    """All there is to run, in the order of the document."""
    lines = read(document)
    found: List[Step] = []
    prose = list(lines)
    for block in blocks(lines):
        size = block.text.count("\n") + 3
        prose[block.line - 1 : block.line - 1 + size] = [""] * size
        found += _steps_of(document, block)
    text = "\n".join(prose)
    for match in (*INLINE.finditer(text), *INDENTED.finditer(text)):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Step(document, line, "mention", " ".join(match[1].split())))
    return sorted(found, key=lambda step: step.line)


def _steps_of(document: str, block: Block) -> List[Step]:
    kind, text = block.comment
    situation, exit_code = "", 0
    for part in text.split(", ") if kind == "test" else ():
        if part.startswith("exit "):
            exit_code = int(part[5:])
        else:
            situation = part
    if block.language == "python":
        named = re.match(r"# ([\w/]+\.py)$", block.text.partition("\n")[0])
        excerpt = text if kind == "excerpt" else named[1] if named else ""
        return [Step(document, block.line, "python", block.text, "", situation, exit_code, excerpt)]
    if block.language != "console":
        return []
    made: List[Step] = []
    before, *parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not before.strip(), f"{document}:{block.line}: output before the first command"
    line = block.line + 1
    for part in parts:
        command, shown = _command(part)
        made.append(Step(document, line, "command", command, shown, situation, exit_code))
        line += part.count("\n")
    return made


def _command(part: str) -> Tuple[str, str]:
    """A command, which `\\` at the end of a line continues, and the output below it."""
    lines = part.splitlines()
    end = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
    return "\n".join(lines[: end + 1]), "\n".join(lines[end + 1 :]).rstrip()
