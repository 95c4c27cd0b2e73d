"""How passes are timed; how fast the runtimes are is for tests/models to show."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import List

import numpy as np
import pytest

from fixtures.networks import small_resnet
from mxproof.benchmark import timing
from mxproof.benchmark.timing import SHORT, WARM_PASSES, TimingTarget, interleave, opened, target_of
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.mxnet.worker import protocol as worker
from mxproof.runtimes.mxnet.worker.protocol import timed
from mxproof.runtimes.registry import TARGETS, convert

from .fakes import Clock, clocked


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: found.now)
    return found


@pytest.mark.parametrize(
    ("warm", "seconds"), [(0.9 * SHORT, 0.03), (1.1 * SHORT, 0.9)], ids=["short", "long"]
)
def test_of_short_passes_the_second_in_a_row_counts(
    warm: float, seconds: float, clock: Clock
) -> None:
    process = clocked(clock, "a", *[warm] * (1 + WARM_PASSES), 0.9, 0.03).warmed()
    assert process.once() == seconds


@pytest.mark.parametrize(
    ("times", "count"),
    [
        ([0.9, 0.4, 0.2, 0.1, *[0.1] * WARM_PASSES, 0.05], 4 + WARM_PASSES),  # gets no faster
        ([6.0 * 0.9**n for n in range(50)], 2),  # does, but time is up
    ],
)
def test_warming_up(times: List[float], count: int, clock: Clock) -> None:
    clocked(clock, "a", *times).warmed()
    assert len(clock.order) == count


@pytest.mark.parametrize(("each", "rounds"), [(0.001, 20), (0.5, 5), (100.0, 3)])
def test_turns_are_in_changing_order_and_time_is_bounded(
    each: float, rounds: int, clock: Clock
) -> None:
    processes = {name: replace(clocked(clock, name, each), short=False) for name in "ab"}
    found = interleave(processes, rounds=(3, 20), seconds=4.5)
    assert {name: len(times) for name, times in found.items()} == dict.fromkeys("ab", rounds)
    turns = ["".join(clock.order[i : i + 2]) for i in range(0, 2 * rounds, 2)]
    assert set(turns) == {"ab", "ba"}


def test_a_slowdown_lengthens_each_pass_by_its_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks a microsecond whenever it is read."""
    now = [0.0]

    def read() -> float:
        now[0] += 1e-6
        return now[0]

    def run() -> str:
        now[0] += 0.004
        return "outputs"

    monkeypatch.setattr(worker.time, "perf_counter", read)
    assert timed(run, 3) == (pytest.approx([0.004] * 3, rel=1e-3), "outputs")
    assert timed(run, 3, 0.5)[0] == pytest.approx([0.006] * 3, rel=1e-3)


def test_peak_memory_is_the_processs_own_and_outlasts_what_took_it() -> None:
    """Beside a parent with a good deal more, which getrusage would report."""
    module = "mxproof.runtimes.mxnet.worker.protocol"
    script = f"from {module} import peak_bytes as p; a = p(); x = bytearray(1 << 26)"
    large = np.ones(1 << 25)
    command = [sys.executable, "-c", f"{script}; del x; print(a, p())"]
    before, after = map(int, subprocess.check_output(command, text=True).split())
    assert before + (1 << 25) < after < large.nbytes


@pytest.mark.parametrize(
    "runtime",
    [
        "onnxruntime",
        pytest.param("pytorch", marks=pytest.mark.nightly),
        pytest.param("pytorch-frozen", marks=pytest.mark.nightly),
    ],
)
def test_a_file_is_timed_in_a_process_of_its_own(runtime: str, tmp_path: Path) -> None:
    network, head = small_resnet()
    graph, target = network.graph(head), target_of(runtime)
    path = convert(graph, target, tmp_path)[0]
    inputs = {v.name: np.ones((1, 3, 16, 16), np.float32) for v in graph.inputs}
    with opened(TimingTarget(runtime, path, threads=1), inputs) as process:
        assert all(seconds > 0 for seconds in process.passes(3))
        figures, outputs = process.figures(), process.process.time(1)[1]
    assert figures["load_seconds"] > 0
    assert figures["peak_bytes"] > 1 << 24, "the library alone takes that much"
    assert figures["versions"]["onnxruntime" if target == "onnx" else "torch"]
    (expected,) = TARGETS[target].open(path, "float32").run(inputs)
    np.testing.assert_allclose(outputs[0], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("/no/python", r"/no/python: cannot be started.*--against"),
        (None, r"onnxruntime refused to open: .*a\.onnx"),
    ],
)
def test_refusals(python: str, message: str, tmp_path: Path) -> None:
    target = TimingTarget("onnxruntime", tmp_path / "a.onnx", python)
    with pytest.raises(RuntimeFailure, match=message), opened(target, {}):
        pass
