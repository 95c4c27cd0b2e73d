"""The reports of `verify`: options and files."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from converters.progress import report

from ..benchmark.side_by_side import latencies
from ..proof import Proof
from ..report.page import markdown, page, today
from ..report.templates import require_jinja
from ..runtimes.base import RuntimeFailure
from ..subject import Subject, UsageError
from .common import say, write_text


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


def with_latency(args: argparse.Namespace, subject: Subject, proof: Proof, folder: Path) -> Proof:
    """The proof, with latencies if they were requested; a wrong model is not measured.

    Args:
        folder: of the converted files.
    """
    passed = [target for target, result in proof.targets.items() if result.passed]
    if not (args.html or args.latency) or not passed:
        return proof

    from ..repro.writer import SUFFIXES

    report(f"{subject.name}: measuring latency")
    paths = {t: folder / f"{subject.graph.name}{SUFFIXES[t]}" for t in passed}
    mxnet = [] if args.reference else ["mxnet"]
    try:
        found = latencies(subject, paths, mxnet, proof.shapes, args.mxnet_python)
    except RuntimeFailure as error:
        say(f"latencies were not measured: {error}", stderr=True)
        return proof
    return replace(proof, latency=found)


def write_reports(args: argparse.Namespace, proof: Proof) -> None:
    """Write every file that was requested, each whole or not at all."""
    record = proof.to_json()
    if args.json:
        write_text(args.json, json.dumps(record, indent=1))
    if args.html:
        write_text(args.html, page([record], made=today()))
    if args.markdown:
        write_text(args.markdown, markdown([record]))
