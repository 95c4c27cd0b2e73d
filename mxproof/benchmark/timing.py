"""Runtimes timed side by side: each in a process of its own, taking turns within one run."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from converters import load_checkpoint
from converters.mxnet_format.checkpoint_files import find_files

from .. import runtimes
from ..runtimes.base import Inputs
from ..runtimes.mxnet.client import MxnetProcess
from ..runtimes.process import WorkerProcess

#: Target -> the runtimes of its files; the first is what its user gets without doing anything.
FORMS: Dict[str, Tuple[str, ...]] = {
    "onnx": ("onnxruntime",),
    "pytorch": ("pytorch", "pytorch-frozen", "pytorch-compiled"),
}
RUNTIMES = ("mxnet", *(runtime for forms in FORMS.values() for runtime in forms))

#: A runtime is warm once this many passes in a row were not faster by more than the fraction.
WARM_PASSES, WARM_GAIN = 3, 0.02
WARM_SECONDS = 10.0
#: Passes shorter than this (in seconds) are preceded by one that is not timed: another process
#: has just used the caches and the threads.
SHORT = 0.2


def target_of(runtime: str) -> str:
    """The target whose files a runtime runs; "mxnet" for MXNet itself."""
    return next((target for target, forms in FORMS.items() if runtime in forms), "mxnet")


@dataclass(frozen=True)
class TimingTarget:
    """A file and the runtime that it is timed in.

    Attributes:
        runtime: one of RUNTIMES.
        path: the .onnx or .py file; of a checkpoint the symbol.
        python: the interpreter that has the runtime; None means this one.
        threads: None leaves the number to the runtime.
        optimisation: onnxruntime's level: all, extended, basic or disabled.
        slowdown: lengthens each pass by this fraction: a known regression, for calibration.
        params: of a checkpoint.
    """

    runtime: str
    path: Path
    python: Optional[str] = None
    threads: Optional[int] = None
    optimisation: str = "all"
    slowdown: float = 0.0
    params: Optional[Path] = None


@dataclass(frozen=True)
class WarmProcess:
    """A timing target in its process, warmed up and waiting for its turns.

    Attributes:
        load_seconds: from the file to the first pass, with the libraries already imported.
        slowdown: the target's.
        short: a pass takes less than SHORT.
    """

    process: WorkerProcess
    load_seconds: float = 0.0
    slowdown: float = 0.0
    short: bool = True

    def figures(self) -> Dict[str, Any]:
        """What the process ran with, and what it took so far."""
        process = self.process
        peak = process.ask("peak")[0]["bytes"]
        return {"versions": process.versions, "load_seconds": self.load_seconds, "peak_bytes": peak}

    def passes(self, count: int) -> List[float]:
        """Seconds of each of `count` passes."""
        return self.process.time(count, self.slowdown)[0]

    def once(self) -> float:
        """Seconds of one pass; of the second of two if passes are short."""
        return self.passes(2 if self.short else 1)[-1]

    def warmed(self) -> WarmProcess:
        """Run until it gets no faster: memory allocated, kernels chosen, caches full."""
        begin, best, since = time.perf_counter(), self.passes(1)[0], 0
        while since < WARM_PASSES and time.perf_counter() - begin < WARM_SECONDS:
            seconds = self.passes(1)[0]
            since = since + 1 if seconds > best * (1 - WARM_GAIN) else 0
            best = min(best, seconds)
        return replace(self, short=best < SHORT)


@contextmanager
def opened(target: TimingTarget, inputs: Inputs) -> Iterator[WarmProcess]:
    """Start the target's process, and bind it to these inputs.

    Raises:
        RuntimeFailure: the runtime is missing, or does not run the file.
    """
    process: Any
    if target.runtime == "mxnet":
        shapes = {name: array.shape for name, array in inputs.items()}
        graph = load_checkpoint(target.path, params=target.params, inputs=shapes)
        process = MxnetProcess(target.python, fused=True, threads=target.threads)
    else:
        process = TimingProcess(target)
    with process:
        begin = time.perf_counter()
        if target.runtime == "mxnet":
            files = find_files(target.path, params=target.params)
            process.load(files, None, graph).prepare(inputs)
        else:
            process.load(inputs)
        seconds = time.perf_counter() - begin
        yield WarmProcess(process, seconds, target.slowdown)


class TimingProcess(WorkerProcess):
    """A converted file in its runtime."""

    def __init__(self, target: TimingTarget) -> None:
        self.target = target
        super().__init__(
            Path(runtimes.__file__).parents[1],
            "runtimes.timing_worker",
            target.runtime,
            target.python,
            {},
            install="onnxruntime" if target.runtime == "onnxruntime" else "torch",
            option="--against",
            arguments=(target.runtime,),
        )

    def load(self, inputs: Inputs) -> None:
        """Open the file, and bind it to these inputs."""
        options = {"threads": self.target.threads, "optimisation": self.target.optimisation}
        self.ask("open", inputs, path=str(self.target.path.resolve()), **options)


@contextmanager
def all_opened(
    targets: Mapping[str, TimingTarget], inputs: Inputs
) -> Iterator[Dict[str, WarmProcess]]:
    """Start several targets at once, and warm them up."""
    with ExitStack() as stack:
        yield {n: stack.enter_context(opened(t, inputs)).warmed() for n, t in targets.items()}


def interleave(
    processes: Mapping[str, WarmProcess],
    *,
    rounds: Tuple[int, int],
    seconds: float,
) -> Dict[str, List[float]]:
    """Give each one turn a round, so that a slow moment of the machine hits all alike.

    The order within a round is drawn, because who runs after whom matters.

    Args:
        rounds: least and greatest number.
        seconds: after which no other round begins, once there are enough.

    Returns:
        Name -> seconds of its pass in each round.
    """
    shuffle, names = random.Random(0), list(processes)
    found: Dict[str, List[float]] = {name: [] for name in names}
    least, most = rounds
    begin = time.perf_counter()
    for done in range(most):
        if done >= least and time.perf_counter() - begin > seconds:
            break
        for name in shuffle.sample(names, len(names)):
            found[name].append(processes[name].once())
    return found
