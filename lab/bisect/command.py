"""Swap the differences between a good and a bad environment one at a time: package versions, graph
optimisation, threads, the converters' revision. Each combination converts the model and runs it,
where necessary in a virtual environment, which uv or pip builds by its own configuration and the
cache keeps. Exit codes: 0 named, 1 the drift is there but no factor could be shown to explain it, 2
usage, or nothing to attribute."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping

from converters.progress import report
from mxproof.cli import common
from mxproof.errors import UsageError
from mxproof.model import Model, load_for_run, parse_inputs
from mxproof.reports.sheet import Sheet
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.registry import TARGETS
from mxproof.verification import reference_for

from .environments import (
    PACKAGES,
    SETTINGS,
    Environment,
    changes,
    checked,
    complete,
    load,
    relevant,
)
from .judges import Samples, numbers_judge, speed_judge
from .runner import EnvironmentRunner, resolve
from .search import GREEN, UNKNOWN, Factors, Findings, Outcome, search

HEADINGS = ("environment", "verdict", "reason")


def add_options(parser: argparse.ArgumentParser) -> None:
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
    _verdict_options(parser)
    common.table_options(parser)


def _verdict_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the verdict",
        "Numbers: if only the bad environment's outputs fail the proof against MXNet or a "
        "recording, that decides; otherwise outputs that differ by more than reruns do.",
    )
    for option, kind, default, text in (
        ("--seed", common.count, 0, "of the input"),
        ("--samples", common.positive, 4, "of the input"),
        ("--tolerance", float, 0.0, "ignore differences up to this fraction of the largest output"),
        ("--seconds", common.positive, 60, "for each comparison of speed"),
    ):
        group.add_argument(
            option, type=kind, default=default, metavar="N", help=f"{text} (default: {default})"
        )
    group.add_argument("--no-proof", action="store_true", help="compare outputs, without MXNet")
    common.mxnet_python(group)
    group.add_argument("--reference", metavar="FILE", help="a recording, in place of MXNet")


def run(args: argparse.Namespace) -> int:
    if not 0 <= args.tolerance < 1:
        raise UsageError(f"--tolerance {args.tolerance}: use a number from 0 to 1.")
    good, bad = (_environment(args, side) for side in ("good", "bad"))
    unused = [text for n, text in changes(good, bad).items() if n not in (*PACKAGES, *SETTINGS)]
    notes = [f"not swapped, because nothing here uses it: {', '.join(unused)}"] * bool(unused)
    found: Dict[str, Findings] = {}
    nothing: List[str] = []
    with common.progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        report(f"reading {args.checkpoint}")
        how = common.reading(args)
        model = load_for_run(args.checkpoint, parse_inputs(args.input), **how)
        samples = cache(partial(_samples, args, model, notes))
        where = Path(folder), Path(args.repository), how["outputs"]
        for target in args.to or TARGETS:
            try:
                runner = EnvironmentRunner(model, target, *where)
                pair = relevant(target, good), relevant(target, bad)
                found[target] = _findings(args, runner, samples, *pair)
            except UsageError as error:
                nothing.append(f"{target}: {error}")
    if not found:
        raise UsageError(" ".join(nothing))
    notes = [*nothing, *notes]
    record = {"schema": 1, "model": model.name, "weights": model.weights, "what": args.what}
    _write(args, {**record, "good": good, "bad": bad, "notes": notes}, found)
    return common.PROVEN if all(f.proven for f in found.values()) else common.FAILED


def _environment(args: argparse.Namespace, side: str) -> Dict[str, str]:
    """A side's file, overridden by its options, and completed.

    Raises:
        UsageError: one of these states something impossible.
    """
    path = getattr(args, side)
    stated = load(Path(path)) if path else {}
    for name in SETTINGS:
        value = getattr(args, f"{side}_{name}")
        try:
            stated.update({name: checked(name, value)} if value is not None else {})
        except ValueError as error:
            raise UsageError(f"--{side}-{error}.") from None
    stated = complete(stated)
    return {**stated, "revision": resolve(stated["revision"], Path(args.repository))}


def _samples(args: argparse.Namespace, model: Model, notes: List[str]) -> Samples:
    """Inputs, and MXNet's results on them; a note says why these are missing."""
    shapes = parse_inputs(args.input)
    inputs = model.evidence(shapes, seed=args.seed, samples=args.samples)
    reference = Path(args.reference) if args.reference else None
    how: Any = {"mxnet_python": args.mxnet_python, "reference": reference}
    try:
        if not args.no_proof:
            with reference_for(model, shapes, inputs=inputs, **how) as evidence:
                report(f"{model.name}: MXNet's results")
                return [(truth.inputs, truth) for truth in evidence]
    except RuntimeFailure as error:
        if args.mxnet_python or reference:
            raise
        notes.append(f"only outputs are compared, and nothing is proven: {error}")
    return [(sample, None) for sample in inputs]


def _findings(
    args: argparse.Namespace,
    runner: EnvironmentRunner,
    samples: Callable[[], Samples],
    good: Environment,
    bad: Environment,
) -> Findings:
    """Find the changes that turn the good environment red.

    Raises:
        UsageError: there is nothing to attribute.
    """
    changed, model = changes(good, bad), runner.model
    if not changed:
        raise UsageError("nothing to attribute: the environments differ in nothing it uses.")
    if args.what == "numbers":
        criterion, judge = numbers_judge(runner, good, bad, args.tolerance, samples())
    else:
        shapes = model.concrete(parse_inputs(args.input) or model.gate_shapes)
        inputs = model.inputs(shapes, args.seed)
        criterion, judge = speed_judge(runner, good, bad, args.seconds, inputs)

    def probe(chosen: Factors) -> Outcome:
        report(f"{runner.target}: good with {', '.join(chosen) or 'nothing'} of bad")
        try:
            return judge({name: (bad if name in chosen else good)[name] for name in good})
        except (RuntimeFailure, UsageError) as error:
            return Outcome(UNKNOWN, str(error))

    found = search(changed, probe)
    first, last = found.tried[frozenset()], found.tried.get(frozenset(changed))
    if first.verdict != GREEN:
        raise UsageError(f"the good environment is {first.verdict}: {first.note}.")
    if last and last.verdict == GREEN:
        raise UsageError(f"nothing to attribute: the bad environment is green: {last.note}.")
    return replace(found, criterion=criterion)


def _write(
    args: argparse.Namespace, record: Mapping[str, Any], found: Mapping[str, Findings]
) -> None:
    """Print the tables and the sentences, and write the files that the options name."""
    results = {target: findings.to_json() for target, findings in found.items()}
    common.write_text(args.json, json.dumps({**record, "targets": results}, indent=1))
    parts = []
    for target, findings in found.items():
        sheet = Sheet(f"{record['model']}/{target}: {args.what}", HEADINGS, findings.rows())
        common.console_of(args).print(sheet)
        parts += [sheet.markdown(), findings.criterion]
        common.say(findings.criterion, quiet=args.quiet)
    last = [*record["notes"], *(f"{target}: {f.sentence}" for target, f in found.items())]
    common.say(*last, quiet=args.quiet)
    common.write_text(args.markdown, "\n\n".join([*parts, *last]) + "\n")
