"""The gate: process pairs, rounds and verdicts, with clocks for runtimes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping

import numpy as np
import pytest

from lab import calibrate
from mxproof.benchmark import gate
from mxproof.benchmark.decision import FAIL, INCONCLUSIVE, PASS, TestPlan
from mxproof.benchmark.environment import CpuContention
from mxproof.benchmark.gate import Benchmark, abba_rounds, overall, run
from mxproof.benchmark.timing import TimingTarget, WarmProcess

from .fakes import Clock, clocked, ticking

PLAN = TestPlan(comparisons=12)
LOOKS = PLAN.interim_analyses


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Targets are run by a clock: 100 ms a pass and some noise, by their slowdown."""
    clock, random = Clock(), np.random.default_rng(0)

    @contextmanager
    def all_opened(
        targets: Mapping[str, TimingTarget], inputs: Any
    ) -> Iterator[Dict[str, WarmProcess]]:
        def process(name: str, target: TimingTarget) -> WarmProcess:
            def draw() -> float:
                noise = 1 + float(inputs["noise"]) * float(random.exponential())
                return 0.1 * (1 + target.slowdown) * noise

            return ticking(clock, name, draw)

        clock.order.append("open")
        yield {name: process(name, target) for name, target in targets.items()}

    monkeypatch.setattr(gate, "all_opened", all_opened)
    monkeypatch.setattr(gate.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(CpuContention, "others", lambda self: 0.0)  # this machine is no matter
    return clock


def benchmark(name: str = "net", slowdown: float = 0.0, noise: float = 0.01) -> Benchmark:
    control = TimingTarget("onnxruntime", Path("net.onnx"))
    candidate = replace(control, slowdown=slowdown)
    return Benchmark(name, candidate, control, {"noise": np.array(noise)}, "itself", PLAN)


def decided(slowdown: float, noise: float, seconds: float = 1000) -> Benchmark:
    found = benchmark(slowdown=slowdown, noise=noise)
    run([found], seconds)
    return found


def verdict(found: Benchmark) -> str:
    return found.decision().verdict


def test_rounds_are_abba_and_then_baab() -> None:
    clock = Clock()
    rounds = abba_rounds(clocked(clock, "A", 1.0), clocked(clock, "B", 2.0))
    assert [next(rounds) for _ in range(2)] == [(1.0, 2.0)] * 2
    turns = "".join(clock.order[4:])  # the first four find out how long a pass is
    assert turns == "ABBA" + "BAAB"


def test_the_fastest_pass_of_a_turn_counts() -> None:
    """Whatever else runs on a machine can only lengthen a pass."""
    clock = Clock()
    disturbed = clocked(clock, "A", 0.02, 0.02, 0.09, 0.05, 0.02, 0.07, 0.03, 0.02)
    candidate, _ = next(abba_rounds(disturbed, clocked(clock, "B", 0.02)))
    assert candidate == 0.02
    assert clock.order.count("A") > 4, "a short pass is repeated"
    disturbed = clocked(clock, "A", *(0.02,) * 3, 0.09)  # in all of its second turn
    assert next(abba_rounds(disturbed, clocked(clock, "B", 0.02)))[0] == 0.02


@pytest.mark.parametrize(
    ("slowdown", "seconds", "expected"),
    [(0.0, 600, PASS), (0.1, 600, FAIL), (0.0, 0, PASS), (0.2, 0, FAIL)],
)
def test_clear_cases_are_quick_however_little_time_there_is(
    machine: Clock, slowdown: float, seconds: float, expected: str
) -> None:
    found = decided(slowdown, 0.01, seconds)
    assert verdict(found) == expected
    assert len(found.process_pairs) == (2 if expected == FAIL else 1)
    assert len(found.rounds) == LOOKS[0] * len(found.process_pairs)
    assert found.seconds == pytest.approx(machine.now)
    assert machine.now < 60


def test_an_open_case_gets_the_time_that_is_left(machine: Clock) -> None:
    """A second process pair adds to what the first one found."""
    clear, noisy = benchmark("clear"), benchmark("noisy", noise=0.5)
    run([noisy, clear], seconds=60)
    assert machine.order.count("open") >= 3
    assert len(noisy.rounds) > 30 > len(clear.rounds)
    assert (verdict(noisy), noisy.decision().more_rounds or 0) > (INCONCLUSIVE, 0)
    assert clear.seconds < 30 < noisy.seconds
    assert machine.now < 90


def test_rounds_are_analysed_as_often_as_the_plan_says(machine: Clock) -> None:
    """Looking after each round would find something in any noise."""
    lengths = {len(pair) for _ in range(20) for pair in decided(0.02, 0.1).process_pairs}
    assert len(lengths) > 1
    assert lengths <= set(LOOKS)


@pytest.mark.nightly
def test_false_alarms_and_slowdowns_found(machine: Clock) -> None:
    """As often as the plan says: rare in 400 clean runs; 5 % nearly always."""
    assert sum(verdict(decided(0.0, 0.05)) == FAIL for _ in range(400)) <= 1
    assert sum(verdict(decided(0.05, 0.05)) == FAIL for _ in range(40)) >= 32


def test_one_process_pair_proves_no_slowdown(
    machine: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that lies badly makes one process slow for all its life; the next has other memory."""
    slow, ordinary = chain([0.1], repeat(0.0)), gate.all_opened

    @contextmanager
    def unlucky_at_first(targets: Any, inputs: Any) -> Iterator[Dict[str, WarmProcess]]:
        candidate = replace(targets["candidate"], slowdown=next(slow))
        with ordinary({**targets, "candidate": candidate}, inputs) as processes:
            yield processes

    monkeypatch.setattr(gate, "all_opened", unlucky_at_first)
    found = decided(0.0, 0.01, seconds=60)
    assert len(found.process_pairs) > 1
    assert verdict(found) != FAIL


@pytest.mark.parametrize(
    ("control", "others", "expected"),
    [("mxnet", 0.0, FAIL), ("mxnet", 0.5, INCONCLUSIVE), ("onnxruntime", 0.5, FAIL)],
)
def test_a_busy_machine_proves_nothing_between_runtimes_of_two_kinds(
    machine: Clock, control: str, others: float, expected: str
) -> None:
    """One waits for the last of four threads, another has one: contention hits them unevenly."""
    found = benchmark(slowdown=0.5)
    found.control = TimingTarget(control, Path("net"))
    found.others = others
    run([found], seconds=60)
    assert verdict(found) == expected


def test_contention_is_what_others_take() -> None:
    """A process that is no child of this one, busy for as long as it is looked at."""
    contention = CpuContention()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass
    mine = contention.others()
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]])"
    work = "import time; e = time.monotonic() + 1.5\nwhile time.monotonic() < e: pass"
    subprocess.run([sys.executable, "-c", script, work], check=True)
    time.sleep(0.3)
    contention = CpuContention()
    time.sleep(0.9)
    assert contention.others() > mine or mine > 0.4, "the machine was busy before"
    assert contention.others() >= 0.4 / (os.cpu_count() or 1)


def test_one_verdict_for_a_run() -> None:
    assert overall([PASS, PASS]) == PASS
    assert overall([PASS, INCONCLUSIVE]) == INCONCLUSIVE
    assert overall([INCONCLUSIVE, FAIL, PASS]) == FAIL


def test_calibration_counts_verdicts_by_what_was_injected(machine: Clock) -> None:
    both = [benchmark("one"), benchmark("two")]
    runs = list(calibrate.measured(both, [0.0, 0.1], 6, 60.0))
    trials = [calibrate.trial(found) for together in runs for found in together]
    assert [t["slowdown"] for t in trials] == [0.0, 0.0, 0.1, 0.1] * 3, "they alternate"
    assert [t["benchmark"] for t in trials] == ["one-onnxruntime", "two-onnxruntime"] * 6
    clean, slow = calibrate.rates(trials)
    assert (clean[PASS], clean["share_failed"]) == (6, 0.0)
    assert (slow[FAIL], slow["share_failed"]) == (6, 1.0)
    bounds = pytest.approx(6 / (6 + 1.959964**2)), pytest.approx(1.0)  # by hand: n / (n + z^2)
    assert (slow["low"], slow["high"]) == bounds


@pytest.mark.parametrize(
    ("slowdown", "fails", "problems"),
    [
        (0.0, 0, []),
        (0.0, 1, ["0 % slower: 2.5 % of 40 trials failed; required: 0 to 0.5 %."]),
        (0.05, 32, []),
        (0.05, 31, ["5 % slower: 77.5 % of 40 trials failed; required: 80 to 100 %."]),
        (0.1, 37, ["10 % slower: 92.5 % of 40 trials failed; required: 95 to 100 %."]),
        (0.2, 0, []),  # nothing is required of it
    ],
)
def test_calibration_is_red_below_its_bars(slowdown: float, fails: int, problems: Any) -> None:
    verdicts = [FAIL] * fails + [INCONCLUSIVE] * (40 - fails)
    trials = [{"slowdown": slowdown, "verdict": v, "seconds": 1.0} for v in verdicts]
    assert calibrate.missed_bars(calibrate.rates(trials)) == problems
