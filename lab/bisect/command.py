"""`python -m lab bisect`."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Mapping, Sequence

from converters.progress import report
from mxproof.cli.common import (
    FAILED,
    PROVEN,
    common,
    console_of,
    progress_of,
    reading,
    say,
    targets,
    writable,
    write_text,
)
from mxproof.report.sheet import Sheet
from mxproof.subject import UsageError, load_for_run, parse_inputs
from mxproof.targets import TARGETS

from . import locks, options, sources
from .factors import SETTINGS, change, completed, differences, normal
from .locks import Stated
from .options import SIDES

if TYPE_CHECKING:
    from .bisection import Bisection, Results

HEADINGS = ("environment", "verdict", "what was seen")
SHOWN = 10  # packages that are named where many differ


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "bisect",
        help="name the factor that made numbers or speed drift",
        description="Between a good environment, in which the gate was green, and a bad one, swap "
        "one factor at a time: versions of packages, graph optimisation, threads, the converters' "
        "revision. Each combination converts the network and runs it, in a virtual environment "
        "where it needs one; pip builds those, with its own configuration, and the cache keeps "
        "them. Exit codes: 0 named, 1 the drift is there and no factor explains it, 2 usage, or "
        "nothing to attribute.",
    )
    common(parser)
    targets(parser)
    parser.add_argument(
        "--what",
        choices=("numbers", "speed"),
        default="numbers",
        help="what drifted (default: numbers)",
    )
    about = parser.add_argument_group("the two environments", options.ENVIRONMENTS)
    options.environments(about)
    options.judging(parser.add_argument_group("what is red", options.CRITERIA))
    for form, what in (("json", "all that was tried and found"), ("markdown", "the table")):
        parser.add_argument(f"--{form}", metavar="FILE", help=f"write {what} there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    writable(args, "json", "markdown")
    stated = {side: stated_of(args, side) for side in SIDES}
    chosen = tuple(dict.fromkeys(args.to or TARGETS))
    with progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        bisection = bisection_of(args, stated, Path(folder))
        numbers = args.what == "numbers"
        results = bisection.numbers(chosen) if numbers else raced(args, bisection, chosen)
    notes = [*bisection.notes, *remarks(stated, bisection, chosen)]
    write(args, bisection, results, notes)
    if not results.found:
        raise UsageError(" ".join(dict.fromkeys(results.nothing)))
    for line in (*results.nothing, *notes, *(a.sentence for a in results.found)):
        say(line, quiet=args.quiet)
    return PROVEN if all(a.named for a in results.found) else FAILED


def bisection_of(args: argparse.Namespace, stated: Mapping[str, Stated], folder: Path) -> Bisection:
    from .bisection import Bisection

    given, repository = parse_inputs(args.input), Path(args.repository)
    also = tuple(map(normal, args.also))
    good, bad = (
        completed(sources.stated(stated[side].factors, repository), also) for side in SIDES
    )
    report(f"reading {args.checkpoint}")
    return Bisection(
        load_for_run(args.checkpoint, given, **reading(args)),
        good,
        bad,
        given,
        folder,
        repository,
        outputs=tuple(args.output),
        also=also,
        seed=args.seed,
        samples=args.samples,
        tolerance=args.tolerance,
        proof=not args.no_proof,
        mxnet_python=args.mxnet_python,
        reference=Path(args.reference) if args.reference else None,
    )


def raced(args: argparse.Namespace, bisection: Bisection, chosen: Sequence[str]) -> Results:
    """Timed by the gate's own judge, at its risk of a false alarm over all that is tried."""
    from mxproof.benchmark.latency import Plan

    from mxproof.benchmark.gate import judge

    tried = 2 * (1 + len(differences(bisection.good, bisection.bad)))
    plan = Plan(comparisons=tried, seconds=args.seconds)
    return bisection.speed(chosen, lambda a, b, inputs: judge(a, b, inputs, plan))


def stated_of(args: argparse.Namespace, side: str) -> Stated:
    """A side's file, and the options that go before it.

    Raises:
        UsageError: it cannot be read, or states what cannot be.
    """
    path = getattr(args, side)
    stated = locks.load(Path(path), tuple(map(normal, args.also))) if path else Stated(f"--{side}")
    for name in SETTINGS:
        value = getattr(args, f"{side}_{name}")
        if value is not None:
            stated.factors[name] = locks.setting(f"--{side}-{name}", name, value)
    return stated


def remarks(stated: Mapping[str, Stated], bisection: Bisection, chosen: Sequence[str]) -> List[str]:
    """What differs besides, and is not swapped."""
    from .bisection import leftovers

    good, bad = bisection.good, bisection.bad
    said = []
    others = leftovers(good, bad, chosen, bisection.also)
    if others:
        named = ", ".join(change(f, good, bad) for f in others[:SHOWN])
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        said.append(f"not swapped, for nothing here uses it (--also does): {named}{more}")
    known = [stated[side].remarks for side in SIDES]
    machine = [
        change(f, *known)
        for f in sorted(set(known[0]) & set(known[1]))
        if known[0][f] != known[1][f]
    ]
    if machine:
        said.append(f"cannot be swapped: {', '.join(machine)}")
    return said


def write(
    args: argparse.Namespace, bisection: Bisection, results: Results, notes: Sequence[str]
) -> None:
    """The tables, in the terminal and where they are asked for."""
    subject = bisection.subject
    document = {
        "schema": 1,
        "model": subject.name,
        "weights": subject.weights,
        "what": args.what,
        "targets": {a.target: a.to_json() for a in results.found},
        "nothing_to_attribute": results.nothing,
        "notes": list(notes),
    }
    write_text(args.json, json.dumps(document, indent=1))
    console = console_of(args)
    parts: List[str] = []
    for attribution in results.found:
        title = f"{subject.name}/{attribution.target}: {args.what}"
        sheet = Sheet(title, HEADINGS, attribution.rows())
        console.print(sheet.terminal())
        say(attribution.criterion, quiet=args.quiet)
        parts += [sheet.markdown(), attribution.criterion, attribution.sentence]
    write_text(args.markdown, "\n\n".join([*parts, *results.nothing, *notes]) + "\n")
