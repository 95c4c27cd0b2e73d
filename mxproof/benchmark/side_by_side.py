"""Measure the latency and the other costs of each runtime, side by side."""

from __future__ import annotations

import statistics
from itertools import product
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple

from converters.ir.shapes import Shape
from converters.progress import report

from ..model import Model
from .converted_model import ConvertedModel
from .gate import Benchmark
from .timing import FORMS, TimingTarget, all_opened, interleave, target_of

ROUNDS = 10, 60  # at least, at most
SECONDS = 15.0

Row = Dict[str, Any]


def measure(
    model: ConvertedModel,
    runtimes: Sequence[str],
    *,
    batches: Sequence[int] = (),
    threads: Sequence[Optional[int]] = (None,),
    given: Optional[Mapping[str, Shape]] = None,
    rounds: Tuple[int, int] = ROUNDS,
    seconds: float = SECONDS,
    mxnet_python: Optional[str] = None,
) -> Iterator[Row]:
    """Time every runtime in every setting; those of one setting take turns.

    Args:
        batches: as multiples of the input's; the usual ones by default.
        threads: None leaves the number to the runtime.
        seconds: for each setting, once there are enough rounds.

    Yields:
        A row of `bench --json`'s "runs": see `row_of`.

    Raises:
        RuntimeFailure: a runtime is missing, or does not run its file.
    """
    settings = list(product(batches or model.batches(), threads))
    for number, (batch, count) in enumerate(settings):
        setting = f"{model.name}: batch {batch}, {count or 'all'} threads"
        report(f"measuring {setting}", number, len(settings))
        inputs = model.inputs(batch, given)
        pythons = {"mxnet": mxnet_python}
        targets = {name: model.target(name, pythons.get(name), count) for name in runtimes}
        with all_opened(targets, inputs) as processes:
            found = interleave(processes, rounds=rounds, seconds=seconds)
            figures = {name: process.figures() for name, process in processes.items()}
        medians = {name: statistics.median(times) for name, times in found.items()}
        for name, target in targets.items():
            row = row_of(model.name, target, inputs, found[name], figures[name])
            costs = model.costs.get(target_of(name), {})
            ratio = medians[name] / medians["mxnet"] if "mxnet" in medians else None
            yield {**row, **costs, "batch": batch, "ratio_to_mxnet": ratio}


def latencies(
    subject: Model,
    paths: Mapping[str, Path],
    more: Sequence[str],
    shapes: Mapping[str, Shape],
    mxnet_python: Optional[str] = None,
) -> Dict[str, Row]:
    """For a report: runtime -> median_ms, min_ms, rounds and threads, each on all cores.

    Args:
        paths: target -> its file, which is timed in its usual runtime.
        more: runtimes to time beside these.
    """
    model = ConvertedModel(subject, paths)
    rows = measure(
        model,
        [*more, *(FORMS[target][0] for target in paths)],
        batches=(1,),
        given=shapes,
        rounds=(3, 20),
        seconds=4.0,
        mxnet_python=mxnet_python,
    )
    kept = "median_ms", "min_ms", "rounds", "threads"
    return {row["runtime"]: {key: row[key] for key in kept} for row in rows}


def row_of(
    model: str,
    target: TimingTarget,
    inputs: Mapping[str, Any],
    seconds: Sequence[float],
    figures: Mapping[str, Any],
) -> Row:
    """A runtime in one setting, for a record.

    Args:
        seconds: of its pass in each round.
        figures: `versions`; `load_seconds` from the file to the first pass, with the libraries
            already imported; `peak_bytes`, the most memory its process had, libraries and all.
    """
    return {
        "model": model,
        "runtime": target.runtime,
        "threads": target.threads,
        "input": {name: list(array.shape) for name, array in inputs.items()},
        "median_ms": 1e3 * statistics.median(seconds),
        "min_ms": 1e3 * min(seconds),
        "rounds": len(seconds),
        "seconds": list(seconds),
        **figures,
    }


def rows_of(benchmark: Benchmark) -> Iterator[Row]:
    """What a decision timed, in rows of the same form: candidate and control."""
    measured = benchmark.decision().measured
    to_mxnet = {"candidate": measured, "control": 1.0}
    for (side, ratio), seconds in zip(to_mxnet.items(), zip(*benchmark.rounds)):
        target, figures = getattr(benchmark, side), benchmark.processes[side]
        row = row_of(benchmark.model, target, benchmark.inputs, seconds, figures)
        known = ratio if benchmark.control.runtime == "mxnet" else None
        yield {**row, "side": side, "batch": 1, "ratio_to_mxnet": known}


def ratios_to_mxnet(rows: Sequence[Row]) -> Dict[str, float]:
    """Runtime -> its ratio in each model's first setting; of several models the geometric mean."""
    found: Dict[str, Dict[str, float]] = {}
    for row in rows:
        if row["ratio_to_mxnet"] is not None and row["runtime"] != "mxnet":
            found.setdefault(row["runtime"], {}).setdefault(row["model"], row["ratio_to_mxnet"])
    return {name: statistics.geometric_mean(each.values()) for name, each in found.items()}
