"""The gate: rounds, visits and verdicts, with clocks for runtimes; then one real comparison."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np
import pytest

from lab.calibrate import disappointments
from lab.calibration import Trial, nights, rates, sensitivity
from mxproof.benchmark import gate
from mxproof.benchmark.control import control_of
from mxproof.benchmark.gate import Benchmark, expecting, race, run, verdict, visit
from mxproof.benchmark.latency import FAIL, INCONCLUSIVE, PASS, Plan, detectable
from mxproof.benchmark.lineup import line_up
from mxproof.benchmark.load import Load
from mxproof.benchmark.timing import Side, Timed
from mxproof.environment import environment
from mxproof.subject import load_for_run

from .conftest import Run
from .fakes import Clock, clocked, ticking

PLAN = Plan(comparisons=12)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sides run by a clock: 100 ms a pass and some noise, by their slowdown."""
    clock, random = Clock(), np.random.default_rng(0)

    @contextmanager
    def all_opened(sides: Mapping[str, Side], inputs: Any) -> Iterator[Dict[str, Timed]]:
        noise = float(inputs["noise"])

        def side(name: str, one: Side) -> Timed:
            def draw() -> float:
                return 0.1 * (1 + one.slowdown) * (1 + noise * float(random.exponential()))

            return ticking(clock, name, draw)

        clock.order.append("open")
        yield {name: side(name, one) for name, one in sides.items()}

    monkeypatch.setattr(gate, "all_opened", all_opened)
    monkeypatch.setattr(gate.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(Load, "others", lambda self: 0.0)  # whatever this machine does meanwhile
    return clock


def benchmark(name: str = "net", slowdown: float = 0.0, noise: float = 0.01) -> Benchmark:
    side = Side("onnxruntime", Path("net.onnx"))
    slow = Side("onnxruntime", Path("net.onnx"), slowdown=slowdown)
    return Benchmark(name, slow, side, {"noise": np.array(noise)}, "itself")


def test_rounds_are_abba_and_then_baab() -> None:
    clock = Clock()
    rounds = race(clocked(clock, "A", 1.0), clocked(clock, "B", 2.0))
    assert [next(rounds) for _ in range(2)] == [(1.0, 2.0)] * 2
    turns = "".join(clock.order[4:])  # the first four find out how long a pass is
    assert turns == "ABBA" + "BAAB"


def test_the_fastest_pass_of_a_turn_counts() -> None:
    """What else runs on a machine can only make a pass longer."""
    clock = Clock()
    disturbed = clocked(clock, "A", 0.02, 0.02, 0.09, 0.05, 0.02, 0.07, 0.03, 0.02)
    candidate, _ = next(race(disturbed, clocked(clock, "B", 0.02)))
    assert candidate == 0.02
    assert clock.order.count("A") > 4, "a short pass is repeated"


@pytest.mark.parametrize(("slowdown", "expected"), [(0.0, PASS), (0.1, FAIL), (0.5, FAIL)])
def test_clear_cases_are_quick(machine: Clock, slowdown: float, expected: str) -> None:
    found = benchmark(slowdown=slowdown)
    run([found], PLAN, seconds=600)
    assert found.to_json(PLAN)["verdict"] == expected
    assert len(found.rounds) == PLAN.looks[0] * len(found.launches)
    assert len(found.launches) == (2 if expected == FAIL else 1)
    assert machine.now < 60


def test_what_stays_open_has_the_time_that_is_left(machine: Clock) -> None:
    """A second visit, with processes of its own, adds to what the first one found."""
    clear, noisy = benchmark("clear"), benchmark("noisy", noise=0.5)
    run([noisy, clear], PLAN, seconds=60)
    assert machine.order.count("open") >= 3
    assert len(noisy.rounds) > 30 > len(clear.rounds)
    assert len(noisy.launches) > 1
    row = noisy.to_json(PLAN)
    assert (row["verdict"], row["more_rounds"] > 0) == (INCONCLUSIVE, True)
    assert machine.now < 90


def test_each_is_looked_at_however_little_time_there_is(machine: Clock) -> None:
    both = [benchmark("one"), benchmark("two", 0.2)]
    run(both, PLAN, seconds=0)
    assert [b.to_json(PLAN)["verdict"] for b in both] == [PASS, FAIL]


def visited(slowdown: float, noise: float) -> Benchmark:
    """With all the time that it wants."""
    found = benchmark(slowdown=slowdown, noise=noise)
    visit(found, replace(PLAN, seconds=1000))
    return found


def failed(slowdown: float, noise: float) -> bool:
    return visited(slowdown, noise).decision(PLAN).verdict == FAIL


def test_it_is_looked_at_the_times_that_the_plan_says(machine: Clock) -> None:
    """Looking after each round would find something in any noise."""
    lengths = {len(launch) for _ in range(20) for launch in visited(0.02, 0.1).launches}
    assert len(lengths) > 1
    assert lengths <= set(PLAN.looks)


def test_false_alarms_and_slowdowns_found(machine: Clock) -> None:
    """As often as the plan says: rare in 400 clean nights; 5 % nearly always."""
    assert sum(failed(0.0, 0.05) for _ in range(400)) <= 1
    assert sum(failed(0.05, 0.05) for _ in range(40)) >= 32


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.15])
def test_the_detectable_slowdown_is_found_in_four_cases_of_five(
    machine: Clock, noise: float
) -> None:
    clean = [visited(0.0, noise).rounds for _ in range(20)]
    effect = float(np.median([detectable(rounds, PLAN) for rounds in clean]))
    assert 0.6 < sum(failed(effect, noise) for _ in range(100)) / 100 < 0.97
    less = PLAN.tolerated + (effect - PLAN.tolerated) / 2
    assert sum(failed(less, noise) for _ in range(50)) < 25


