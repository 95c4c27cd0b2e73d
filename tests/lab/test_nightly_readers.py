"""What pytest itself writes, read; and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple

import pytest

from lab.nightly.judge import Run
from lab.nightly.readers import pytest_cases, read_run
from mxproof.reports.pytest_report import UNEXPECTED_PASS

from .nightly_runs import green_results, write

pytest_plugins = ("pytester",)
SUITE = f"""
import pytest
@pytest.mark.parametrize("x", ["a", "</testsuite>", "\\x1b[31m", "é|::["])
def test_names(x): pass
@pytest.mark.xfail(reason="known", strict=True)
def test_known(): assert 0
@pytest.mark.xfail(reason="known", strict=True)
def test_known_no_more(): pass
def test_unused(record_property):
    record_property("{UNEXPECTED_PASS}", "delete the row")
    assert 0
class Group:
    class Inner:
        def test_it(self): pytest.skip("needs a moon")
@pytest.fixture
def broken():
    yield
    assert 0
def test_twice(broken): assert 0, "first"
def test_after(broken): pass
def test_plain(benchmark): benchmark(int)
"""
CASES = {
    "test_names[a]": "passed",
    "test_names[</testsuite>]": "passed",
    "test_names[\\x1b[31m]": "passed",
    "test_names[\\xe9|::[]": "passed",
    "test_known": "expected failure",
    "test_known_no_more": "unexpected pass",
    "test_unused": "unused override",
    "Group::Inner::test_it": "skipped",
    "test_twice": "failed",
    "test_after": "failed",
    "test_plain": "passed",
}


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.nightly)], ids=["alone", "-n 2"]
)
def test_a_file_of_pytest(
    workers: Tuple[str, ...], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # a worker times nothing
    pytester.makepyfile(**{"tests/test_it": SUITE})
    pytester.makeini("[pytest]\njunit_family = xunit1\npython_classes = Group Inner\n")
    options = ["--junitxml=junit.xml", *(workers or ["--benchmark-json=benchmark.json"])]
    pytester.runpytest_subprocess(*options, timeout=200)
    run = Run({"models": {}})
    for case in pytest_cases(pytester.path / "junit.xml"):
        run.add("models", *case)
    cases = run.steps["models"]
    found = {name: case.outcome for name, case in cases.items()}
    assert found == {f"tests/test_it.py::{name}": outcome for name, outcome in CASES.items()}
    assert cases["tests/test_it.py::Group::Inner::test_it"].message == "needs a moon"
    assert cases["tests/test_it.py::test_unused"].message == "delete the row"
    assert (cases["tests/test_it.py::test_plain"].value is not None) is not bool(workers)


def test_numbers_are_read(tmp_path: Path) -> None:
    """The worst of all layers, models and parts; intervals where there are any."""
    made = green_results()
    line = '{"targets": {"onnx": {"float64_rel": %s, "float32_ratio": 1.0}}}'
    made["zoo-2-of-2/zoo.jsonl"] = "\n".join(line % rel for rel in ("3e-15", "1e-15", "NaN"))
    cases = dict(read_run(write(tmp_path, made)).cases())
    assert cases["float64_rel::GluonCV's zoo/onnx"].value == 3e-15
    assert cases["float64_rel::small/onnx"].value == 2e-15
    latency = cases["latency::small-pytorch"]
    assert (latency.value, latency.low, latency.high) == (0.7, 0.7 - 0.02, 0.7 + 0.02)
    assert cases["calibration::10 % slower"].value == 1.0
    assert cases["mutation::named at the layer"].value == 1.0
    assert cases["declarations::slips that a row caught"].value == 0.9
