"""What `verify` leaves to look at: options for it, and the files."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Optional, Sequence, Tuple

from converters.progress import report

from ..benchmark.timing import latencies
from ..proof import Proof
from ..runtimes.base import RuntimeFailure
from ..subject import Subject
from .common import say, write_text


def report_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", metavar="FILE", help="write the whole record there")
    parser.add_argument(
        "--html",
        metavar="FILE",
        help="write a page to look at there, in one file that needs nothing else: verdict, plots, "
        "all layers, and latencies, which take some seconds more",
    )
    parser.add_argument(
        "--markdown", metavar="FILE", help="write a summary there, as for a CI job's page"
    )
    parser.add_argument(
        "--latency",
        action="store_true",
        help="measure how long a pass takes in each runtime, for the reports (--html does it too)",
    )


def with_latency(args: argparse.Namespace, subject: Subject, proof: Proof, folder: Path) -> Proof:
    """The proof, with latencies if they are asked for; what is wrong is not measured.

    Args:
        folder: of the converted files.
    """
    passed = [target for target, result in proof.targets.items() if result.passed]
    if not (args.html or args.latency) or not passed:
        return proof
    from ..repro.writer import SUFFIXES

    report(f"{subject.name}: measuring latency")
    paths = {t: folder / f"{subject.graph.name}{SUFFIXES[t]}" for t in passed}
    inputs = subject.inputs(dict(proof.shapes), args.seed or 0)
    try:
        checkpoint = None if args.reference else (subject.prefix, subject.epoch)
        found = latencies(paths, inputs, checkpoint, mxnet_python=args.mxnet_python)
    except RuntimeFailure as error:
        say(f"latencies were not measured: {error}", stderr=True)
        return proof
    return replace(proof, latency=found)


def write_reports(args: argparse.Namespace, proof: Proof) -> None:
    """Every file that was asked for, each whole or not at all."""
    from ..report.markdown import markdown
    from ..report.page import page

    record = proof.to_json()
    made = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    texts: Sequence[Tuple[Optional[str], Callable[[], str]]] = (
        (args.json, lambda: json.dumps(record, indent=1)),
        (args.html, lambda: page([record], made=made)),
        (args.markdown, lambda: markdown([record])),
    )
    for path, text in texts:
        if path:
            write_text(path, text())
