"""`python -m lab nightly`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, List

from mxproof.cli.common import FAILED, PROVEN, say, writable, write_text
from mxproof.subject import UsageError

from .cases import read_list
from .results import STEPS, read_night

SHOWN = 20


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "nightly",
        help="judge a night's results by the nights before, and keep them",
        description="Read what `.ci/nightly` left in a folder, compare it with the list of "
        "expected cases and with the last green night, say what changed, and add the night to the "
        "history. Exit code 1 on a failed proof, a slowdown, an unexpected pass, a case that "
        "vanished, a suite that ran fewer cases, and a step that left no results.",
    )
    parser.add_argument("folder", metavar="FOLDER", help="of the results: a folder for each step")
    parser.add_argument(
        "--history",
        required=True,
        metavar="PATH",
        help="the nights before, JSON lines: a file, or a folder for one; made if there is none",
    )
    parser.add_argument(
        "--expected",
        metavar="FILE",
        help="the list of cases that must be there (pytest --write-expected-cases makes it)",
    )
    parser.add_argument(
        "--steps",
        type=steps,
        default=[],
        metavar="NAMES",
        help=f"steps that must have left results, with commas: {','.join(STEPS)}",
    )
    parser.add_argument(
        "--accept",
        metavar="REASON",
        default="",
        help="fewer cases than in the last green night are meant; the history keeps the reason",
    )
    parser.add_argument("--markdown", metavar="FILE", help="write what changed there")
    parser.add_argument("--json", metavar="FILE", help="write the whole judgement there")
    parser.add_argument("--html", metavar="FILE", help="write a page there, of all nights")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run)


def steps(given: str) -> List[str]:
    names = [name for name in given.split(",") if name]
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"there is no step {unknown[0]!r}; there are: {', '.join(STEPS)}"
        )
    return names


def run(args: argparse.Namespace) -> int:
    from .history import GREEN, opened
    from .judge import judge
    from .page import page
    from .summary import headline, summary

    writable(args, "markdown", "json", "html")
    if args.accept and not args.accept.strip():
        raise UsageError("--accept: says no reason. Give one.")
    expected = read_list(Path(args.expected)) if args.expected else None
    with opened(Path(args.history)) as history:
        night = read_night(Path(args.folder), args.steps)
        found = judge(night, history, expected, args.accept.strip())
        write_text(args.markdown, summary(found))
        write_text(args.json, json.dumps(asdict(found), indent=1))
        write_text(args.html, page(history, found.entry, found.reported))
        history.append(found.entry)
        if found.entry["verdict"] == GREEN:
            history.keep(Path(args.folder) / "latency")
    for line in [*map(str, found.reasons)][:SHOWN]:
        say(line, stderr=True)
    if len(found.reasons) > SHOWN:
        say(f"and {len(found.reasons) - SHOWN} more reasons", stderr=True)
    for line in (headline(found), *found.reported):
        say(line, quiet=args.quiet)
    return PROVEN if found.entry["verdict"] == GREEN else FAILED
