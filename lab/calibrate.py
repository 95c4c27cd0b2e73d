"""Let the gate decide about models that are slowed down by a known percentage, and about models
that are not, each time with new processes. Prints how often it failed them. Exit code 1 if more
than 0.5 % of the trials without a slowdown failed, less than 80 % of those with 5 %, or less than
95 % of those with 10 %."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import asdict, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

from converters.progress import part_of
from mxproof.benchmark.control import Control
from mxproof.benchmark.converted_model import ConvertedModel
from mxproof.benchmark.decision import FAIL, INCONCLUSIVE, PASS, TestPlan
from mxproof.benchmark.environment import environment
from mxproof.benchmark.gate import Benchmark
from mxproof.benchmark.gate import run as decide_all
from mxproof.cli import common
from mxproof.cli.bench import benchmarks_of, converted_models, model_options, table

#: A trial is a whole decision, with processes of its own, of a converted file against itself,
#: the candidate slowed down by a known fraction. Without a slowdown, `fail` is a false alarm.
#: Benchmarks are decided together, as in a nightly run: clear ones leave their time to the others.
TRIALS = 40
SLOWDOWNS = [0.0, 0.02, 0.05, 0.1, 0.2]
#: Benchmarks that share a nightly run's minutes: six models in two runtimes.
NIGHTLY = 12
#: Slowdown -> (least, greatest) fraction of its trials that may fail. What the gate promises.
BARS = {0.0: (0.0, 0.005), 0.05: (0.8, 1.0), 0.1: (0.95, 1.0)}
Row = Dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    model_options(parser)
    parser.add_argument(
        "--trials",
        type=common.positive,
        default=TRIALS,
        metavar="N",
        help=f"decisions for each slowdown (default: {TRIALS})",
    )
    parser.add_argument(
        "--slowdown",
        type=_fractions,
        default=SLOWDOWNS,
        metavar="%[,%…]",
        help="in percent; with 0, whatever fails is a false alarm (default: "
        f"{','.join(f'{100 * fraction:g}' for fraction in SLOWDOWNS)})",
    )
    common.table_options(parser)


def _fractions(text: str) -> List[float]:
    """Percentages -> fractions."""
    try:
        found = [float(part) / 100 for part in text.split(",")]
    except ValueError:
        found = [-1.0]
    if not all(0 <= fraction <= 10 for fraction in found):
        raise argparse.ArgumentTypeError(f"{text!r}: give percentages from 0 to 1000, e.g. 0,5,10")
    return found


def run(args: argparse.Namespace) -> int:
    plan = TestPlan(comparisons=NIGHTLY)
    trials: List[Row] = []
    with common.progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        models = converted_models(args, Path(folder))
        benchmarks = benchmarks_of(args, models, Control("itself", ConvertedModel.target), plan)
        seconds = 60 * args.minutes / NIGHTLY
        for together in measured(benchmarks, args.slowdown, args.trials, seconds):
            trials += [trial(benchmark) for benchmark in together]
            record = {
                "schema": 1,
                "environment": environment(together[0].processes["control"]["versions"]),
                "plan": asdict(plan),
                "rates": rates(trials),
                "trials": trials,
            }
            common.write_text(args.json, json.dumps(record))  # hours pass: keep what is known
    columns = (
        f"slowdown:.0% trials {PASS} {FAIL} {INCONCLUSIVE} share_failed:.1% low:.1% high:.1% "
        "median_seconds:.0f"
    )
    common.show_tables(args, record, [table("Slowdowns found", columns, rates(trials))])
    problems = missed_bars(rates(trials))
    common.say(*problems, stderr=True)
    return common.FAILED if problems else common.PROVEN


def measured(
    benchmarks: Sequence[Benchmark], slowdowns: Sequence[float], count: int, seconds: float
) -> Iterator[List[Benchmark]]:
    """Decide `count` times about each slowdown; yields what was decided together.

    The benchmarks take turns, and the slowdowns alternate, so that a noisy hour of the machine is
    in all of them.

    Args:
        seconds: one benchmark's share of the time.
    """
    sources, size = list(islice(cycle(benchmarks), count)), len(benchmarks)
    for begin in range(0, count, size):
        for number, slowdown in enumerate(slowdowns):
            done = begin * len(slowdowns) + number
            slowed = [(b, replace(b.control, slowdown=slowdown)) for b in sources[begin:][:size]]
            together = [
                replace(b, candidate=candidate, process_pairs=[], processes={})
                for b, candidate in slowed
            ]
            with part_of(f"{100 * slowdown:g} % slower: ", done, count * len(slowdowns)):
                decide_all(together, seconds * len(together))
            yield together


def trial(benchmark: Benchmark) -> Row:
    """One decision, for the record."""
    about = {"benchmark": benchmark.name, "slowdown": benchmark.candidate.slowdown}
    return {**about, **asdict(benchmark.decision()), "seconds": benchmark.seconds}


def rates(trials: Sequence[Row]) -> List[Row]:
    """By slowdown: how often each verdict was given. `low` and `high` bound the share of `fail`
    with 95 % confidence (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    from scipy import stats

    found = []
    for slowdown in sorted({trial["slowdown"] for trial in trials}):
        own = [trial for trial in trials if trial["slowdown"] == slowdown]
        counts = {v: sum(t["verdict"] == v for t in own) for v in (PASS, FAIL, INCONCLUSIVE)}
        interval = stats.binomtest(counts[FAIL], len(own)).proportion_ci(method="wilson")
        row = {"slowdown": slowdown, "trials": len(own), **counts}
        row.update(share_failed=counts[FAIL] / len(own), low=interval.low, high=interval.high)
        found.append({**row, "median_seconds": statistics.median(t["seconds"] for t in own)})
    return found


def missed_bars(results: Sequence[Row]) -> List[str]:
    """A sentence for each slowdown that failed more or less often than it should."""
    return [
        f"{100 * row['slowdown']:g} % slower: {100 * row['share_failed']:.1f} % of {row['trials']} "
        f"trials failed; required: {100 * least:g} to {100 * greatest:g} %."
        for row in results
        for least, greatest in [BARS.get(row["slowdown"], (0.0, 1.0))]
        if not least <= row["share_failed"] <= greatest
    ]
