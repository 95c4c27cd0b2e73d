"""Made when the site is built: the page of commands, two pages from the project's root, colours."""

from __future__ import annotations

import argparse
import html
import re
from pathlib import Path
from typing import Any, Iterator, List

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pygments.formatters import HtmlFormatter

from mxproof.cli import MXPROOF

ROOT = Path(__file__).parents[1]
DARK = '[data-bs-theme="dark"] .highlight'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = {
        "commands.md": commands(MXPROOF.parser(*MXPROOF.commands)),
        "contributing.md": from_root("CONTRIBUTING.md"),
        "changelog.md": from_root("CHANGELOG.md"),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    files.append(File.generated(config, "pygments.css", content=colours()))
    return files


def colours() -> str:
    """Of code, on light and on dark pages."""
    light, dark = (HtmlFormatter(style=name) for name in ("default", "github-dark"))
    rules = [light.get_style_defs(".highlight"), dark.get_style_defs(DARK)]
    return "\n".join(rules).replace("background:", "--unused:") + "\n"


def from_root(name: str) -> str:
    """A document of the root, as a page: links into docs/ stay, other files are only named."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/([^)]+)\)", r"](\1)", text)
    text = re.sub(r"\]\((CHANGELOG|CONTRIBUTING)\.md", lambda m: m[0].lower(), text)
    return re.sub(r"\[(`?)([^\]`]+)\1\]\((?!https?://|[\w-]+\.md)([^)]+)\)", r"`\2` (`\3`)", text)


def commands(parser: argparse.ArgumentParser) -> str:
    """Every command with its options, from what `--help` is made of."""
    parts = ["# Commands", cell(parser.description), cell(parser.epilog)]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                parts += [f"## mxproof {name}", cell(command.description), *tables(command)]
    return "\n\n".join(parts) + "\n"


def tables(command: argparse.ArgumentParser) -> Iterator[str]:
    usage = " ".join(command.format_usage().split()).partition(": ")[2]
    yield f"```text\n{usage}\n```"
    for group in command._action_groups:
        actions = [a for a in group._group_actions if a.help != argparse.SUPPRESS]
        if group.title not in ("positional arguments", "options", "optional arguments"):
            yield f"**{cell(group.title)}.** {cell(group.description)}"
        if actions:
            rows = [f"| {written(a)} | {cell(expanded(command, a))} |" for a in actions]
            yield "\n".join(["| | |", "|---|---|", *rows])


def written(action: argparse.Action) -> str:
    """`-o DIR`, `--output-dir DIR`: as it is typed."""
    formatter = argparse.HelpFormatter("")
    value = "" if action.nargs == 0 else formatter._format_args(action, metavar(action))
    names: List[str] = list(action.option_strings) or [""]
    return ", ".join(f"<code>{html.escape(f'{name} {value}'.strip())}</code>" for name in names)


def metavar(action: argparse.Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.option_strings else action.dest


def expanded(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    return command._get_formatter()._expand_help(action) if action.help else ""


def cell(text: Any) -> str:
    """Plain text in Markdown; backquotes stay."""
    return re.sub(r"([|<>*_\[\]])", r"\\\1", str(text or "").replace("%%", "%"))
