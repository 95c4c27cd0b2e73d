"""A campaign over several models, in several processes."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from threadpoolctl import threadpool_limits

from converters.progress import report
from mxproof.prover import trim_memory
from mxproof.runtimes.base import Array, RuntimeFailure
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.subject import Subject, load_subject
from mxproof.targets import TARGETS

from . import network
from .campaign import NO_FAULT, Case, cases, plant
from .catalogue import CATALOGUE
from .isolated_runner import IsolatedRunner, start_worker
from .mutant import Baseline
from .outcome import Results

THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class Task:
    """One kind of fault in one model; kind None is the conversion without a fault."""

    model: str
    kind: Optional[str]
    count: int = 0
    seed: int = 0
    python: Optional[str] = None


def tasks(
    models: Sequence[str], kinds: Sequence[str], count: int, seed: int, python: Optional[str] = None
) -> List[Task]:
    """Model by model, so that a worker needs MXNet's results for one at a time; none for a model
    without a site for any of the kinds."""
    planned: List[Task] = []
    for model in models:
        with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
            graph = model_and_inputs(model, Path(folder))[0].graph
        possible = [kind for kind in kinds if CATALOGUE[kind].sites(graph)]
        if possible:
            planned += [Task(model, kind, count, seed, python) for kind in (None, *possible)]
    return planned


def run(planned: Sequence[Task], jobs: int = 1) -> Results:
    """Results in the order of the tasks, whatever the number of jobs.

    Raises:
        RuntimeFailure: MXNet does not start, or a worker died.
    """
    results = Results()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, _start_single_threaded) as pool:
        try:
            for number, found in enumerate(pool.map(_do, planned), 1):
                results += found
                report("planting faults, cases", number, len(planned))
        except BrokenProcessPool as error:
            raise RuntimeFailure(f"a worker process died: {error}") from error
    return results


def _start_single_threaded() -> None:
    """Workers share the processors among them, so each has one thread."""
    start_worker()
    if THREADS not in os.environ:
        os.environ[THREADS] = "1"  # for libraries that are not loaded yet, and child processes
        threadpool_limits(1)


def _do(task: Task) -> Results:
    baseline, runner = _baseline(task.model, task.python), _runner()
    if task.kind is None:
        (layer,) = NO_FAULT.sites(baseline.graph)
        drawn = [Case(NO_FAULT, layer, target, (0,)) for target in TARGETS]
    else:
        fault = CATALOGUE[task.kind]
        drawn = list(cases(baseline.graph, task.model, fault, task.count, task.seed))
    outcomes = tuple(plant(baseline, task.model, case, runner) for case in drawn)
    trim_memory()  # models are large, and hold references to themselves
    return Results(outcomes) if task.kind else Results((), outcomes)


@lru_cache(maxsize=1)
def _baseline(model: str, python: Optional[str] = None) -> Baseline:
    """A model's network, with MXNet's results for two inputs; the last one is kept."""
    with MxnetProcess(python) as mxnet, tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        return baseline_of(mxnet, *model_and_inputs(model, Path(folder)))


@lru_cache(maxsize=1)
def _runner() -> IsolatedRunner:
    """A worker waits for its child processes before it ends, so this one is closed before that."""
    runner = IsolatedRunner()
    Finalize(None, runner.close, exitpriority=100)  # before its queue is closed
    return runner


def model_and_inputs(model: str, folder: Path) -> Tuple[Subject, List[Dict[str, Array]]]:
    """A model by name, or a checkpoint by its prefix; and two inputs of different shapes."""
    if model == network.NAME:
        prefix = str(network.write(folder))
        subject = load_subject(prefix, inputs={"data": network.INPUT})
        shapes = enumerate(network.SHAPES)
        return subject, [subject.inputs({"data": shape}, seed) for seed, shape in shapes]
    subject = load_subject(model, weights="seeded")
    return subject, subject.evidence({}, samples=2)


def baseline_of(
    mxnet: MxnetProcess, subject: Subject, inputs: Sequence[Mapping[str, Array]]
) -> Baseline:
    """The network, with MXNet's results for these inputs."""
    reference = mxnet.load(subject.prefix, subject.epoch, subject.graph)
    try:
        return Baseline(subject.graph, [reference.truth(each) for each in inputs])
    finally:
        reference.close()
