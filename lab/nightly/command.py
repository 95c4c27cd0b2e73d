"""Compare the records that `.ci/nightly` left in a folder with those of the last green run, and add
the run to the history. Exit code 1 on a failed proof, a slowdown, an unexpected pass, an unused
override, a case that vanished or no longer runs, and a step that is missing, crashed or left broken
records."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mxproof.cli.common import FAILED, PROVEN, say, write_text
from mxproof.errors import UsageError

from .readers import STEPS

SHOWN = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", metavar="RESULTS", help="folder with a folder for each step")
    parser.add_argument("--history", required=True, metavar="DIR", help="the runs so far")
    parser.add_argument(
        "--steps",
        nargs="+",
        choices=[*STEPS],
        default=[],
        metavar="STEP",
        help=f"these must have left records; any of {', '.join(STEPS)}",
    )
    parser.add_argument(
        "--accept",
        metavar="REASON",
        help="cases that vanished or no longer run are intended; the history keeps the reason",
    )
    parser.add_argument("--markdown", metavar="FILE", help="write a summary to this file")
    parser.add_argument("--json", metavar="FILE", help="write the judgement to this file")
    parser.add_argument("--html", metavar="FILE", help="write a page of all runs to this file")


def run(args: argparse.Namespace) -> int:
    from .history import entry_of, opened
    from .judge import judge
    from .readers import read_run
    from .report import headline, page, summary

    accept = (args.accept or "").strip()
    if args.accept is not None and not accept:
        raise UsageError("--accept: the reason is empty. Say why fewer cases are intended.")
    results = Path(args.results)
    with opened(Path(args.history)) as history:
        nightly, green = read_run(results, args.steps), history.green
        found = judge(nightly, history.green_run(), accept=bool(accept))
        entry = entry_of(nightly, found, accept)
        notes = [*history.problems, *(f"inconclusive: {name}" for name in entry["inconclusive"])]
        write_text(args.markdown, summary(entry, found, green, notes))
        reasons, accepted = ([r._asdict() for r in rows] for rows in found[:2])
        record = {"reasons": reasons, "accepted": accepted, "new": found.new, "entry": entry}
        write_text(args.json, json.dumps(record, indent=1))
        write_text(args.html, page([*history.entries, entry], notes))
        history.add(entry, results)
    for reason in found.reasons[:SHOWN]:
        say(str(reason), stderr=True)
    for line in (headline(entry, found, green), *notes):
        say(line)
    return FAILED if found.reasons else PROVEN
