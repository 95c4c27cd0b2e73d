"""`mxproof verify`."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from converters.files import atomic_write

from ..report.terminal import proof_table
from ..subject import UsageError, load_for_run, parse_inputs
from ..targets import TARGETS
from ..tolerance import Budgets, load_budgets
from .common import FAILED, PROVEN, common, count, progress_of, say, targets


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "verify",
        help="convert and prove every layer equal to MXNet",
        description="Convert, run MXNet and the converted models on the same input, and compare "
        "every layer: in float64 to 1e-12, in float32 to MXNet's own precision. Needs MXNet "
        "(in this or another interpreter), onnxruntime and PyTorch.",
    )
    common(parser)
    targets(parser)
    parser.add_argument("--seed", type=count, default=0, help="of the random input (default: 0)")
    parser.add_argument(
        "--samples",
        type=lambda text: count(text, 1),
        default=4,
        help="how many random inputs; float32 noise is judged over all of them (default: 4)",
    )
    parser.add_argument(
        "--budgets",
        metavar="FILE",
        help="JSON rows for layers that need another limit than the standard one, each with a "
        'reason: [{"layer": "fc*", "runtime": "onnxruntime", "float32_ratio": 8, "reason": "…"}]',
    )
    parser.add_argument("--json", metavar="FILE", help="write the whole record there")
    parser.add_argument(
        "--mxnet-python", metavar="PATH", help="the Python that has MXNet (default: this one)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from ..runtimes.mxnet import MxnetProcess
    from ..verify import Live, verify

    given = parse_inputs(args.input)
    if args.json and not Path(args.json).absolute().parent.is_dir():
        raise UsageError(f"--json {args.json}: there is no such folder. Make it first.")
    budgets = budgets_of(args)
    with progress_of(args) as progress, tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        progress(f"reading {args.checkpoint}")
        subject = load_for_run(args.checkpoint, given, epoch=args.epoch, weights=args.weights)
        inputs = subject.evidence(given, seed=args.seed, samples=args.samples)
        progress("starting MXNet")
        with MxnetProcess(args.mxnet_python) as mxnet:
            model = mxnet.load(subject.prefix, subject.epoch, subject.graph)
            proof = verify(
                subject,
                tuple(dict.fromkeys(args.to or TARGETS)),
                Live(model, inputs, mxnet.versions),
                Path(folder),
                budgets=budgets,
                progress=progress,
            )
    if args.json:
        with atomic_write(Path(args.json)) as file:
            file.write(json.dumps(proof.to_json(), indent=1).encode())
    console = Console(quiet=args.quiet)
    console.print(proof_table(proof))
    for target in proof.targets.values():
        for paragraph in target.explain(proof.model):
            say(paragraph, stderr=True)
    for row in budgets.idle:
        say(f"--budgets {args.budgets}: no layer needed the row for {row}. Delete it.", stderr=True)
    return PROVEN if proof.passed and not budgets.idle else FAILED


def budgets_of(args: argparse.Namespace) -> Budgets:
    """The user's rows, if there are any."""
    try:
        return load_budgets(Path(args.budgets)) if args.budgets else Budgets()
    except ValueError as error:
        raise UsageError(f"--budgets {error}") from None
