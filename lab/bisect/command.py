"""`python -m lab bisect`."""

from __future__ import annotations

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Mapping

from mxproof.cli import common
from mxproof.report.sheet import Sheet
from mxproof.subject import UsageError
from mxproof.targets import TARGETS

from .environments import PACKAGES, SETTINGS, changes, checked, complete, load, relevant
from .search import Findings

HEADINGS = ("environment", "verdict", "reason")


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "bisect",
        help="name the change that made numbers or speed drift",
        description="Swap the differences between a good and a bad environment one at a time: "
        "package versions, graph optimisation, threads, the converters' revision. Each combination "
        "converts the model and runs it, where necessary in a virtual environment, which uv or "
        "pip builds by its own configuration and the cache keeps. Exit codes: 0 named, 1 the drift "
        "is there but no factor could be shown to explain it, 2 usage, or nothing to attribute.",
    )
    common.common(parser)
    common.targets(parser)
    parser.add_argument("--what", choices=("numbers", "speed"), default="numbers")
    group = parser.add_argument_group(
        "the two environments",
        "Lock files as `pip freeze` writes them, or the JSON of `mxproof verify` and `mxproof "
        "bench`. What they leave open is as installed here. Settings may also stand in a comment "
        "of a lock file: # mxproof: optimisation=basic threads=1",
    )
    for side in ("good", "bad"):
        group.add_argument(f"--{side}", metavar="FILE", help=f"the {side} environment")
        for name, (title, default, pattern) in SETTINGS.items():
            text = f"{title}, {pattern} (default: {default})"
            group.add_argument(f"--{side}-{name}", metavar="VALUE", help=text)
    group.add_argument("--repository", metavar="DIR", default=".", help="where the revisions are")
    _add_verdict_options(parser)
    parser.set_defaults(run=run)


def _add_verdict_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the verdict",
        "Numbers: if only the bad environment fails the proof against MXNet or a recording, that "
        "decides; otherwise outputs that differ by more than reruns do.",
    )
    positive = partial(common.count, least=1)
    group.add_argument("--seed", type=common.count, default=0, help="of the input (default: 0)")
    group.add_argument("--samples", type=positive, default=4, help="of the input (default: 4)")
    group.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        metavar="X",
        help="ignore differences up to this fraction of the largest output",
    )
    group.add_argument(
        "--seconds", type=positive, default=60, help="for each comparison of speed (default: 60)"
    )
    group.add_argument("--no-proof", action="store_true", help="compare outputs, without MXNet")
    common.mxnet_python(group)
    group.add_argument("--reference", metavar="FILE", help="a recording, in place of MXNet")
    group.add_argument("--json", metavar="FILE", help="write everything that was tried there")
    group.add_argument("--markdown", metavar="FILE", help="write the table there")


def run(args: argparse.Namespace) -> int:
    from .bisection import Bisection

    common.writable(args, "json", "markdown")
    if not 0 <= args.tolerance < 1:
        raise UsageError(f"--tolerance {args.tolerance}: use a number from 0 to 1.")
    good, bad = (_environment(args, side) for side in ("good", "bad"))
    found: Dict[str, Findings] = {}
    nothing: List[str] = []
    with common.progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        unused = [t for n, t in changes(good, bad).items() if n not in (*PACKAGES, *SETTINGS)]
        notes = [f"not swapped, because nothing here uses it: {', '.join(unused)}"] * bool(unused)
        bisection = Bisection(args, Path(folder), notes)
        for target in args.to or TARGETS:
            try:
                pair = relevant(target, good), relevant(target, bad)
                found[target] = bisection.findings(target, *pair)
            except UsageError as error:
                nothing.append(f"{target}: {error}")
        if not found:
            raise UsageError(" ".join(nothing))
        model, notes = bisection.model, [*nothing, *notes]
    record = {"schema": 1, "model": model.name, "weights": model.weights, "what": args.what}
    _write(args, {**record, "good": good, "bad": bad, "notes": notes}, found)
    return common.PROVEN if all(f.proven for f in found.values()) else common.FAILED


def _environment(args: argparse.Namespace, side: str) -> Dict[str, str]:
    """A side's file, overridden by its options, and completed.

    Raises:
        UsageError: one of these states something impossible.
    """
    from .runner import resolve

    stated = load(Path(getattr(args, side))) if getattr(args, side) else {}
    for name in SETTINGS:
        value = getattr(args, f"{side}_{name}")
        try:
            stated.update({name: checked(name, value)} if value is not None else {})
        except ValueError as error:
            raise UsageError(f"--{side}-{error}.") from None
    stated = complete(stated)
    return {**stated, "revision": resolve(stated["revision"], Path(args.repository))}


def _write(
    args: argparse.Namespace, record: Mapping[str, Any], found: Mapping[str, Findings]
) -> None:
    """Print the tables and the sentences, and write the files that the options name."""
    results = {target: findings.to_json() for target, findings in found.items()}
    common.write_text(args.json, json.dumps({**record, "targets": results}, indent=1))
    parts = []
    for target, findings in found.items():
        sheet = Sheet(f"{record['model']}/{target}: {args.what}", HEADINGS, findings.rows())
        common.console_of(args).print(sheet.terminal())
        parts += [sheet.markdown(), findings.criterion]
        common.say(findings.criterion, quiet=args.quiet)
    last = [*record["notes"], *(f"{target}: {f.sentence}" for target, f in found.items())]
    for line in last:
        common.say(line, quiet=args.quiet)
    common.write_text(args.markdown, "\n\n".join([*parts, *last]) + "\n")
