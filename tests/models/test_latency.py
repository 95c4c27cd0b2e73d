"""How long a picture takes: MXNet, onnxruntime, PyTorch; grouped by model."""

from __future__ import annotations

import os
import platform
import statistics
import time
from typing import Any, Callable, Iterator, List, Optional

import onnxruntime
import pytest
import torch

from converters import __version__
from fixtures.zoo import ZOO
from mxproof import latency
from mxproof.latency import PASSES, Timing, mxnet_pass
from mxproof.runtimes.mxnet import MxnetProcess

from .conftest import Case

RUNTIMES = ("mxnet", "onnx", "pytorch")
ROUNDS = 5
#: Times MXNet's latency on one thread. Measured on the zoo: onnxruntime 0.9 to 1.0, PyTorch 1.5
#: to 1.8, because it runs layers one by one where MXNet fuses three. What these limits catch is a
#: conversion gone wrong (float64 weights, a lost layout); less is for a gate with more rounds.
SLOWER = {"onnx": 1.5, "pytorch": 2.5}


@pytest.fixture(scope="session")
def fused_mxnet(request: pytest.FixtureRequest, mxnet: MxnetProcess) -> Iterator[MxnetProcess]:
    """MXNet with its fused operators, as its users ran it."""
    with MxnetProcess(request.config.getoption("--mxnet-python"), fused=True) as process:
        yield process


@pytest.fixture(scope="session")
def one_thread(request: pytest.FixtureRequest, mxnet: MxnetProcess) -> Iterator[MxnetProcess]:
    """The same with one thread."""
    python = request.config.getoption("--mxnet-python")
    with MxnetProcess(python, fused=True, threads=1) as process:
        yield process


def passes(
    case: Case, process: MxnetProcess, runtime: str, threads: Optional[int] = None
) -> Callable[[], Any]:
    """One pass over the prepared inputs, as a function to time."""
    if runtime == "mxnet":
        return mxnet_pass(process, case.subject, case.picture)
    return PASSES[runtime](case.path(runtime), case.subject, case.picture, threads)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_latency(
    case: Case,
    runtime: str,
    fused_mxnet: MxnetProcess,
    benchmark: Any,
    hand_in: Callable[..., None],
) -> None:
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
        timing = Timing.of(list(benchmark.stats.stats.data))
        hand_in(case, latency={latency.RUNTIMES.get(runtime, runtime): timing.to_json()})


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
def test_no_slower_than_mxnet(case: Case, runtime: str, one_thread: MxnetProcess) -> None:
    """One thread each: threads that wait for each other are at the mercy of what else runs."""
    rivals = [passes(case, one_thread, name, threads=1) for name in ("mxnet", runtime)]
    ratio = paired_ratio(*rivals)
    assert ratio <= SLOWER[runtime], f"{case.name}/{runtime}: {ratio:.2f} times MXNet's latency"
