"""`mxproof bench` and `python -m lab calibrate`, with real runtimes and a network that is quick."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest

from lab.__main__ import main as lab
from mxproof.benchmark.control import control_of
from mxproof.benchmark.converted_model import convert_model
from mxproof.benchmark.decision import TestPlan
from mxproof.benchmark.environment import environment
from mxproof.model import load_for_run

from .conftest import Run


@pytest.mark.nightly
def test_every_runtime_in_every_setting(prefix: Path, run: Run, tmp_path: Path) -> None:
    files = ["--json", tmp_path / "bench.json", "--markdown", tmp_path / "bench.md"]
    names = ["mxnet", "onnxruntime", "pytorch"]
    chosen = [word for name in names for word in ("--runtime", name)]
    options = [*chosen, "--seconds", "0.2", "--batch", "1,2", "--threads", "1"]
    result = run("bench", prefix, *options, *files)
    assert result.code == 0, result.err
    record = json.loads((tmp_path / "bench.json").read_text())
    rows = record["runs"]
    assert [(r["batch"], r["runtime"]) for r in rows] == [(b, n) for b in (1, 2) for n in names]
    medians = {r["runtime"]: r["median_ms"] for r in rows[:3]}
    ratios = {name: medians[name] / medians["mxnet"] for name in names[1:]}
    assert record["ratio_to_mxnet"] == pytest.approx(ratios)
    for row in rows:
        assert row["input"]["data"][0] == row["batch"]
        assert row["median_ms"] == pytest.approx(1e3 * float(np.median(row["seconds"])))
        assert row["threads"] == 1
        assert row["peak_bytes"] > 1 << 24
        assert (row["convert_seconds"] or 0) > 0 or row["runtime"] == "mxnet"
    ends = "-symbol.json", "-0000.params"
    assert rows[0]["file_bytes"] == sum(Path(f"{prefix}{end}").stat().st_size for end in ends)
    assert {"mxnet", "torch"} <= set(record["environment"]["versions"])
    assert "onnxruntime" in (tmp_path / "bench.md").read_text()


@pytest.mark.nightly
def test_a_baseline_is_kept_or_the_run_fails(prefix: Path, run: Run, tmp_path: Path) -> None:
    """A network of a few layers: MXNet's overhead is larger than all else. Then the baseline says
    that it was a hundred times as fast, or is another machine's."""
    path, options = tmp_path / "base.json", ["--runtime", "onnxruntime", "--minutes", "0.1"]
    result = run("bench", prefix, *options, "--against", "mxnet", "--json", path)
    record = json.loads(path.read_text())
    (row,), (candidate, control) = record["decisions"], record["runs"]
    assert result.code == (1 if row["verdict"] == "fail" else 0), result.err
    assert (row["name"], row["control"]) == (f"{prefix.name}-onnxruntime", "mxnet")
    assert (control["runtime"], len(control["seconds"])) == ("mxnet", row["rounds"])
    ratios = np.divide(candidate["seconds"], control["seconds"])
    assert row["ratio"] == pytest.approx(np.median(ratios), rel=1e-2)
    assert row["low"] < row["ratio"] < row["high"]
    assert record["ratio_to_mxnet"] == {"onnxruntime": row["measured"]}
    assert "onnxruntime" in record["environment"]["versions"]
    assert "mxnet" in record["control"]

    row.update(measured=row["measured"] / 100, error=0.01)
    path.write_text(json.dumps(record))
    result = run("bench", prefix, *options, "--against", path)
    busy = "inconclusive" in result.out  # then nothing is proven between two kinds of runtimes
    assert result.code == 1 or busy
    assert "python -m lab bisect" in result.err or busy
    row.update(cpu="another")
    path.write_text(json.dumps(record))
    result = run("bench", prefix, *options, "--against", path)
    assert f"has no {row['name']} of this input on this machine" in " ".join(result.err.split())


def test_a_baseline_is_of_the_same_benchmark_control_and_input(
    prefix: Path, tmp_path: Path
) -> None:
    model = convert_model(load_for_run(str(prefix), {}), tmp_path)
    mxnet = control_of("mxnet")
    row: Dict[str, Any] = mxnet.benchmark(model, "onnxruntime", TestPlan()).identity

    def expected(**other: Any) -> float:
        baseline = [{**row, "measured": 0.7, "error": 0.01, **other}]
        against = replace(mxnet, baseline=baseline)
        return against.benchmark(model, "onnxruntime", TestPlan()).plan.expected

    assert expected() == 0.7
    for other in ({"name": "x"}, {"control": "python"}, {"input": {}}, {"cpu": "x"}, {"cores": 0}):
        assert expected(**other) == 1.0


def test_another_python_is_the_control_with_its_own_files(
    prefix: Path, run: Run, tmp_path: Path
) -> None:
    """This very interpreter: its mxproof converts the control's files."""
    options = ["--runtime", "onnxruntime", "--minutes", "0.1", "--json", tmp_path / "gate.json"]
    assert run("bench", prefix, *options, "--against", sys.executable).code in (0, 1)
    record = json.loads((tmp_path / "gate.json").read_text())
    assert record["decisions"][0]["control"] == "python"
    assert record["control"] == record["environment"]["versions"]
    assert [row["side"] for row in record["runs"]] == ["candidate", "control"]


@pytest.mark.nightly
def test_another_python_reads_the_checkpoint_as_this_one_does(prefix: Path, tmp_path: Path) -> None:
    """The same sizes, left free, and the same part of the network: two folders, one name."""
    parts = []
    for layer in ("unit1_relu1", "fc"):
        subject = load_for_run(str(prefix), {"data": (1, 3, 32, 32)}, outputs=[layer])
        model = convert_model(subject, tmp_path / layer)
        control = control_of(sys.executable, None, ["--output", layer])
        path = control.target(model, "onnxruntime").path
        assert path != model.paths["onnx"]
        assert path.read_bytes() == model.paths["onnx"].read_bytes()
        parts.append(path.read_bytes())
    assert parts[0] != parts[1]


def test_a_python_without_mxproof_gets_our_files(prefix: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {python}: No module named mxproof >&2\nexit 1\n")
    python.chmod(0o755)
    model = convert_model(load_for_run(str(prefix), {}), tmp_path)
    target = control_of(str(python)).target(model, "onnxruntime")
    assert (target.path, target.python) == (model.paths["onnx"], str(python))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--against", "/no/python"], "/no/python: cannot be started"),
        (["--against", "{}.json"], "holds no decisions"),
        (["--against", "mxnet", "--runtime", "mxnet"], "only converted models are decided about"),
        (["--against", "mxnet", "--batch", "2"], "leave out --batch and --threads"),
    ],
)
def test_refusals(options: List[str], words: str, prefix: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    filled = [str(tmp_path / "other.json") if word == "{}.json" else word for word in options]
    result = run("bench", prefix, *filled)
    assert result.code == 2
    assert words in " ".join(result.err.split())


def test_a_record_names_the_python_that_was_measured() -> None:
    assert environment({"python": "3.9.1", "torch": "2.6"})["python"] == "3.9.1"
    assert environment({})["python"] == platform.python_version()


@pytest.mark.nightly
def test_calibrate(prefix: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    options = ["--runtime", "onnxruntime", "--trials", "1", "--slowdown", "0,900", "--quiet"]
    assert lab(["calibrate", str(prefix), *options, "--minutes", "2", "--json", str(path)]) == 0
    record = json.loads(path.read_text())
    clean, slow = record["rates"]
    assert (clean["slowdown"], slow["slowdown"], slow["fail"]) == (0.0, 9.0, 1)
    assert len(record["trials"]) == 2
