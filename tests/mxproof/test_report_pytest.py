"""`pytest --report DIR`, in a pytest of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple
from xml.etree import ElementTree

import pytest

from mxproof.runtimes.mxnet import MxnetProcess

from .test_cli_verify import BLAMED

ROOT = Path(__file__).parents[2]


class Run(NamedTuple):
    code: int
    said: str
    folder: Path

    @property
    def report(self) -> Dict[str, Any]:
        found: Dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found

    @property
    def page(self) -> str:
        return (self.folder / "index.html").read_text(encoding="utf-8")

    @property
    def summary(self) -> str:
        return (self.folder / "summary.md").read_text(encoding="utf-8")

    @property
    def junit(self) -> List[ElementTree.Element]:
        return list(ElementTree.parse(self.folder / "junit.xml").iter("testcase"))


def run(where: Path, folder: Path, *arguments: object, plugins: str = "") -> Run:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", f"--report={folder}"]
    done = subprocess.run(
        list(map(str, [*command, *arguments])),
        cwd=where,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((plugins, str(ROOT)))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Run(done.returncode, done.stdout + done.stderr, folder)


SUITE = """
import pytest
from mxproof.report.pytest_report import FOUND
LATENCY = {"mxnet": {"median_ms": 2.0, "min_ms": 1.0, "rounds": 3, "threads": None}}
@pytest.fixture
def broken():
    raise OSError("no <disk>")
def test_right(record_property):
    record_property(FOUND, {"model": "a", "target": None, "latency": LATENCY})
def test_wrong(record_property):
    record_property(FOUND, {"model": "b", "target": "onnx"})
    assert 1 == 2, "one is | not two"
def test_not_begun(broken):
    pass
def test_skipped():
    pytest.skip("needs a moon")
def test_skipped_too():
    pytest.skip("needs a moon")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "suite").mkdir()
    plugins = 'pytest_plugins = ("mxproof.report.pytest_report",)'
    (tmp_path / "suite" / "conftest.py").write_text(plugins)
    (tmp_path / "suite" / "pytest.ini").write_text("[pytest]\njunit_family = xunit1\n")
    return tmp_path / "suite"


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_what_failed_and_what_was_skipped(workers: Any, suite: Path, tmp_path: Path) -> None:
    (suite / "test_it.py").write_text(SUITE)
    (tmp_path / "out").mkdir()  # an earlier report's
    found = run(suite, tmp_path / "out", *workers)
    assert found.code == 1, found.said
    assert f"report: {tmp_path / 'out' / 'index.html'}" in found.said
    report = found.report
    assert (report["verdict"], report["counts"]) == (
        "fail",
        {"failed": 2, "passed": 1, "skipped": 2},
    )
    tests = {test["id"].split("::")[1]: test for test in report["tests"]}
    assert {name: test["outcome"] for name, test in tests.items()} == {
        "test_right": "passed",
        "test_wrong": "failed",
        "test_not_begun": "failed",
        "test_skipped": "skipped",
        "test_skipped_too": "skipped",
    }
    assert tests["test_wrong"]["message"].startswith("AssertionError: one is | not two")
    assert tests["test_skipped"]["message"] == "needs a moon"
    verdicts = {record["model"]: record["verdict"] for record in report["records"]}
    assert verdicts == {"a": "incomplete", "b": "fail"}
    assert "no &lt;disk&gt;" in found.page and "one is | not two" in found.page
    assert "needs a moon <small>(2 tests)</small>" in found.page
    assert r"one is \| not two" in found.summary and "- skipped 2: needs a moon" in found.summary
    assert "| a | 2 |" in found.summary, "the latency"
    assert len(found.junit) == 5
    assert "mxproof_found" not in (found.folder / "junit.xml").read_text()


