"""How long one pass takes: MXNet, onnxruntime and PyTorch, in turn within one run."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

from .runtimes.base import Inputs
from .runtimes.mxnet import MxnetProcess
from .subject import Subject

WARM_UP = 2
ROUNDS = 3, 20  # at least, at most
SECONDS = 4.0

#: One pass over prepared inputs; returns the seconds it took.
Pass = Callable[[], float]


@dataclass(frozen=True)
class Timing:
    """Of a runtime, over all rounds; in milliseconds.

    Attributes:
        threads: that it was given; None means one a core.
    """

    median_ms: float
    min_ms: float
    rounds: int
    threads: Optional[int] = None

    @staticmethod
    def of(seconds: List[float], threads: Optional[int] = None) -> Timing:
        median, least = statistics.median(seconds), min(seconds)
        return Timing(1e3 * median, 1e3 * least, len(seconds), threads)

    def to_json(self) -> Dict[str, Any]:
        return asdict(self)


def measure(passes: Mapping[str, Pass], seconds: float = SECONDS) -> Dict[str, Timing]:
    """Rounds in which each has its turn: a slow moment of the machine hits all alike.

    Args:
        seconds: after which no other round begins, once there are enough to tell.
    """
    names = list(passes)
    found: Dict[str, List[float]] = {name: [] for name in names}
    for _ in range(WARM_UP):
        for run in passes.values():
            run()
    least, most = ROUNDS
    begin = time.perf_counter()
    for turn in range(most):
        if turn >= least and time.perf_counter() - begin > seconds:
            break
        first = turn % len(names) if names else 0
        for name in names[first:] + names[:first]:  # who follows whom changes too
            passes[name]()  # until the threads of the one before have stopped to spin
            found[name].append(passes[name]())
    return {name: Timing.of(times) for name, times in found.items()}


def latencies(
    subject: Subject,
    paths: Mapping[str, Path],
    inputs: Inputs,
    *,
    mxnet: bool = True,
    mxnet_python: Optional[str] = None,
) -> Dict[str, Timing]:
    """By runtime, each on all cores: MXNet and the converted files.

    Args:
        paths: target -> its file.
    """
    passes: Dict[str, Pass] = {}
    with ExitStack() as stack:
        if mxnet:
            process = stack.enter_context(MxnetProcess(mxnet_python, fused=True))
            passes["mxnet"] = mxnet_pass(process, subject, inputs)
        for target, path in paths.items():
            passes[RUNTIMES[target]] = PASSES[target](path, subject, inputs, None)
        return measure(passes)


def mxnet_pass(process: MxnetProcess, subject: Subject, inputs: Inputs) -> Pass:
    """MXNet measures itself, in its process; start that one `fused`, as MXNet's users ran it."""
    model = process.load(subject.prefix, subject.epoch, subject.graph)
    model.prepare(inputs)
    return lambda: model.time()[0]


def onnx_pass(path: Path, subject: Subject, inputs: Inputs, threads: Optional[int]) -> Pass:
    """The .onnx file in onnxruntime."""
    from .runtimes.onnxruntime import OnnxRuntime

    session, feeds = OnnxRuntime(path, threads=threads).session, dict(inputs)
    return lambda: _timed(lambda: session.run(None, feeds))


def pytorch_pass(path: Path, subject: Subject, inputs: Inputs, threads: Optional[int]) -> Pass:
    """The Python file in PyTorch."""
    import torch

    from .runtimes.pytorch import Pytorch

    module = Pytorch(path).model
    tensors = [torch.from_numpy(inputs[v.name]) for v in subject.graph.inputs]

    def forward() -> float:
        before = torch.get_num_threads()
        torch.set_num_threads(threads or before)
        try:
            with torch.inference_mode():
                return _timed(lambda: module(*tensors))
        finally:
            torch.set_num_threads(before)

    return forward


def _timed(run: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


RUNTIMES = {"onnx": "onnxruntime", "pytorch": "pytorch"}
PASSES: Dict[str, Callable[[Path, Subject, Inputs, Optional[int]], Pass]] = {
    "onnx": onnx_pass,
    "pytorch": pytorch_pass,
}