def test_one_pair_of_processes_accuses_nobody(
    machine: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that lies badly makes one process slow for all its life; the next has other memory."""
    slow = chain([0.1], repeat(0.0))
    ordinary = gate.all_opened

    @contextmanager
    def unlucky_at_first(sides: Mapping[str, Side], inputs: Any) -> Iterator[Dict[str, Timed]]:
        candidate = replace(sides["candidate"], slowdown=next(slow))
        with ordinary({**sides, "candidate": candidate}, inputs) as opened:
            yield opened

    monkeypatch.setattr(gate, "all_opened", unlucky_at_first)
    found = benchmark()
    run([found], PLAN, seconds=60)
    assert len(found.launches) > 1
    assert found.to_json(PLAN)["verdict"] != FAIL


@pytest.mark.parametrize(("others", "expected"), [(0.0, FAIL), (0.5, INCONCLUSIVE)])
def test_a_busy_machine_accuses_no_runtime_of_another_kind(
    machine: Clock, others: float, expected: str
) -> None:
    """Four threads wait for the last of them, one for nobody: what else runs is not in balance."""
    found = benchmark(slowdown=0.5)
    found.control = Side("mxnet", Path("net"))
    run([found], PLAN, seconds=60)
    found.others = others
    assert found.to_json(PLAN)["verdict"] == expected
    like_with_like = benchmark(slowdown=0.5)
    run([like_with_like], PLAN, seconds=60)
    like_with_like.others = others
    assert like_with_like.to_json(PLAN)["verdict"] == FAIL


def test_the_load_is_that_of_others() -> None:
    """A process that is no child of this one, busy for as long as it is looked at."""
    own = Load()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass
    mine = own.others()
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]])"
    work = "import time; e = time.monotonic() + 1.5\nwhile time.monotonic() < e: pass"
    subprocess.run([sys.executable, "-c", script, work], check=True)
    time.sleep(0.3)
    load = Load()
    time.sleep(0.9)
    assert load.others() > mine or mine > 0.5, "the machine was busy before"
    assert load.others() >= 0.6 / (os.cpu_count() or 1)


def test_the_verdict_of_a_night() -> None:
    assert verdict([PASS, PASS]) == PASS
    assert verdict([PASS, INCONCLUSIVE]) == INCONCLUSIVE
    assert verdict([INCONCLUSIVE, FAIL, PASS]) == FAIL


def test_what_is_expected_is_of_the_same_benchmark_control_and_input() -> None:
    name, control, shape = "net-onnxruntime", "itself", {"noise": []}
    row = {"name": name, "control": control, "input": shape, "measured": 0.7, "error": 0.01}

    def found(**other: Any) -> Tuple[float, float]:
        expectant = expecting(benchmark("net"), {"benchmarks": [{**row, **other}]})
        return expectant.expected, expectant.expected_error

    assert found() == (0.7, 0.01)
    assert found(name="net-pytorch") == (1.0, 0.0)
    assert found(control="mxnet") == (1.0, 0.0)
    assert found(input={"noise": [1]}) == (1.0, 0.0)
    assert expecting(benchmark("net"), None).expected == 1.0


def test_a_record_names_the_python_that_was_measured() -> None:
    assert environment({"python": "3.9.1", "torch": "2.6"})["python"] == "3.9.1"
    assert environment({})["python"] == platform.python_version()


def test_calibration_counts_verdicts_by_what_was_injected(machine: Clock) -> None:
    both = [benchmark("one"), benchmark("two")]
    for each in both:
        each.versions = {"control": {}}
    found = list(chain.from_iterable(nights(both, [0.0, 0.1], 6, PLAN)))
    assert [trial.slowdown for trial in found] == [0.0, 0.0, 0.1, 0.1] * 3, "they alternate"
    assert [trial.benchmark for trial in found] == ["one-onnxruntime", "two-onnxruntime"] * 6
    clean, slow = rates(found)
    assert (clean.count(PASS), clean.share) == (6, 0.0)
    assert (slow.count(FAIL), slow.share) == (6, 1.0)
    low, high = slow.interval()  # by hand: n / (n + z^2)
    assert (low, high) == (pytest.approx(6 / (6 + 1.959964**2)), 1.0)
    effects = sensitivity(found, PLAN)
    assert set(effects) == {"one-onnxruntime", "two-onnxruntime"}
    assert all(PLAN.tolerated < effect < 0.1 for effect in effects.values())


@pytest.mark.parametrize(
    ("slowdown", "fails", "problems"),
    [
        (0.0, 0, []),
        (0.0, 1, ["0.025 of those without a slowdown failed; allowed: 0.005."]),
        (0.05, 32, []),
        (0.05, 31, ["5 % slower: found in 0.775 of its trials; demanded: 0.8."]),
    ],
)
def test_a_gate_is_worth_what_is_demanded_or_less(
    slowdown: float, fails: int, problems: List[str]
) -> None:
    verdicts = [FAIL] * fails + [INCONCLUSIVE] * (40 - fails)
    found = [Trial("net", slowdown, v, 1.0, 1.0, 1.0, 12, 1.0, (), {}) for v in verdicts]
    most, least = (None, [(0.05, 0.8)]) if slowdown else (0.005, [])
    assert disappointments(rates(found), most, least) == problems


def test_what_clear_cases_leave_of_a_night_is_for_the_others_of_it(machine: Clock) -> None:
    both = [benchmark("clear"), benchmark("noisy", noise=0.5)]
    for each in both:
        each.versions = {"control": {}}
    ((clear, noisy),) = nights(both, [0.0], 2, replace(PLAN, seconds=60.0))
    assert (clear.verdict, noisy.verdict) == (PASS, INCONCLUSIVE)
    assert clear.seconds < 60 < noisy.seconds
    assert len(noisy.times) == noisy.rounds > PLAN.looks[-1]


# The commands, with real runtimes and a network that is quick.


def test_the_command_judges_against_mxnet(prefix: Path, run: Run, tmp_path: Path) -> None:
    """A network of a few layers: MXNet's overhead is larger than that of all else."""
    files = ["--json", tmp_path / "gate.json", "--markdown", tmp_path / "gate.md"]
    result = run("gate", prefix, "--runtime", "onnxruntime", "--minutes", "0.1", *files)
    record = json.loads((tmp_path / "gate.json").read_text())
    assert result.code == (1 if record["verdict"] == FAIL else 0), result.err
    (row,) = record["benchmarks"]
    assert (row["name"], row["control"]) == (f"{prefix.name}-onnxruntime", "mxnet")
    assert len(row["times"]) == row["rounds"] >= PLAN.looks[0]
    assert row["ratio"] == pytest.approx(np.median([a / b for a, b in row["times"]]), rel=1e-2)
    assert row["low"] < row["ratio"] < row["high"]
    assert {"onnxruntime", "python"} <= set(record["environment"]["versions"])
    assert "mxnet" in record["control"]["versions"]
    assert row["verdict"] in (tmp_path / "gate.md").read_text()


def test_a_slower_one_fails_and_says_what_to_do(prefix: Path, run: Run, tmp_path: Path) -> None:
    """A baseline that says it was a hundred times as fast."""
    shapes = {n: list(s) for n, s in load_for_run(str(prefix), {}).concrete({}).items()}
    name = f"{prefix.name}-onnxruntime"
    row = {"name": name, "control": "python", "input": shapes, "measured": 0.01, "error": 0}
    green = {"environment": environment({}), "benchmarks": [row]}
    (tmp_path / "green.json").write_text(json.dumps(green))
    options = ["--runtime", "onnxruntime", "--minutes", "0.1", "--control-python", sys.executable]
    result = run("gate", prefix, *options, "--baseline", tmp_path / "green.json")
    assert result.code == 1
    assert f"{prefix.name}-onnxruntime: " in result.err
    assert "python -m lab bisect" in result.err
    green["environment"]["cpu"] = "another"
    (tmp_path / "green.json").write_text(json.dumps(green))
    options[-2:] = []
    result = run("gate", prefix, *options, "--baseline", tmp_path / "green.json")
    assert "measured where cpu is another" in result.err
    assert f"{prefix.name}-onnxruntime: " not in result.err


def test_another_python_is_the_control_with_its_own_files(
    prefix: Path, run: Run, tmp_path: Path
) -> None:
    """This very interpreter: its mxproof converts the control's files."""
    options = ["--runtime", "onnxruntime", "--minutes", "0.1", "--json", tmp_path / "gate.json"]
    assert run("gate", prefix, *options, "--control-python", sys.executable).code in (0, 1)
    (row,) = json.loads((tmp_path / "gate.json").read_text())["benchmarks"]
    assert row["control"] == "python"
    assert row["versions"]["candidate"] == row["versions"]["control"]


def test_another_python_reads_the_checkpoint_as_this_one_does(prefix: Path, tmp_path: Path) -> None:
    """The same sizes, left free, and the same part of the network: two folders, one name."""
    parts = []
    for layer in ("unit1_relu1", "fc"):
        subject = load_for_run(str(prefix), {"data": (1, 3, 32, 32)}, outputs=[layer])
        lineup = line_up(subject, tmp_path / layer, ["onnx"])
        control = control_of(sys.executable, None, ["--output", layer])
        side = control.side(lineup, "onnxruntime")
        assert side.path != lineup.paths["onnx"]
        assert side.path.read_bytes() == lineup.paths["onnx"].read_bytes()
        parts.append(side.path.read_bytes())
    assert parts[0] != parts[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--control-python", "/no/python"], "/no/python: cannot be started"),
        (["--baseline", "{}"], "not written by `mxproof gate --json`"),
        (["--runtime", "mxnet"], "invalid choice: 'mxnet'"),
        (["--json", "nowhere/gate.json"], "there is no such folder"),
    ],
)
def test_refusals(options: List[str], words: str, prefix: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    filled = [str(tmp_path / "other.json") if word == "{}" else word for word in options]
    result = run("gate", prefix, *filled)
    assert result.code == 2
    assert words in result.err


def test_calibrate_prints_rates_and_holds_them_to_what_is_demanded(
    prefix: Path, run: Run, tmp_path: Path
) -> None:
    options = ["--runtime", "onnxruntime", "--trials", "2", "--slowdown", "0,900"]
    few = ["--minutes", "2", "--json", tmp_path / "c.json"]  # a twelfth of it for each decision
    result = run("calibrate", prefix, *options, *few, "--least-found", "900=1")
    record = json.loads((tmp_path / "c.json").read_text())
    assert result.code == 0, result.err
    clean, slow = record["rates"]
    assert (clean["slowdown"], slow["slowdown"], slow["fail"]) == (0.0, 9.0, 2)
    assert len(record["trials"]) == 4
    assert record["detectable"][f"{prefix.name}-onnxruntime"] > 0
    result = run(
        "calibrate", prefix, *options[:-2], *few, "--slowdown", "0", "--least-found", "5=1"
    )
    assert result.code == 1
    assert "5 % slower: not tried; demanded: 1" in result.err


def test_bench_has_every_runtime_in_every_setting(prefix: Path, run: Run, tmp_path: Path) -> None:
    files = ["--json", tmp_path / "bench.json", "--markdown", tmp_path / "bench.md"]
    options = ["--seconds", "0.2", "--batch", "1,2", "--threads", "1"]
    result = run("bench", prefix, *options, *files)
    assert result.code == 0, result.err
    record = json.loads((tmp_path / "bench.json").read_text())
    names = ["mxnet", "onnxruntime", "pytorch", "pytorch-frozen"]
    assert [(r["runtime"], r["batch"]) for r in record["runs"]] == [
        (name, batch) for batch in (1, 2) for name in names
    ]
    assert set(record["ratio_to_mxnet"]) == set(names[1:])
    medians = {r["runtime"]: r["median_ms"] for r in record["runs"] if r["batch"] == 1}
    for name, ratio in record["ratio_to_mxnet"].items():
        assert ratio == pytest.approx(medians[name] / medians["mxnet"])
    for row in record["runs"]:
        assert row["input"]["data"][0] == row["batch"]
        assert row["median_ms"] == pytest.approx(1e3 * float(np.median(row["seconds"])))
        assert row["threads"] == 1
        assert row["peak_bytes"] > 1 << 24
    assert record["model_bytes"]["mxnet"] == sum(
        Path(f"{prefix}{end}").stat().st_size for end in ("-symbol.json", "-0000.params")
    )
    assert all(seconds > 0 for seconds in record["convert_seconds"].values())
    assert {"cpu", "cores", "versions"} <= set(record["environment"])
    assert "pytorch-frozen" in (tmp_path / "bench.md").read_text()
