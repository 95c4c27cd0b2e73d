"""`python -m lab calibrate`."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from mxproof.benchmark.latency import Plan
from mxproof.benchmark.lineup import Lineup
from mxproof.benchmark.timing import Side
from mxproof.cli.common import (
    FAILED,
    PROVEN,
    console_of,
    count,
    progress_of,
    say,
    writable,
    write_text,
)
from mxproof.cli.gate import gate_options, line_of_benchmarks, lineups_of
from mxproof.environment import environment
from mxproof.report.sheet import Sheet

from .calibration import VERDICTS, Rate, Trial, nights, rates, sensitivity

TRIALS = 40
SLOWDOWNS = [0.0, 0.02, 0.05, 0.1, 0.2]
#: Benchmarks that share a night: six models in two runtimes.
NIGHT = 12


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "calibrate",
        help="how often the latency gate finds a slowdown that is known, and a false one",
        description="Try the gate: decide about models that are slowed down by a known share, and "
        "about such as are not, each time anew, with all that a decision of a night takes. Prints "
        "how often it failed, and how small a slowdown each benchmark shows.",
    )
    gate_options(parser)
    parser.add_argument(
        "--trials",
        type=partial(count, least=1),
        default=TRIALS,
        metavar="N",
        help=f"decisions for each slowdown (default: {TRIALS})",
    )
    parser.add_argument(
        "--slowdown",
        type=_shares,
        default=SLOWDOWNS,
        metavar="%[,%…]",
        help="in percent; 0 is none, and what fails then is a false alarm (default: "
        f"{','.join(f'{100 * share:g}' for share in SLOWDOWNS)})",
    )
    parser.add_argument(
        "--most-false-alarms",
        type=float,
        metavar="SHARE",
        help="exit code 1 if a larger share of the decisions without a slowdown failed",
    )
    parser.add_argument(
        "--least-found",
        type=_expectation,
        action="append",
        default=[],
        metavar="%=SHARE",
        help="exit code 1 if a smaller share of this slowdown was found, e.g. 10=0.95",
    )
    parser.add_argument("--json", metavar="FILE", help="write all decisions and times there")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there")
    parser.set_defaults(run=run)


def _shares(text: str) -> List[float]:
    return [_share(part) for part in text.split(",")]


def _share(text: str) -> float:
    """Percent -> share."""
    try:
        share = float(text) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share <= 10:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage of 0 to 1000")
    return share


def _expectation(text: str) -> Tuple[float, float]:
    slowdown, _, least = text.partition("=")
    try:
        return _share(slowdown), float(least)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: say e.g. 10=0.95") from None


def run(args: argparse.Namespace) -> int:
    writable(args, "json", "markdown")
    seconds = 60 * args.minutes / NIGHT
    plan = Plan(comparisons=NIGHT, seconds=seconds)
    found: List[Trial] = []
    with progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        lineups = lineups_of(args, Path(folder))
        benchmarks = line_of_benchmarks(args, lineups, Itself())
        for night in nights(benchmarks, args.slowdown, args.trials, plan):
            found += night  # hours: what is known is written at once
            write_text(args.json, json.dumps(record(found, plan), indent=1))
    tables, effects = [rate_sheet(rates(found))], sensitivity(found, plan)
    if effects:
        tables.append(effect_sheet(effects))
    write_text(args.markdown, "\n\n".join(table.markdown() for table in tables) + "\n")
    for table in tables:
        console_of(args).print(table.terminal())
    problems = disappointments(rates(found), args.most_false_alarms, args.least_found)
    for problem in problems:
        say(problem, stderr=True)
    return FAILED if problems else PROVEN


class Itself:
    """A control that is the candidate's own file in its own runtime."""

    name = "itself"

    def side(self, lineup: Lineup, runtime: str) -> Side:
        return lineup.side(runtime)


def record(found: List[Trial], plan: Plan) -> Dict[str, Any]:
    return {
        "schema": 1,
        "environment": environment(found[0].versions),
        "plan": asdict(plan),
        "rates": [rate.to_json() for rate in rates(found)],
        "detectable": sensitivity(found, plan),
        "trials": [asdict(trial) for trial in found],
    }


def rate_sheet(results: Sequence[Rate]) -> Sheet:
    headings = ("slowdown", "decisions", *VERDICTS, "found", "95 % interval", "median s")
    rows = []
    for rate in results:
        low, high = rate.interval()
        rows.append(
            (
                f"{100 * rate.slowdown:g} %",
                str(len(rate.found)),
                *(str(rate.count(verdict)) for verdict in VERDICTS),
                f"{100 * rate.share:.1f} %",
                f"{100 * low:.1f} to {100 * high:.1f} %",
                f"{rate.median_seconds:.0f}",
            )
        )
    return Sheet("Slowdowns found", headings, rows)


def effect_sheet(effects: Mapping[str, float]) -> Sheet:
    rows = [(name, f"{100 * effect:.1f} %") for name, effect in effects.items()]
    return Sheet("Found in four nights of five", ("benchmark", "slowdown"), rows)


def disappointments(
    results: Sequence[Rate], most: Optional[float], least: Sequence[Tuple[float, float]]
) -> List[str]:
    """Sentences on rates that are not as they were to be.

    Args:
        most: share of false alarms that is allowed.
        least: (slowdown, share of it that is to be found).
    """
    by_slowdown = {rate.slowdown: rate for rate in results}
    problems = []
    clean = by_slowdown.get(0.0)
    if most is not None and (clean is None or clean.share > most):
        what = "no decision was without" if clean is None else f"{clean.share:.3f} of those without"
        problems.append(f"{what} a slowdown failed; allowed: {most:g}.")
    for slowdown, share in least:
        rate = by_slowdown.get(slowdown)
        if rate is None or rate.share < share:
            found = "not tried" if rate is None else f"found in {rate.share:.3f} of its trials"
            problems.append(f"{100 * slowdown:g} % slower: {found}; demanded: {share:g}.")
    return problems
