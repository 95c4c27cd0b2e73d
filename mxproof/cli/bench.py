"""`mxproof bench`."""

from __future__ import annotations

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

from converters.progress import report

from ..benchmark.bench import SECONDS, Run, bench, first_setting, ratios
from ..benchmark.lineup import Lineup, line_up
from ..benchmark.timing import FORMS, USUAL
from ..environment import environment
from ..report.sheet import Sheet
from ..subject import load_for_run, parse_inputs
from .common import (
    PROVEN,
    common,
    console_of,
    count,
    mxnet_python,
    progress_of,
    reading,
    writable,
    write_text,
)

RUNTIMES = ("mxnet", *(form for forms in FORMS.values() for form in forms))


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "bench",
        help="how long a pass takes in MXNet and in each runtime",
        description="Convert a model, and time a pass in MXNet, onnxruntime and PyTorch: each in "
        "a process of its own, in random turns within one run, warm, by batch size and number of "
        "threads. Compare ratios, and those of one run: other work on the machine moves all times.",
    )
    common(parser)
    parser.add_argument(
        "--runtime",
        action="append",
        choices=RUNTIMES,
        help=f"repeat for several (default: {', '.join(USUAL)}). pytorch-compiled takes a C++ "
        "compiler, and a minute the first time",
    )
    parser.add_argument(
        "--batch",
        type=partial(_numbers, word=None),
        metavar="N[,N…]",
        help="batch sizes, as multiples of the input's (default: 1 and 8; 1 and 2 for clips; 1 "
        "where the network has its batch size fixed)",
    )
    parser.add_argument(
        "--threads",
        type=partial(_numbers, word="all"),
        default=[None, 1],
        metavar="N[,N…]",
        help="numbers of threads; all means as many as each takes by itself: one a core, and MXNet "
        "half of that (default: all,1)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS,
        help=f"to measure in each setting (default: {SECONDS:g})",
    )
    parser.add_argument(
        "--fuse", action="store_true", help="fold batch norms, as `mxproof convert --fuse` does"
    )
    parser.add_argument("--json", metavar="FILE", help="write all times there")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables there")
    mxnet_python(parser)
    parser.set_defaults(run=run)


def _numbers(text: str, word: Optional[str]) -> List[Optional[int]]:
    """ "1,8" -> [1, 8]; the word is None."""
    return [None if word and part == word else count(part, 1) for part in text.split(",")]


def run(args: argparse.Namespace) -> int:
    writable(args, "json", "markdown")
    given = parse_inputs(args.input)
    with progress_of(args), tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        report(f"reading {args.checkpoint}")
        subject = load_for_run(args.checkpoint, given, **reading(args))
        lineup = line_up(subject, Path(folder), fused=args.fuse)
        runs = list(
            bench(
                lineup,
                list(dict.fromkeys(args.runtime or USUAL)),
                batches=args.batch or (),
                threads=args.threads,
                given=given,
                seconds=args.seconds,
                mxnet_python=args.mxnet_python,
            )
        )
    write_text(args.json, json.dumps(_record(args, lineup, runs), indent=1))
    tables = sheets(lineup, runs)
    write_text(args.markdown, "\n\n".join(table.markdown() for table in tables) + "\n")
    console = console_of(args)
    for table in tables:
        console.print(table.terminal())
    return PROVEN


def _record(args: argparse.Namespace, lineup: Lineup, runs: Sequence[Run]) -> Any:
    versions = {name: text for run in runs for name, text in run.versions.items()}
    return {
        "schema": 1,
        "model": lineup.subject.name,
        "weights": lineup.subject.weights,
        "fused": args.fuse,
        "environment": environment(versions),
        "ratio_to_mxnet": ratios(runs),
        "convert_seconds": dict(lineup.seconds),
        "model_bytes": dict(lineup.sizes),
        "runs": [run.to_json() for run in runs],
    }


def sheets(lineup: Lineup, runs: Sequence[Run]) -> Tuple[Sheet, Sheet]:
    """Times, and what else a runtime costs."""
    name = lineup.subject.name
    times = [
        (
            r.runtime,
            str(r.batch),
            str(r.threads or "all"),
            f"{1e3 * r.median:.1f}",
            f"{1e3 * min(r.seconds):.1f}",
            "" if r.ratio_to_mxnet is None else f"{r.ratio_to_mxnet:.2f}",
            str(len(r.seconds)),
        )
        for r in runs
    ]
    headings = ("runtime", "batch", "threads", "median ms", "least ms", "of MXNet's", "rounds")
    costs = [(r.runtime, *_costs(lineup, r)) for r in first_setting(runs)]
    return (
        Sheet(f"{name}: a pass", headings, times),
        Sheet(
            f"{name}: what else it takes",
            ("runtime", "convert s", "load s", "files MB", "peak memory MB"),
            costs,
        ),
    )


def _costs(lineup: Lineup, run: Run) -> Tuple[str, ...]:
    target = next((t for t, forms in FORMS.items() if run.runtime in forms), "mxnet")
    converted = lineup.seconds.get(target)
    return (
        "" if converted is None else f"{converted:.2f}",
        f"{run.load_seconds:.2f}",
        f"{lineup.sizes[target] / 1e6:.0f}",
        f"{run.peak_bytes / 1e6:.0f}",
    )
