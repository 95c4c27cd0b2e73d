"""How long a picture takes: MXNet, onnxruntime, PyTorch; grouped by model."""

from __future__ import annotations

import os
import platform
import statistics
import time
from typing import Any, Callable, Iterator, List

import onnxruntime
import pytest
import torch

from converters import __version__
from fixtures.zoo import ZOO
from mxproof.runtimes.mxnet import MxnetProcess

from .conftest import Case

RUNTIMES = ("mxnet", "onnx", "pytorch")
ROUNDS = 5
TRIES = 3
#: Times MXNet's latency. A lost optimisation (no fusion, one thread) costs more than this, the
#: noise of paired rounds less; smaller losses are for a gate with more rounds.
SLOWER = 1.5


@pytest.fixture(scope="session")
def fused_mxnet(request: pytest.FixtureRequest, mxnet: MxnetProcess) -> Iterator[MxnetProcess]:
    """MXNet with its fused operators, as its users ran it."""
    with MxnetProcess(request.config.getoption("--mxnet-python"), fused=True) as process:
        yield process


def passes(case: Case, process: MxnetProcess, runtime: str) -> Callable[[], Any]:
    """One pass over the prepared inputs, as a function to time."""
    inputs = case.picture
    if runtime == "mxnet":
        model = process.load(case.subject.prefix, case.subject.epoch, case.subject.graph)
        model.prepare(inputs)
        return model.time
    candidate = case.candidate(runtime, "float32")
    if runtime == "onnx":
        session = candidate.session  # type: ignore[attr-defined]
        return lambda: session.run(None, inputs)
    module = candidate.model  # type: ignore[attr-defined]
    tensors = [torch.from_numpy(a) for a in inputs.values()]

    def forward() -> Any:
        with torch.inference_mode():
            return module(*tensors)

    return forward


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_latency(case: Case, runtime: str, fused_mxnet: MxnetProcess, benchmark: Any) -> None:
    benchmark.group = case.name
    benchmark.extra_info.update(
        {
            "runtime": runtime,
            "weights": case.subject.weights,
            "input": {name: list(a.shape) for name, a in case.picture.items()},
            "versions": {
                "mxproof": __version__,
                "torch": torch.__version__,
                "onnxruntime": onnxruntime.__version__,
                **fused_mxnet.versions,
            },
            "cpus": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "processor": platform.processor() or platform.machine(),
        }
    )
    timed = passes(case, fused_mxnet, runtime)
    benchmark.pedantic(timed, rounds=ROUNDS, warmup_rounds=2)
    if not benchmark.disabled:
        assert benchmark.stats.stats.rounds == ROUNDS
        assert benchmark.stats.stats.min > 0


def paired_ratio(first: Callable[[], Any], second: Callable[[], Any]) -> float:
    """Ratio of medians, second to first, of interleaved rounds: a slow moment hits both alike."""
    seconds: List[List[float]] = [[], []]
    for turn in range(2 + ROUNDS):
        for side in (0, 1) if turn % 2 else (1, 0):
            begin = time.perf_counter()
            (first, second)[side]()
            if turn >= 2:
                seconds[side].append(time.perf_counter() - begin)
    return statistics.median(seconds[1]) / statistics.median(seconds[0])


@pytest.mark.models(*ZOO)  # a network of a few layers is all overhead, and no optimisation
@pytest.mark.parametrize("runtime", RUNTIMES[1:])
def test_no_slower_than_mxnet(case: Case, runtime: str, fused_mxnet: MxnetProcess) -> None:
    """A lost optimisation stays lost; what another process causes does not last three tries."""
    rivals = [passes(case, fused_mxnet, name) for name in ("mxnet", runtime)]
    ratios: List[float] = []
    while len(ratios) < TRIES and (not ratios or ratios[-1] > SLOWER):
        ratios.append(paired_ratio(*rivals))
    assert ratios[-1] <= SLOWER, f"{case.name}/{runtime}: {ratios} times MXNet's latency"
