"""Faults drawn for models, planted and judged one at a time, in several processes."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import tempfile
import threading
import zlib
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from threadpoolctl import threadpool_limits

from converters import Graph
from converters.progress import report
from mxproof.model import Model, load_model
from mxproof.proof.reference import SAMPLES
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.memory import trim_memory
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS

from . import attributes, common_mode, conditions, graphs, network, parameters, returned
from . import surroundings as around
from .equivalence import equivalent
from .mutant import Baseline, Fault, Mutant, MutationSite
from .outcome import NO_FAULT, Outcome, Results
from .trial import tried

THREADS = "OMP_NUM_THREADS"
#: All kinds of faults, by name. A new kind is a row in one of these files.
_FILES = (attributes, parameters, graphs, around, conditions, returned, common_mode)
CATALOGUE: Dict[str, Fault] = {fault.kind: fault for file in _FILES for fault in file.FAULTS}


@dataclass(frozen=True)
class Case:
    """A kind of fault (or NO_FAULT), a layer and a target, and the seed of all that is drawn."""

    model: str
    kind: str
    layer: str
    target: str
    seed: Tuple[int, ...] = (0,)

    def mutant(self, baseline: Baseline) -> Mutant:
        if self.kind == NO_FAULT:
            return Mutant(baseline.graph, "", "")
        random = np.random.default_rng(self.seed)
        return CATALOGUE[self.kind].plant(MutationSite(baseline, self.layer, random))


def cases(graph: Graph, model: str, kind: str, count: int, seed: int) -> Iterator[Case]:
    """Up to `count` sites of this kind, drawn at random; the targets take turns."""
    fault, key = CATALOGUE[kind], (seed, zlib.crc32(f"{model}/{kind}".encode()))
    random = np.random.default_rng(key)
    sites = fault.sites(graph)
    first = int(random.integers(len(fault.targets)))
    for number, site in enumerate(random.permutation(len(sites))[:count]):
        target = fault.targets[(first + number) % len(fault.targets)]
        yield Case(model, kind, sites[site], target, (*key, number))


def plan(models: Sequence[str], kinds: Sequence[str], count: int, seed: int) -> List[Case]:
    """Model by model, so that a worker needs MXNet's results for one at a time; none for a model
    without a site for any of the kinds. The conversions without a fault come first."""
    planned: List[Case] = []
    for model in models:
        with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
            graph = subject_of(model, Path(folder)).graph
        drawn = [case for kind in kinds for case in cases(graph, model, kind, count, seed)]
        clean = [Case(model, NO_FAULT, graph.nodes[0].name, target) for target in TARGETS]
        planned += [*clean, *drawn] if drawn else []
    return planned


def plant(baseline: Baseline, case: Case, *, oracles: bool = False) -> Outcome:
    mutant, fault = case.mutant(baseline), CATALOGUE.get(case.kind)
    verdict, alarms = tried(baseline, mutant, case.target, oracles=oracles)
    reason = equivalent(mutant.reference or baseline.graph, mutant)
    return Outcome(
        model=case.model,
        target=case.target,
        kind=case.kind,
        family=fault.family if fault else "",
        layer=case.layer,
        note=mutant.note,
        expected=mutant.expected,
        killed=verdict.killed,
        named=verdict.named[0] if verdict.named else None,
        equivalent=(fault and fault.why) or reason if reason else None,
        refused=verdict.refused,
        oracles=alarms,
    )


def run(planned: Sequence[Case], jobs: int = 1, python: Optional[str] = None) -> Results:
    """Results in the order of the cases, whatever the number of jobs.

    Raises:
        RuntimeFailure: MXNet does not start, or a worker died.
    """
    outcomes: List[Outcome] = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, _start_worker) as pool:
        try:
            for outcome in pool.map(partial(_do, python), planned):
                outcomes.append(outcome)
                report("planting faults, cases", len(outcomes), len(planned))
        except BrokenProcessPool as error:
            raise RuntimeFailure(f"a worker process died: {error}") from error
    return Results(tuple(outcomes))


def _start_worker() -> None:
    """Workers share the processors among them, so each has one thread."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(ImportError):
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)  # it prints every error that it also raises
    if THREADS not in os.environ:
        os.environ[THREADS] = "1"  # for libraries that are not loaded yet, and child processes
        threadpool_limits(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _do(python: Optional[str], case: Case) -> Outcome:
    outcome = plant(_baseline(case.model, python), case, oracles=True)
    trim_memory()  # models are large, and hold references to themselves
    return outcome


@lru_cache(None)
def _process(python: Optional[str]) -> MxnetProcess:
    process = MxnetProcess(python)
    atexit.register(process.close)
    return process


@lru_cache(None)
def _folder() -> Path:
    """For the checkpoints that MXNet is given, as long as this process lives."""
    folder = tempfile.TemporaryDirectory(prefix="mxproof-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@lru_cache(maxsize=1)
def _baseline(model: str, python: Optional[str]) -> Baseline:
    """The last one is kept; what MXNet holds of the one before it is freed."""
    process = _process(python)
    process.suspend()
    return baseline_of(process, subject_of(model, _folder()))


def subject_of(model: str, folder: Path) -> Model:
    """A model by name, or a checkpoint by its prefix."""
    if model in network.NETWORKS:
        prefix = str(network.write(model, folder))
        return load_model(prefix, inputs={"data": network.INPUT})
    return load_model(model, weights="seeded")


def baseline_of(process: MxnetProcess, subject: Model, samples: int = SAMPLES) -> Baseline:
    """The network, judged by what `mxproof verify` draws."""
    return Baseline(subject.graph, subject, subject.evidence({}, samples=samples), process)
