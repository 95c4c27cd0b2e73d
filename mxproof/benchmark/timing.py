"""Runtimes timed side by side: each in a process of its own, in turns within one run."""

from __future__ import annotations

import random
import statistics
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from converters import load_checkpoint

from ..runtimes.base import Inputs
from ..runtimes.mxnet import MxnetProcess
from ..runtimes.process import WorkerProcess

#: What can be timed; the first of each target is the form its user has without doing anything.
FORMS: Dict[str, Tuple[str, ...]] = {
    "onnx": ("onnxruntime",),
    "pytorch": ("pytorch", "pytorch-frozen", "pytorch-compiled"),
}
#: Timed where the user names none; to compile takes a C++ compiler, and a minute a setting.
USUAL = ("mxnet", "onnxruntime", "pytorch", "pytorch-frozen")

#: A runtime is warm when this many passes brought none that is faster by more than the share.
WARM_PASSES, WARM_SHARE = 3, 0.02
WARM_SECONDS = 10.0
#: A pass as short as this is preceded by one that is not timed: caches and threads of another
#: process were at work just before.
SHORT = 0.2


@dataclass(frozen=True)
class Side:
    """What is timed.

    Attributes:
        runtime: "mxnet", "onnxruntime", "pytorch", "pytorch-frozen", or "pytorch-compiled".
        path: of the .onnx or .py file; of a checkpoint its prefix.
        python: the interpreter that has the runtime; None means this one.
        threads: None means as many as the runtime takes by itself.
        optimisation: onnxruntime's level, all, extended, basic or disabled.
        slowdown: makes each pass longer by this share of it: a drift that is known.
    """

    runtime: str
    path: Path
    python: Optional[str] = None
    threads: Optional[int] = None
    optimisation: str = "all"
    slowdown: float = 0.0
    epoch: int = 0


@dataclass(frozen=True)
class Timing:
    """Of a runtime, over all rounds; in milliseconds.

    Attributes:
        threads: that it was given; None means its own choice.
    """

    median_ms: float
    min_ms: float
    rounds: int
    threads: Optional[int] = None

    @staticmethod
    def of(seconds: Sequence[float], threads: Optional[int] = None) -> Timing:
        median, least = statistics.median(seconds), min(seconds)
        return Timing(1e3 * median, 1e3 * least, len(seconds), threads)

    def to_json(self) -> Dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Timed:
    """A side that is open, warm, and waits for its turns.

    Attributes:
        versions: of what it runs with.
        load_seconds: from the file to the first pass, libraries being imported.
        passes: seconds of each of so many passes.
        peak: the most bytes of memory that its process had so far.
        short: a pass takes less than SHORT.
    """

    versions: Mapping[str, str]
    load_seconds: float
    passes: Callable[[int], List[float]]
    peak: Callable[[], int]
    short: bool = True

    def once(self) -> float:
        """Seconds of one pass; of the second in a row, where they are short."""
        return self.passes(2 if self.short else 1)[-1]


@contextmanager
def opened(side: Side, inputs: Inputs) -> Iterator[Timed]:
    """The side in its process, bound to these inputs and warm, for as long as the block lasts.

    Raises:
        RuntimeFailure: the runtime is missing, or does not run the file.
    """
    if side.runtime == "mxnet":
        shapes = {name: array.shape for name, array in inputs.items()}
        graph = load_checkpoint(side.path, side.epoch, inputs=shapes)
        with MxnetProcess(side.python, fused=True, threads=side.threads) as mxnet:
            begin = time.perf_counter()
            network = mxnet.load(side.path, side.epoch, graph)
            network.prepare(inputs)
            seconds = time.perf_counter() - begin
            run = partial(network.time, slowdown=side.slowdown)
            yield _warm(Timed(mxnet.versions, seconds, run, mxnet.peak))
        return
    with TimingProcess(side) as process:
        begin = time.perf_counter()
        process.ask({"do": "open", **process.options})
        process.ask({"do": "prepare", "inputs": list(inputs)}, list(inputs.values()))
        seconds = time.perf_counter() - begin
        yield _warm(Timed(process.versions, seconds, process.passes, process.peak))


class TimingProcess(WorkerProcess):
    """A converted file in its runtime."""

    def __init__(self, side: Side) -> None:
        self.slowdown = side.slowdown
        self.options = {
            "path": str(Path(side.path).resolve()),
            "threads": side.threads,
            "optimisation": side.optimisation,
        }
        super().__init__(
            "timing_worker.py",
            side.runtime,
            side.python,
            {},
            install="onnxruntime" if side.runtime == "onnxruntime" else "torch",
            option="--control-python",
            arguments=(side.runtime,),
        )

    def passes(self, count: int) -> List[float]:
        request = {"do": "time", "passes": count, "slowdown": self.slowdown}
        seconds: List[float] = self.ask(request)[0]["seconds"]
        return seconds


def _warm(side: Timed) -> Timed:
    """Run it until it gets no faster: memory is allocated, kernels are chosen, caches are full."""
    begin, best, since = time.perf_counter(), side.passes(1)[0], 0
    while since < WARM_PASSES and time.perf_counter() - begin < WARM_SECONDS:
        seconds = side.passes(1)[0]
        since = since + 1 if seconds > best * (1 - WARM_SHARE) else 0
        best = min(best, seconds)
    return replace(side, short=best < SHORT)


@contextmanager
def all_opened(sides: Mapping[str, Side], inputs: Inputs) -> Iterator[Dict[str, Timed]]:
    """Several at once."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(opened(side, inputs)) for name, side in sides.items()}


def interleaved(
    sides: Mapping[str, Timed],
    *,
    rounds: Tuple[int, int],
    seconds: float,
    seed: int = 0,
) -> Dict[str, List[float]]:
    """Seconds of a pass of each in each round: a slow moment of the machine hits all alike.

    Args:
        rounds: at least, at most.
        seconds: after which no other round begins, once there are enough.
        seed: of the order within each round, which is random: who runs after whom matters.
    """
    draw = random.Random(seed)
    names: Sequence[str] = list(sides)
    found: Dict[str, List[float]] = {name: [] for name in names}
    least, most = rounds
    begin = time.perf_counter()
    for done in range(most if names else 0):
        if done >= least and time.perf_counter() - begin > seconds:
            break
        for name in draw.sample(names, len(names)):
            found[name].append(sides[name].once())
    return found


def latencies(
    paths: Mapping[str, Path],
    inputs: Inputs,
    checkpoint: Optional[Tuple[Path, int]] = None,
    *,
    mxnet_python: Optional[str] = None,
    seconds: float = 4.0,
) -> Dict[str, Timing]:
    """By runtime, each on all cores: the converted files, and MXNet; for a report.

    Args:
        paths: target -> its file.
        checkpoint: prefix and epoch of MXNet's, if that is to be timed.
    """
    sides = {FORMS[target][0]: Side(FORMS[target][0], path) for target, path in paths.items()}
    if checkpoint is not None:
        prefix, epoch = checkpoint
        sides = {"mxnet": Side("mxnet", prefix, mxnet_python, epoch=epoch), **sides}
    with all_opened(sides, inputs) as opened:
        found = interleaved(opened, rounds=(3, 20), seconds=seconds)
    return {name: Timing.of(times) for name, times in found.items()}
