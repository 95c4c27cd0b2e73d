"""How passes are timed; that MXNet and the runtimes are fast is for tests/models to say."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converters import Graph
from mxproof.benchmark import timing
from mxproof.benchmark.timing import SHORT, WARM_PASSES, Side, Timing, interleaved, opened
from mxproof.runtimes import footprint
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.footprint import timed
from mxproof.targets import convert
from tests.converters.networks import small_resnet

from .fakes import Clock, clocked


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: found.now)
    return found


def test_a_timing_is_of_all_rounds() -> None:
    assert Timing.of([0.5, 2.0, 1.0], 2) == Timing(1000.0, 500.0, 3, 2)


def test_of_short_passes_the_second_in_a_row_counts(clock: Clock) -> None:
    side = timing._warm(clocked(clock, "a", *[0.9 * SHORT] * (1 + WARM_PASSES), 0.9, 0.03))
    assert side.once() == 0.03
    assert len(clock.order) == 1 + WARM_PASSES + 2


def test_of_long_passes_the_first_counts(clock: Clock) -> None:
    side = timing._warm(clocked(clock, "a", *[1.1 * SHORT] * (1 + WARM_PASSES), 0.9, 0.03))
    assert side.once() == 0.9


def test_warm_is_what_gets_no_faster(clock: Clock) -> None:
    side = clocked(clock, "a", 0.9, 0.4, 0.2, 0.1, *[0.1] * WARM_PASSES, 0.05)
    assert timing._warm(side).passes(1) == [0.05], "warm after three passes that were no faster"


def test_it_warms_up_for_a_while_only(clock: Clock) -> None:
    times = [6.0 * 0.9**n for n in range(50)]
    timing._warm(clocked(clock, "a", *times))
    assert len(clock.order) == 2, "the second was faster, and the time is up"


def test_each_has_its_turn_in_each_round_in_changing_order(clock: Clock) -> None:
    sides = {name: replace(clocked(clock, name, 1.0), short=False) for name in "abc"}
    found = interleaved(sides, rounds=(8, 8), seconds=0)
    assert {name: len(times) for name, times in found.items()} == dict.fromkeys("abc", 8)
    rounds = ["".join(clock.order[i : i + 3]) for i in range(0, 24, 3)]
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len(set(rounds)) > 2, "who runs after whom changes"


@pytest.mark.parametrize(("each", "rounds"), [(0.001, 20), (0.5, 5), (100.0, 3)])
def test_time_is_bounded(each: float, rounds: int, clock: Clock) -> None:
    """As many rounds as there is time for, at least enough to tell, at most enough."""
    sides = {name: replace(clocked(clock, name, each), short=False) for name in "ab"}
    found = interleaved(sides, rounds=(3, 20), seconds=4.5)
    assert {len(times) for times in found.values()} == {rounds}


def test_of_nothing() -> None:
    assert interleaved({}, rounds=(1, 2), seconds=1) == {}


def test_a_slowdown_makes_each_pass_longer_by_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks a microsecond whenever it is read."""
    now = [0.0]

    def read() -> float:
        now[0] += 1e-6
        return now[0]

    def run() -> None:
        now[0] += 0.004

    monkeypatch.setattr(footprint.time, "perf_counter", read)
    assert timed(run, 3) == pytest.approx([0.004] * 3, rel=1e-3)
    assert timed(run, 3, 0.5) == pytest.approx([0.006] * 3, rel=1e-3)


def test_peak_memory_is_kept_after_what_took_it_is_gone() -> None:
    """In a process of its own, whose peak is not that of a test before this one."""
    script = (
        "from mxproof.runtimes.footprint import peak_bytes as p; a = p(); x = bytearray(1 << 26)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", f"{script}; del x; print(a, p())"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    before, after = map(int, shown.stdout.split())
    assert before + (1 << 25) < after < before + (1 << 28)


RUNTIMES = {"onnxruntime": "onnx", "pytorch": "pytorch", "pytorch-frozen": "pytorch"}


@pytest.fixture(scope="module")
def small() -> Graph:
    network, head = small_resnet()
    return network.graph(head)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_file_is_timed_in_a_process_of_its_own(
    runtime: str, small: Graph, tmp_path: Path
) -> None:
    path = convert(small, RUNTIMES[runtime], tmp_path)[0]
    inputs = {v.name: np.ones((1, 3, 16, 16), np.float32) for v in small.inputs}
    with opened(Side(runtime, path, threads=1), inputs) as side:
        assert all(seconds > 0 for seconds in side.passes(3))
        assert side.load_seconds > 0
        assert side.peak() > 1 << 24, "the library alone takes that much"
        assert side.versions[{"onnx": "onnxruntime"}.get(RUNTIMES[runtime], "torch")]


def test_a_runtime_that_is_not_there(tmp_path: Path) -> None:
    side = Side("onnxruntime", tmp_path / "a.onnx", python="/no/python")
    with pytest.raises(RuntimeFailure, match=r"/no/python: cannot be started.*--control-python"):
        opened(side, {}).__enter__()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match=r"onnxruntime refused to open: .*a\.onnx"):
        opened(Side("onnxruntime", tmp_path / "a.onnx"), {}).__enter__()
