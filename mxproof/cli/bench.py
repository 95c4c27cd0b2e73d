"""Convert models and time a pass in MXNet, onnxruntime and PyTorch: each in a process of its own,
warm, taking turns within one run. Other work on the machine moves all times, so compare ratios, and
those of one run. With --against, decide for each converted model whether it is slower than that:
pass, fail or inconclusive; exit code 1 if one fails."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from converters.progress import report
from mxproof.zoo.models import ZOO

from ..benchmark.control import Control, control_of
from ..benchmark.converted_model import ConvertedModel, convert_model
from ..benchmark.decision import FAIL, TestPlan, require_extra
from ..benchmark.environment import cores, cpu, environment
from ..benchmark.gate import Benchmark, overall
from ..benchmark.gate import run as run_benchmarks
from ..benchmark.side_by_side import SECONDS, measure, ratios_to_mxnet, rows_of
from ..benchmark.timing import RUNTIMES
from ..errors import UsageError
from ..model import WEIGHTS, load_for_run, parse_inputs
from ..reports.sheet import Sheet
from . import common

MINUTES = 10.0
#: Compiling takes a C++ compiler, and a minute a setting; users get the first form of a target.
SHOWN, DECIDED = RUNTIMES[:-1], ("onnxruntime", "pytorch")
THREADS = (None, 1)
Row = Dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    model_options(parser)
    parser.add_argument(
        "--against",
        metavar="PYTHON|FILE.json|mxnet",
        help="decide whether models are slower: than in another Python's runtimes (with files that "
        "its mxproof converts, if it has one), than MXNet, or, beside MXNet, than an earlier "
        "`--against mxnet --json FILE.json` on this machine",
    )
    parser.add_argument(
        "--batch",
        type=partial(_numbers, word=None),
        metavar="N[,N…]",
        help="without --against: batch sizes, as multiples of the input's (default: 1 and 8; 1 and "
        "2 for clips; 1 if the network fixes its batch size)",
    )
    parser.add_argument(
        "--threads",
        type=partial(_numbers, word="all"),
        metavar="N[,N…]",
        help="without --against: numbers of threads; all leaves the number to each runtime: one a "
        "core, and MXNet half of that (default: all,1)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS,
        help=f"without --against: for each setting (default: {SECONDS:g})",
    )
    parser.add_argument(
        "--fuse", action="store_true", help="fold batch norms, as `mxproof convert --fuse` does"
    )
    common.table_options(parser)


def model_options(parser: argparse.ArgumentParser) -> None:
    """Which models are timed, where, and for how long they may be decided about."""
    text = f"{common.PREFIX} (default: these six)"
    parser.add_argument("checkpoints", metavar="CHECKPOINT", nargs="*", help=text)
    common.reading_options(parser)
    parser.add_argument(
        "--runtime",
        action="append",
        choices=RUNTIMES,
        help=f"repeat for several (default: {', '.join(SHOWN)}; {' and '.join(DECIDED)} to decide "
        "about). pytorch-compiled needs a C++ compiler, and a minute the first time",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=MINUTES,
        help=f"for all decisions (default: {MINUTES:g}); clear cases take less",
    )
    common.mxnet_python(parser)


def _numbers(text: str, word: Optional[str]) -> List[Optional[int]]:
    """ "1,8" -> [1, 8]; the word is None."""
    return [None if word and part == word else common.count(part, 1) for part in text.split(",")]


def converted_models(
    args: argparse.Namespace, folder: Path, *, fused: bool = False
) -> List[ConvertedModel]:
    """The models, converted, each in a folder of its own."""
    found = []
    for number, checkpoint in enumerate(dict.fromkeys(args.checkpoints or ZOO)):
        report(f"converting {checkpoint}")
        subject = load_for_run(checkpoint, parse_inputs(args.input), **common.reading(args))
        found.append(convert_model(subject, folder / str(number), fused=fused))
    return found


def run(args: argparse.Namespace) -> int:
    if args.against and (args.batch or args.threads):
        raise UsageError(
            "--against decides at batch size one on all cores, so leave out --batch "
            "and --threads, or --against."
        )
    if args.json or args.against:
        require_extra()
    options = common.words_of("bench", args, "input_type", "output", "fuse")
    control = control_of(args.against, args.mxnet_python, options) if args.against else None
    with common.progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        models = converted_models(args, Path(folder), fused=args.fuse)
        results = decided(args, models, control) if control else side_by_side(args, models)
    rows, decisions = results["runs"], results.get("decisions", [])
    record = args.json and {
        "schema": 1,
        "models": {model.name: model.subject.weights for model in models},
        "fused": args.fuse,
        "environment": environment(versions_of(rows, "candidate")),
        "control": versions_of(rows, "control"),
        "ratio_to_mxnet": ratios_to_mxnet(rows),
        **results,
    }
    sheet = decision_table(decisions) if args.against else time_table(rows)
    random = [model.name for model in models if model.subject.weights == "seeded"]
    if random:
        sheet = replace(sheet, title=f"{sheet.title}; {WEIGHTS['seeded']}: {', '.join(random)}")
    common.show_tables(args, record, [sheet])
    slower = [
        f"{row['name']}: {row['ratio']:.3f} times as long as expected ({row['low']:.3f} to "
        f"{row['high']:.3f}). `python -m lab bisect` finds the cause."
        for row in decisions
        if row["verdict"] == FAIL
    ]
    common.say(*slower, stderr=True)
    return common.FAILED if results.get("verdict") == FAIL else common.PROVEN


def side_by_side(args: argparse.Namespace, models: Sequence[ConvertedModel]) -> Row:
    """Every runtime in every setting."""
    timed = partial(
        measure,
        runtimes=list(dict.fromkeys(args.runtime or SHOWN)),
        batches=args.batch or (),
        threads=args.threads or THREADS,
        given=parse_inputs(args.input),
        seconds=args.seconds,
        mxnet_python=args.mxnet_python,
    )
    return {"runs": [row for model in models for row in timed(model)]}


def decided(args: argparse.Namespace, models: Sequence[ConvertedModel], control: Control) -> Row:
    """Each model in each runtime against the control."""
    plan = TestPlan(comparisons=len(models) * len(set(args.runtime or DECIDED)))
    benchmarks = benchmarks_of(args, models, control, plan)
    for benchmark in benchmarks if control.baseline else ():
        if benchmark.plan == plan:
            common.say(
                f"--against {args.against}: has no {benchmark.name} of this input on this machine "
                f"({cpu()}, {cores()} cores), so it may be as slow as MXNet.",
                stderr=True,
            )
    run_benchmarks(benchmarks, 60 * args.minutes)
    decisions = [benchmark.to_json() for benchmark in benchmarks]
    return {
        "plan": asdict(plan),
        "verdict": overall(row["verdict"] for row in decisions),
        "decisions": decisions,
        "runs": [row for benchmark in benchmarks for row in rows_of(benchmark)],
    }


def benchmarks_of(
    args: argparse.Namespace, models: Sequence[ConvertedModel], control: Control, plan: TestPlan
) -> List[Benchmark]:
    """One for each model and runtime.

    Raises:
        UsageError: MXNet is to be decided about.
    """
    if "mxnet" in (args.runtime or ()):
        raise UsageError(
            "--runtime mxnet: only converted models are decided about. Choose from "
            f"{', '.join(RUNTIMES[1:])}."
        )
    runtimes, given = dict.fromkeys(args.runtime or DECIDED), parse_inputs(args.input)
    pairs = product(models, runtimes)
    return [control.benchmark(model, runtime, plan, given) for model, runtime in pairs]


def versions_of(rows: Sequence[Row], side: str) -> Dict[str, str]:
    """What the candidates ran with, or their controls."""
    chosen = [row["versions"] for row in rows if row.get("side", "candidate") == side]
    return {name: version for versions in chosen for name, version in versions.items()}


def time_table(rows: Sequence[Row]) -> Sheet:
    columns = (
        "model runtime batch threads median_ms:.1f min_ms:.1f ratio_to_mxnet:.2f rounds "
        "convert_seconds:.2f load_seconds:.2f file_mb:.0f peak_mb:.0f"
    )
    sizes = ("file_mb", "file_bytes"), ("peak_mb", "peak_bytes")
    shown = [
        {**row, "threads": row["threads"] or "all", **{mb: row[key] / 1e6 for mb, key in sizes}}
        for row in rows
    ]
    return table("A pass, and what else it takes", columns, shown)


def decision_table(rows: Sequence[Row]) -> Sheet:
    controls = ", ".join(dict.fromkeys(row["control"] for row in rows))
    columns = "name verdict ratio:.3f low:.3f high:.3f rounds seconds:.0f more_rounds others:.0%"
    return table(f"Latency against {controls}", columns, rows)


def table(title: str, columns: str, rows: Sequence[Row]) -> Sheet:
    """A table of rows.

    Args:
        columns: keys of a row, each perhaps with a format: "runtime median_ms:.1f". A cell whose
            value is None stays empty.
    """
    forms = [column.partition(":")[::2] for column in columns.split()]
    cells = [
        tuple("" if row[key] is None else format(row[key], form) for key, form in forms)
        for row in rows
    ]
    return Sheet(title, tuple(key.replace("_", " ") for key, _ in forms), cells)
