"""Plant faults of known kinds in conversions of the models, one at a time, and judge each as
`verify` does. Every fault that makes a difference has to be caught, and 99 % of them named at their
layer; no other may raise an alarm. Needs MXNet (in this or another interpreter), onnxruntime and
PyTorch."""

from __future__ import annotations

import argparse
import json
import os
from functools import partial
from pathlib import Path
from typing import List

from converters import CheckpointError, progress
from converters.mxnet_format.checkpoint_files import find_files
from mxproof.cli import common
from mxproof.errors import UsageError
from mxproof.zoo.models import ZOO

from .network import NETWORKS

#: Option, least value, default, help.
NUMBERS = (
    ("--sites", 1, 2, "at most this many sites for a kind in a model"),
    ("--seed", 0, 0, "of all random choices"),
    ("--jobs", 1, os.cpu_count() or 1, "how many faults are tried at once"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help=f"{', '.join(ZOO)} (with seeded weights); {', '.join(NETWORKS)}, networks with what "
        "these lack; or the prefix of a checkpoint (default: all models by name)",
    )
    common.repeatable(parser, "--kind", "K", "only this kind; repeat for several")
    parser.add_argument("--list", action="store_true", help="list the kinds and exit")
    parser.add_argument("--json", metavar="FILE", help="write the whole record there")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there")
    common.mxnet_python(parser)
    common.quiet(parser)
    for option, least, default, text in NUMBERS:
        number, text = partial(common.count, least=least), f"{text} (default: {default})"
        parser.add_argument(option, type=number, default=default, metavar="N", help=text)


def run(args: argparse.Namespace) -> int:
    from . import campaign, report
    from .campaign import CATALOGUE

    for kind in args.kind:
        if kind not in CATALOGUE:
            known = ", ".join(CATALOGUE)
            raise UsageError(f"--kind {kind!r}: no such kind; the kinds are: {known}.")
    kinds = [kind for kind in CATALOGUE if not args.kind or kind in args.kind]
    if args.list:
        common.console_of(args).print(report.listing(CATALOGUE[k] for k in kinds))
        return common.PROVEN
    models = named(args.models)
    with common.progress_of(args):
        progress.report("reading the models")
        planned = campaign.plan(models, kinds, args.sites, args.seed)
        if not planned:
            raise UsageError(
                f"nothing to plant: {', '.join(models)} has no site for {', '.join(kinds)}. "
                "Choose another model or kind; --list shows the kinds."
            )
        results = campaign.run(planned, args.jobs, args.mxnet_python)
    common.write_text(args.json, json.dumps(results.to_json(), indent=1))
    common.write_text(args.markdown, report.document(results, command(args)))
    for sheet in report.sheets(results):
        common.console_of(args).print(sheet)
    common.say(report.summary(results), quiet=args.quiet)
    for outcome in results.problems:
        common.say(f"{outcome.kind}: {outcome.site}: {outcome.problem}.", stderr=True)
    return common.PROVEN if results.passed else common.FAILED


def named(wanted: List[str]) -> List[str]:
    """The models requested, or all by name."""
    names = [*ZOO, *NETWORKS]
    for model in wanted:
        try:
            model in names or find_files(model)
        except CheckpointError as error:
            raise UsageError(
                f"{model}: no model of that name, and {error} Models by name: {', '.join(names)}."
            ) from None
    return list(dict.fromkeys(wanted)) or names


def command(args: argparse.Namespace) -> str:
    """The command line that yields the same numbers."""
    models = [Path(model).name for model in args.models]
    kinds = [f"--kind '{kind}'" for kind in args.kind]
    numbers = [f"--sites {args.sites}", f"--seed {args.seed}"]
    return " ".join(["python -m lab mutation", *models, *kinds, *numbers])
