"""Convert, run MXNet and the converted models on the same input, and compare every layer: in
float64 to 1e-12, in float32 to MXNet's own precision. Needs MXNet (in this or another interpreter)
or what `mxproof record` kept of it, onnxruntime and PyTorch."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from converters import Graph
from converters.ir.shapes import Shape
from converters.progress import report

from ..benchmark.side_by_side import latencies
from ..errors import UsageError
from ..model import Model, load_for_run
from ..proof.proof import Proof
from ..proof.reference import SAMPLES
from ..proof.tolerance import Budgets, load_budgets
from ..reports.page import markdown, page, today
from ..reports.record import proof_record
from ..reports.templates import require_jinja
from ..reports.terminal import layer_sheet, lost_in, proof_table, require_layers
from ..runtimes.base import RuntimeFailure
from ..runtimes.registry import TARGETS
from ..verification import reference_for
from . import common
from .common import say
from .input_options import inputs_of, stated_shapes
from .picture_options import preprocessing

if TYPE_CHECKING:
    from ..proof.reference import Reference
    from ..reproducers.folder import Folder


def add_options(parser: argparse.ArgumentParser) -> None:
    common.targets(parser)
    common.common(parser)
    common.sampling(parser, str(SAMPLES))
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
    text = "judge by what `mxproof record` wrote there, on its inputs, without MXNet"
    parser.add_argument("--reference", metavar="FILE", help=text)
    parser.add_argument(
        "--repro",
        metavar="DIR",
        help="where the proof fails, write the smallest thing that still fails there: the layer "
        "cut out of the converted file, its inputs, and a pytest file that needs no MXNet",
    )
    preprocessing(parser, files=True)


def run(args: argparse.Namespace) -> int:
    from ..proof.verify import verify
    from ..reproducers.folder import Folder

    repro = Folder(Path(args.repro)) if args.repro else None
    given = given_of(args)
    budgets = budgets_of(args)
    with common.progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as name:
        report(f"reading {args.checkpoint}")
        folder = Path(name)
        subject = load_for_run(args.checkpoint, given, **common.reading(args))
        if args.layers:
            require_layers(subject.graph, args.layers)
        with reference_for(
            subject,
            given,
            **common.drawn(args),
            inputs=inputs_of(args, subject),
            reference=Path(args.reference) if args.reference else None,
        ) as evidence:
            proof = verify(subject, common.targets_of(args), evidence, folder, budgets=budgets)
            reproducers = reproduced(args, proof, subject.graph, folder, evidence, repro)
        proof = with_latency(args, subject, proof, folder)
    reference = Path(args.reference).name if args.reference else proof.reference
    proof = replace(proof, reference=reference, command=again(args, args.to or ()))
    write_reports(args, proof)
    console = common.console_of(args)
    for name, target in proof.targets.items() if args.layers else ():
        for comparison in target.comparisons.values():
            console.print(layer_sheet(proof.model, name, comparison, args.layers))
    console.print(proof_table(proof))
    say(*lost_in(proof), quiet=args.quiet)
    for target in proof.targets.values():
        say(*target.explain(proof.model), stderr=True)
    say(*reproducers, *proof.problems, stderr=True)
    return common.PROVEN if proof.passed else common.FAILED


def reproduced(
    args: argparse.Namespace,
    proof: Proof,
    graph: Graph,
    converted: Path,
    evidence: Reference,
    repro: Optional[Folder],
) -> List[str]:
    """What ends the message of a failed proof: how to replay it, or how to get what can be."""
    from ..reproducers import reproduce

    failed = [target for target, result in proof.targets.items() if not result.passed]
    if not failed:
        return []
    if repro is None:
        return [f"for a reproducer: {again(args, failed)} --repro repro"]
    commands = {target: again(args, [target]) for target in failed}
    return list(map(str, reproduce(proof, graph, converted, evidence, repro, commands)))


def again(args: argparse.Namespace, targets: Sequence[str], **stated: Any) -> str:
    """The `mxproof verify` of this run, for these targets alone; it states what is drawn."""
    chosen = ("reference", "image", "npz")
    if not any(getattr(args, option, None) for option in chosen):
        stated = {**common.drawn(args), **stated}
    return common.command_line("verify", args, to=list(targets) or None, **stated)


def given_of(args: argparse.Namespace) -> Dict[str, Shape]:
    """Shapes of inputs as they were stated: now, or for the recording."""
    from ..recording.file import given_inputs

    if not args.reference:
        return stated_shapes(args)
    options = ("seed", "samples", "input", "image", "npz", "input_range", "mxnet_python")
    for option in options:
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


def report_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", metavar="FILE", help="write the whole record there")
    parser.add_argument(
        "--html",
        metavar="FILE",
        type=report_file,
        help="write a page to look at there, in one file that needs nothing else: verdict, plots, "
        "all layers, and latencies, which take some seconds more",
    )
    parser.add_argument(
        "--markdown",
        metavar="FILE",
        type=report_file,
        help="write a summary there, as for a CI job's page",
    )
    parser.add_argument(
        "--latency",
        action="store_true",
        help="measure how long a pass takes in each runtime, for the reports (--html does it too)",
    )


def report_file(path: str) -> str:
    """A path, if what is written there can be: that is known before the work."""
    try:
        require_jinja()
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return path


def with_latency(args: argparse.Namespace, subject: Model, proof: Proof, folder: Path) -> Proof:
    """The proof, with latencies if they were requested; a wrong model is not measured.

    Args:
        folder: of the converted files.
    """
    passed = [target for target, result in proof.targets.items() if result.passed]
    if not (args.html or args.latency) or not passed:
        return proof

    report(f"{subject.name}: measuring latency")
    paths = {t: folder / f"{subject.graph.name}{TARGETS[t].suffix}" for t in passed}
    mxnet = [] if args.reference else ["mxnet"]
    try:
        found = latencies(subject, paths, mxnet, proof.shapes, args.mxnet_python)
    except RuntimeFailure as error:
        say(f"latencies were not measured: {error}", stderr=True)
        return proof
    return replace(proof, latency=found)


def write_reports(args: argparse.Namespace, proof: Proof) -> None:
    """Write every file that was requested, each whole or not at all."""
    record = proof_record(proof)
    common.write_text(args.json, json.dumps(record, indent=1))
    if args.html:
        common.write_text(args.html, page([record], made=today()))
    if args.markdown:
        common.write_text(args.markdown, markdown([record]))