KNOWN = """
import pytest
from mxproof.report.pytest_report import SEARCH, UNEXPECTED_PASS
@pytest.mark.xfail(reason="known", strict=False)
def test_fails_as_known():
    assert False
@pytest.mark.xfail(reason="known", strict=True)
def test_fails_no_more():
    pass
@pytest.mark.xfail(reason="known", strict=False)
def test_fails_no_more_loosely():
    pass
def test_of_a_table(record_property):
    record_property(UNEXPECTED_PASS, "delete the row")
    assert False, "delete the row"
def test_of_a_table_that_is_right(record_property):
    record_property(SEARCH, {"model": "a", "worst": "0.5"})
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_known_exceptions_are_told_from_failures(workers: Any, suite: Path, tmp_path: Path) -> None:
    (suite / "test_it.py").write_text(KNOWN)
    (suite / "test_off.py").write_text("import pytest\npytest.skip('no', allow_module_level=True)")
    found = run(suite, tmp_path / "out", ".", *workers)
    tests = {test["id"]: test for test in found.report["tests"]}
    assert {name[12:]: test.get("exception") for name, test in tests.items() if "::" in name} == {
        "test_fails_as_known": "xfailed",
        "test_fails_no_more": "xpassed",
        "test_fails_no_more_loosely": "xpassed",
        "test_of_a_table": "xpassed",
        "test_of_a_table_that_is_right": None,
    }
    assert (tests["test_off.py"]["outcome"], tests["test_off.py"]["message"]) == ("skipped", "no")
    assert found.report["arguments"] == ["."]
    assert found.report["searches"] == [{"model": "a", "worst": "0.5"}]


def test_a_file_that_cannot_be_read_is_a_failure(suite: Path, tmp_path: Path) -> None:
    (suite / "test_it.py").write_text("import no_such_module")
    found = run(suite, tmp_path / "out")
    assert (found.report["verdict"], found.report["counts"]["failed"]) == ("fail", 1)
    assert "no_such_module" in found.page and "no\\_such\\_module" in found.summary
    assert "<title>Failed: 0 models</title>" in found.page


def test_a_place_that_is_no_folder_is_refused_first(suite: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    found = run(suite, tmp_path / "out")
    assert found.code == pytest.ExitCode.USAGE_ERROR
    assert f"--report {tmp_path / 'out'}: is a file. Name a folder." in found.said
    assert (tmp_path / "out").read_text() == "mine"


def test_a_run_of_nothing_says_so(suite: Path, tmp_path: Path) -> None:
    found = run(suite, tmp_path / "out")
    assert found.code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert found.report["verdict"] == "incomplete"
    for text in (found.page, found.summary):
        assert "No model was compared." in text and "Proven" not in text


def test_a_suite_that_was_required_and_did_not_run(tmp_path: Path) -> None:
    """Other plugins may call a run a failure in which no test failed."""
    tests = "tests/mxproof/test_ties.py"
    found = run(ROOT, tmp_path / "out", tests, "--require-suite", "tests/none.py")
    assert (found.code, found.report["verdict"]) == (1, "fail")
    assert found.report["counts"]["failed"] == 0
    assert "<title>Failed: 0 models</title>" in found.page and "## ✗" in found.summary


def test_a_run_without_models_proves_nothing(suite: Path, tmp_path: Path) -> None:
    (suite / "test_it.py").write_text("def test_it():\n    pass\n")
    found = run(suite, tmp_path / "out", "--junit-xml", tmp_path / "mine.xml")
    assert (found.code, found.report["verdict"]) == (0, "pass")
    assert "Not judged as a whole" in found.page and "Proven equal" not in found.page
    assert (tmp_path / "mine.xml").is_file() and not (tmp_path / "out" / "junit.xml").exists()


FAULT = f"""
from dataclasses import replace
from mxproof import targets
right = targets.convert
def wrong(graph, target, folder, **options):
    if target == "pytorch":
        graph = replace(graph, nodes=tuple(
            replace(n, attrs={{**n.attrs, "eps": "1e-3"}}) if n.name == "{BLAMED}" else n
            for n in graph.nodes
        ))
    return right(graph, target, folder, **options)
targets.convert = wrong
"""


def test_of_the_suites(mxnet: MxnetProcess, prefix: Path, tmp_path: Path) -> None:
    """Both precisions and the output of a model come together again, in several processes."""
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, which runs one of the targets")
    (tmp_path / "planted_fault.py").write_text(FAULT)
    options = ("--checkpoint", prefix, "--input", "data=2x3x8x6", "--mxnet-python", mxnet.python)
    options += ("-p", "planted_fault", "-n", "2", "-k", "test_layers or test_outputs")
    found = run(ROOT, tmp_path / "out", "tests/models", *options, plugins=str(tmp_path))
    assert found.code == 1, found.said
    (record,) = found.report["records"]
    assert (record["model"], record["verdict"], record["weights"]) == ("small", "fail", "user")
    assert record["input"] == {"data": [2, 3, 8, 6]}
    assert record["command"].startswith(f"mxproof verify {prefix}")
    assert record["versions"]["mxnet"] and record["source"]["symbol"] == "small-symbol.json"
    right, wrong = record["targets"]["onnx"], record["targets"]["pytorch"]
    assert (right["verdict"], wrong["verdict"]) == ("pass", "fail")
    assert wrong["first_introduced"] == BLAMED
    assert len(wrong["explanation"]) == 2, "one for each precision"
    for target in (right, wrong):
        assert len(target["layers"]) == 13
        assert target["output"]["max_abs"] >= 0
        assert all(layer["float64_rel"] is not None for layer in target["layers"])
        assert any(layer["float32_ratio"] for layer in target["layers"])
    assert {c["verdict"] for c in right["layers"]} == {"pass"}
    blamed = next(c for c in wrong["layers"] if c["name"] == BLAMED)
    assert blamed["verdict"] == "fail" and blamed["float64_part"] > 1 and blamed["alone"]
    assert f"PyTorch differs from MXNet, first in BatchNorm {BLAMED} (layer 6 of 13)" in found.page
    assert "## ✗ mxproof: Not equal" in found.summary
    assert (found.folder / "junit.xml").stat().st_size < 30_000
