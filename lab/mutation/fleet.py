"""A campaign over several models, on several processors."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from converters.progress import counted, listening, report
from mxproof.prover import trim_memory
from mxproof.runtimes.base import Array, RuntimeFailure
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.subject import Subject, load_subject
from mxproof.targets import TARGETS

from . import network
from .bystander import Bystander, silence
from .campaign import cases, clean, plant
from .catalogue import CATALOGUE
from .fault import Ground
from .outcome import Results, joined

SMALL = network.NAME

DOING = "planting faults, cases"


@dataclass(frozen=True)
class Task:
    """One kind of fault in one model; no kind means the conversion as it is."""

    model: str
    kind: Optional[str]
    count: int = 0
    seed: int = 0
    python: Optional[str] = None

    def __str__(self) -> str:
        return f"{self.model}: {self.kind or 'without a fault'}"


def tasks(
    models: Sequence[str], kinds: Sequence[str], count: int, seed: int, python: Optional[str] = None
) -> List[Task]:
    """Model by model, so that MXNet's results are there for all of a model's; none for a model
    without a place for any of the kinds."""
    planned: List[Task] = []
    for model in models:
        with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
            graph = subject_of(model, Path(folder))[0].graph
        possible = [kind for kind in kinds if CATALOGUE[kind].sites(graph)]
        if possible:
            planned += [Task(model, kind, count, seed, python) for kind in (None, *possible)]
    return planned


def run(planned: Sequence[Task], jobs: int = 1) -> Results:
    """The results in the order of the tasks, whatever the number of jobs.

    Raises:
        RuntimeFailure: MXNet does not start, or a worker died.
    """
    if jobs == 1:
        try:
            return joined([_alone(task) for task in counted(planned, DOING)])
        finally:
            forget()
    with _single_threaded(), _pool(jobs) as pool:
        running = {pool.submit(do, task): task for task in planned}
        try:
            for number, done in enumerate(as_completed(running), 1):
                done.result()
                report(DOING, number, len(planned))
        except BrokenProcessPool as error:
            raise RuntimeFailure(f"a worker died: {error}") from error
        return joined([future.result() for future in running])


def _alone(task: Task) -> Results:
    """What is told of a single case would hide how far the whole is."""
    with listening(lambda *_: None):
        return do(task)


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), silence)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Workers share the processors among them; numeric libraries read this when they start."""
    known = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = known or "1"
    try:
        yield
    finally:
        if known is None:
            del os.environ["OMP_NUM_THREADS"]


def do(task: Task) -> Results:
    ground, bystander = ground_of(task.model, task.python), _bystander()
    if task.kind is None:
        cleans = (clean(ground, task.model, target, bystander) for target in TARGETS)
        return Results((), tuple(cleans))
    drawn = cases(ground.graph, task.model, CATALOGUE[task.kind], task.count, task.seed)
    outcomes = tuple(plant(ground, task.model, case, bystander) for case in drawn)
    trim_memory()  # models hold themselves in circles, and are large
    return Results(outcomes, ())


@lru_cache(maxsize=1)
def ground_of(model: str, python: Optional[str] = None) -> Ground:
    """A model's network, with MXNet's results on two inputs; the last one made is kept."""
    with MxnetProcess(python) as mxnet, tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        subject, inputs = subject_of(model, Path(folder))
        return grounded(mxnet, subject, inputs)


@lru_cache(maxsize=1)
def _bystander() -> Bystander:
    return Bystander()


def forget() -> None:
    """Let go of what is kept from task to task."""
    ground_of.cache_clear()
    if _bystander.cache_info().currsize:
        _bystander().close()
        _bystander.cache_clear()


def subject_of(model: str, folder: Path) -> Tuple[Subject, List[Dict[str, Array]]]:
    """A model by name, or a checkpoint by its prefix; and two inputs, the second turned."""
    if model == SMALL:
        prefix = str(network.write(folder))
        subject = load_subject(prefix, inputs={"data": network.INPUT})
        return subject, [
            subject.inputs({"data": shape}, seed) for seed, shape in enumerate(network.SHAPES)
        ]
    subject = load_subject(model, weights="seeded")
    return subject, subject.evidence({}, samples=2)


def grounded(
    mxnet: MxnetProcess, subject: Subject, inputs: Sequence[Mapping[str, Array]]
) -> Ground:
    """The network, with MXNet's results on these inputs."""
    reference = mxnet.load(subject.prefix, subject.epoch, subject.graph)
    try:
        return Ground(subject.graph, [reference.truth(each) for each in inputs])
    finally:
        reference.close()
