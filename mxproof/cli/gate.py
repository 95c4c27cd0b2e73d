"""`mxproof gate`."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from converters.progress import report
from fixtures.zoo import ZOO

from ..benchmark.control import Control, control_of
from ..benchmark.gate import Benchmark, expecting, verdict
from ..benchmark.gate import run as run_benchmarks
from ..benchmark.latency import FAIL, Plan
from ..benchmark.lineup import Lineup, line_up
from ..environment import environment
from ..report.sheet import Sheet
from ..subject import UsageError, load_for_run, parse_inputs
from .bench import RUNTIMES
from .common import (
    FAILED,
    PREFIX,
    PROVEN,
    console_of,
    mxnet_python,
    progress_of,
    reading,
    reading_options,
    say,
    words_of,
    writable,
    write_text,
)

MINUTES = 10.0
JUDGED = ("onnxruntime", "pytorch")


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "gate",
        help="is a converted model slower than it was? decided through noise",
        description="Time each converted model against its control, in the same run and in turn, "
        "until it is clear whether it is slower: pass, fail, or inconclusive. The control is the "
        "same model in the runtimes of another Python (--control-python: the environment of the "
        "last green night), or MXNet. Exit code 1 if one fails.",
    )
    gate_options(parser)
    parser.add_argument(
        "--control-python",
        metavar="PATH",
        help="the Python whose runtimes are the control; if it has an mxproof, its files too. "
        "Without it the control is MXNet",
    )
    parser.add_argument(
        "--baseline",
        metavar="FILE",
        help="what --json wrote on a green night: the ratio to MXNet that is to be kept. Without "
        "it a model may be as slow as MXNet",
    )
    parser.add_argument("--json", metavar="FILE", help="write the decisions and all times there")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there")
    parser.set_defaults(run=run)


def gate_options(parser: argparse.ArgumentParser) -> None:
    """What is timed, and for how long."""
    parser.add_argument(
        "checkpoints", metavar="MODEL", nargs="*", help=f"{PREFIX} (default: all of these)"
    )
    reading_options(parser)
    parser.add_argument(
        "--runtime",
        action="append",
        choices=RUNTIMES[1:],
        help=f"repeat for several (default: {' and '.join(JUDGED)})",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=MINUTES,
        help=f"for all of it (default: {MINUTES:g}); clear cases take less",
    )
    mxnet_python(parser)


def run(args: argparse.Namespace) -> int:
    writable(args, "json", "markdown")
    baseline = of_this_machine(read_baseline(args.baseline))
    with progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        lineups = lineups_of(args, Path(folder))
        options = words_of(args, "input_type", "output")
        control = control_of(args.control_python, args.mxnet_python, options)
        benchmarks = line_of_benchmarks(args, lineups, control, baseline)
        plan = Plan(comparisons=len(benchmarks))
        run_benchmarks(benchmarks, plan, 60 * args.minutes)
    rows = [benchmark.to_json(plan) for benchmark in benchmarks]
    record = {
        "schema": 1,
        "environment": environment(_versions(benchmarks, "candidate")),
        "control": environment(_versions(benchmarks, "control")),
        "weights": lineups[0].subject.weights,
        "plan": {"tolerated": plan.tolerated, "slower": plan.slower, "risk": plan.risk},
        "benchmarks": rows,
        "verdict": verdict(row["verdict"] for row in rows),
    }
    write_text(args.json, json.dumps(record, indent=1))
    table = sheet(rows)
    write_text(args.markdown, table.markdown() + "\n")
    console_of(args).print(table.terminal())
    for row in rows:
        if row["verdict"] == FAIL:
            say(
                f"{row['name']}: {row['ratio']:.3f} times as long as expected "
                f"({row['low']:.3f} to {row['high']:.3f}). `python -m lab bisect` finds the cause.",
                stderr=True,
            )
    return FAILED if record["verdict"] == FAIL else PROVEN


def lineups_of(args: argparse.Namespace, folder: Path) -> List[Lineup]:
    """The models, converted, each in a folder of its own."""
    found = []
    for number, checkpoint in enumerate(dict.fromkeys(args.checkpoints or ZOO)):
        report(f"converting {checkpoint}")
        subject = load_for_run(checkpoint, parse_inputs(args.input), **reading(args))
        found.append(line_up(subject, folder / str(number)))
    return found


def line_of_benchmarks(
    args: argparse.Namespace,
    lineups: Sequence[Lineup],
    control: Control,
    baseline: Optional[Dict[str, Any]] = None,
) -> List[Benchmark]:
    """Each model in each runtime, on all cores, batch size one."""
    return [
        expecting(
            Benchmark(
                lineup.subject.name,
                lineup.side(runtime),
                control.side(lineup, runtime),
                lineup.inputs(given=parse_inputs(args.input) or lineup.subject.gate_shapes),
                control.name,
            ),
            baseline,
        )
        for lineup in lineups
        for runtime in dict.fromkeys(args.runtime or JUDGED)
    ]


def read_baseline(path: Optional[str]) -> Optional[Dict[str, Any]]:
    """
    Raises:
        UsageError: it is no record of this command.
    """
    if path is None:
        return None
    try:
        record: Dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        for row in record["benchmarks"]:
            float(row["measured"]), float(row["error"])
            row["name"], row["control"], row["input"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"--baseline {path}: not written by `mxproof gate --json` ({error!r}). Name a file "
            "that was."
        ) from None
    return record


def of_this_machine(baseline: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """The baseline, or None: another processor has other ratios, and that is nobody's fault."""
    if baseline is None:
        return None
    here, there = environment({}), baseline.get("environment", {})
    for part in ("cpu", "cores"):
        if there.get(part) != here[part]:
            say(
                f"--baseline: measured where {part} is {there.get(part)}, here it is "
                f"{here[part]}: not used, a model may be as slow as MXNet.",
                stderr=True,
            )
            return None
    return baseline


def _versions(benchmarks: Sequence[Benchmark], side: str) -> Dict[str, str]:
    return {n: v for b in benchmarks for n, v in b.versions.get(side, {}).items()}


def sheet(rows: Sequence[Dict[str, Any]]) -> Sheet:
    headings = ("benchmark", "verdict", "ratio", "interval", "rounds", "s", "more rounds", "others")
    return Sheet(
        "Latency against " + ", ".join(dict.fromkeys(row["control"] for row in rows)),
        headings,
        [
            (
                row["name"],
                row["verdict"],
                f"{row['ratio']:.3f}",
                f"{row['low']:.3f} to {row['high']:.3f}",
                str(row["rounds"]),
                f"{row['seconds']:.0f}",
                "" if row["more_rounds"] is None else str(row["more_rounds"]),
                f"{100 * row['others']:.0f} %",
            )
            for row in rows
        ],
    )
