"""`mxproof verify`."""

from __future__ import annotations

import argparse
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from rich.console import Console

from converters import Graph
from converters.progress import report
from converters.shape import Shape

from ..evidence import SAMPLES, evidence_for
from ..pictures import picture_inputs
from ..report.terminal import proof_table
from ..runtimes.base import Array
from ..subject import Subject, UsageError, load_for_run, parse_inputs
from ..targets import TARGETS
from ..tolerance import Budgets, load_budgets
from .common import (
    FAILED,
    PROVEN,
    common,
    console_of,
    count,
    mxnet_python,
    progress_of,
    reading,
    say,
    targets,
    words_of,
    writable,
)
from .layers import layer_sheets
from .picture_options import picture_words, preprocessing, preprocessing_of
from .reports import report_options, with_latency, write_reports

if TYPE_CHECKING:
    from ..evidence import Evidence
    from ..proof import Proof
    from ..repro.folder import Folder


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "verify",
        help="convert and prove every layer equal to MXNet",
        description="Convert, run MXNet and the converted models on the same input, and compare "
        "every layer: in float64 to 1e-12, in float32 to MXNet's own precision. Needs MXNet "
        "(in this or another interpreter) or what `mxproof record` kept of it, onnxruntime and "
        "PyTorch.",
    )
    common(parser)
    targets(parser)
    parser.add_argument("--seed", type=count, help="of the random input (default: 0)")
    parser.add_argument(
        "--samples",
        type=lambda text: count(text, 1),
        help="how many random inputs; float32 noise is judged over all of them (default: 4)",
    )
    parser.add_argument(
        "--layers",
        nargs="?",
        const="*",
        metavar="PATTERN",
        help="print a table of all layers, or of those whose names match: 'stage1_*'. Judged are "
        "all in any case",
    )
    parser.add_argument(
        "--budgets",
        metavar="FILE",
        help="JSON rows for layers that need another limit than the standard one, each with a "
        'reason: [{"layer": "fc*", "runtime": "onnxruntime", "float32_ratio": 8, "reason": "…"}]',
    )
    report_options(parser)
    mxnet_python(parser)
    parser.add_argument(
        "--reference",
        metavar="FILE",
        help="judge by what `mxproof record` wrote there, on its inputs, without MXNet",
    )
    parser.add_argument(
        "--repro",
        metavar="DIR",
        help="where the proof fails, write the smallest thing that still fails there: the layer "
        "cut out of the converted file, its inputs, and a pytest file that needs no MXNet",
    )
    preprocessing(parser, files=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from ..prover import verify
    from ..repro.folder import Folder

    repro = Folder(Path(args.repro)) if args.repro else None
    given = given_of(args)
    writable(args, "json", "html", "markdown")
    budgets = budgets_of(args)
    with progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        report(f"reading {args.checkpoint}")
        subject = load_for_run(args.checkpoint, given, **reading(args))
        with evidence_for(
            subject,
            given,
            seed=args.seed or 0,
            samples=args.samples or SAMPLES,
            inputs=pictures_of(args, subject),
            mxnet_python=args.mxnet_python,
            reference=Path(args.reference) if args.reference else None,
        ) as evidence:
            proof = verify(
                subject,
                tuple(dict.fromkeys(args.to or TARGETS)),
                evidence,
                Path(folder),
                budgets=budgets,
            )
            reproducers = reproduced(args, proof, subject.graph, Path(folder), evidence, repro)
        proof = with_latency(args, subject, proof, Path(folder))
    proof = replace(
        proof,
        reference=Path(args.reference).name if args.reference else proof.reference,
        command=again(args, args.to or ()),
    )
    write_reports(args, proof)
    console = console_of(args)
    if args.layers:
        print_layers(console, proof, args.layers)
    console.print(proof_table(proof))
    for target in proof.targets.values():
        for paragraph in target.explain(proof.model):
            say(paragraph, stderr=True)
    for line in reproducers:
        say(line, stderr=True)
    for problem in proof.problems:
        say(problem, stderr=True)
    return PROVEN if proof.passed else FAILED


def pictures_of(args: argparse.Namespace, subject: Subject) -> Optional[List[Dict[str, Array]]]:
    """What --image names, as inputs."""
    if not args.image:
        return None
    files = [Path(file) for file in args.image]
    how = preprocessing_of(args, subject.preprocessing)
    return picture_inputs(subject, files, how, parse_inputs(args.input))


def print_layers(console: Console, proof: Proof, pattern: str) -> None:
    """Every comparison, layer by layer.

    Raises:
        UsageError: no layer is called so.
    """
    compared = [(t, c) for t, p in proof.targets.items() for c in p.comparisons.values()]
    tables = layer_sheets(proof.model, compared, pattern)
    if not any(sheet.rows for sheet in tables):
        raise UsageError(f"--layers {pattern}: {proof.model} has no such layer; see `inspect`.")
    for sheet in tables:
        console.print(sheet.terminal())


def reproduced(
    args: argparse.Namespace,
    proof: Proof,
    graph: Graph,
    converted: Path,
    evidence: Evidence,
    repro: Optional[Folder],
) -> List[str]:
    """What ends the message of a failed proof: how to replay it, or how to get what can be."""
    from ..repro import reproduce

    failed = [target for target, result in proof.targets.items() if not result.passed]
    if not failed:
        return []
    if repro is None:
        return [f"for a reproducer: {again(args, failed)} --repro repro"]
    commands = {target: again(args, [target]) for target in failed}
    return list(map(str, reproduce(proof, graph, converted, evidence, repro, commands)))


def again(args: argparse.Namespace, targets: Sequence[str]) -> str:
    """The command line of this run, for these targets alone, as a shell reads it."""
    words = ["mxproof", "verify", args.checkpoint]
    words += [word for target in targets for word in ("--to", target)]
    words += words_of(args, "input", "input_type", "output")
    words += picture_words(args)
    if not args.reference and not args.image:
        words += ["--seed", str(args.seed or 0), "--samples", str(args.samples or SAMPLES)]
    for option in ("epoch", "weights", "budgets", "mxnet_python", "reference"):
        value = getattr(args, option)
        if value not in (None, 0, "auto"):
            words += [f"--{option.replace('_', '-')}", str(value)]
    return shlex.join(words)


def given_of(args: argparse.Namespace) -> Dict[str, Shape]:
    """Shapes of inputs as they were stated: now, or for the recording."""
    from ..recording.file import given_inputs

    for option in ("seed", "samples") if args.image else ():
        if getattr(args, option) is not None:
            raise UsageError(f"--{option} and --image: pictures are not drawn. Leave one out.")
    if not args.reference:
        return parse_inputs(args.input)
    for option in ("seed", "samples", "input", "image", "mxnet_python"):
        if getattr(args, option) not in (None, []):
            raise UsageError(
                f"--{option.replace('_', '-')} and --reference: the recording has its own inputs, "
                "and no MXNet is run. Leave one of the two out."
            )
    return given_inputs(Path(args.reference))


def budgets_of(args: argparse.Namespace) -> Budgets:
    """The user's rows, if there are any."""
    try:
        return load_budgets(Path(args.budgets)) if args.budgets else Budgets()
    except ValueError as error:
        raise UsageError(f"--budgets {error}") from None
