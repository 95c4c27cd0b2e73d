"""`pytest --report DIR`: small suites in this process, and the real one in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, NamedTuple
from xml.etree import ElementTree

import markupsafe  # noqa: F401 - or pytester's runs, which share its templates, forget it
import pytest

from converters import load_checkpoint
from mxproof.runtimes.mxnet.client import MxnetProcess

from .test_cli_verify import BLAMED, check_schema

pytest_plugins = ("pytester",)
ROOT = Path(__file__).parents[2]
PLUGIN = "mxproof.reports.pytest_report"


class Written(NamedTuple):
    """What a run wrote."""

    code: int
    folder: Path

    @property
    def report(self) -> Dict[str, Any]:
        found: Dict[str, Any] = json.loads(self.text("report.json"))
        return found

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _only_our_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in this process start fast; and Playwright's plugin refuses to be in two of them."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, *arguments: object) -> Written:
    """The suite in pytester's folder, reported to `out`."""
    folder = pytester.path / "out"
    options = ("-p", PLUGIN, "-p", "no:cacheprovider", "-o", "junit_family=xunit1")
    done = pytester.inline_run(*options, f"--report={folder}", *map(str, arguments))
    return Written(int(done.ret), folder)


SUITE = """
import pytest
from mxproof.reports.pytest_report import FOUND, SEARCH, UNEXPECTED_PASS
LATENCY = {"mxnet": {"median_ms": 2.0, "min_ms": 1.0, "rounds": 3, "threads": None}}
@pytest.fixture
def broken():
    raise OSError("no <disk>")
def test_right(record_property):
    record_property(FOUND, {"model": "a", "target": None, "latency": LATENCY})
    record_property(SEARCH, {"model": "a", "worst": "0.5"})
def test_wrong(record_property):
    record_property(FOUND, {"model": "b", "target": "onnx"})
    assert 1 == 2, "one is | not two"
def test_not_begun(broken):
    pass
def test_skipped():
    pytest.skip("needs a moon")
def test_skipped_too():
    pytest.skip("needs a moon")
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
"""
OUTCOMES = {
    "test_right": "passed",
    "test_wrong": "failed",
    "test_not_begun": "failed",
    "test_skipped": "skipped",
    "test_skipped_too": "skipped",
    "test_fails_as_known": "skipped",
    "test_fails_no_more": "failed",
    "test_fails_no_more_loosely": "passed",
    "test_of_a_table": "failed",
    "test_off.py": "skipped",
    "test_unreadable.py": "failed",
}


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "1")], ids=["alone", "xdist"])
def test_every_outcome_is_reported(workers: Any, pytester: pytest.Pytester) -> None:
    off = "import pytest\npytest.skip('no', allow_module_level=True)"
    pytester.makepyfile(test_it=SUITE, test_off=off, test_unreadable="import no_such_module")
    pytester.mkdir("out")  # an earlier report's
    found = run(pytester, "--continue-on-collection-errors", *workers)
    assert found.code == 1
    report, page, summary = found.report, found.text("index.html"), found.text("summary.md")
    tests = {test["id"].split("::")[-1]: test for test in report["tests"]}
    assert {name: test["outcome"] for name, test in tests.items()} == OUTCOMES
    assert report["verdict"] == "fail"
    assert report["counts"] == {"failed": 5, "passed": 2, "skipped": 4}
    assert tests["test_wrong"]["message"].startswith("AssertionError: one is | not two")
    assert [tests[n]["message"] for n in ("test_skipped", "test_off.py")] == ["needs a moon", "no"]
    verdicts = {record["model"]: record["verdict"] for record in report["records"]}
    assert verdicts == {"a": "incomplete", "b": "fail"}
    assert report["searches"] == [{"model": "a", "worst": "0.5"}]
    assert "no &lt;disk&gt;" in page and "one is | not two" in page and "no_such_module" in page
    assert "needs a moon <small>(2 tests)</small>" in page
    assert r"one is \| not two" in summary and "- skipped 2: needs a moon" in summary
    assert "no\\_such\\_module" in summary
    assert "| a | 2 |" in summary, "the latency"
    junit = ElementTree.parse(found.folder / "junit.xml")
    assert len(list(junit.iter("testcase"))) == len(OUTCOMES)
    properties = [element.attrib["name"] for element in junit.iter("property")]
    assert properties == ["mxproof_search", "mxproof_unexpected_pass"]


@pytest.mark.parametrize("missing", ["a folder", "jinja2"])
def test_it_is_refused_first(
    missing: str, pytester: pytest.Pytester, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "jinja2":
        monkeypatch.setitem(sys.modules, "jinja2", None)
    (pytester.path / "out").write_text("mine")
    found = run(pytester)
    assert found.code == pytest.ExitCode.USAGE_ERROR
    file, jinja = f"--report {found.folder}: {found.folder} is a file.", "pip install 'mxproof["
    assert (file if missing == "a folder" else jinja) in capsys.readouterr().err
    assert found.folder.read_text() == "mine"


PASSES = "def test_it():\n    pass"
FAILS_IT = "def pytest_sessionfinish(session): session.exitstatus = 1"


@pytest.mark.parametrize(
    ("files", "result", "title"),
    [
        (("", ""), (5, "incomplete"), "Not judged as a whole"),
        ((PASSES, ""), (0, "pass"), "Not judged as a whole"),
        ((PASSES, FAILS_IT), (1, "fail"), "Failed"),
    ],
    ids=["nothing ran", "no model", "failed by another plugin"],
)
def test_a_run_without_models_proves_nothing(
    files: Any, result: Any, title: str, pytester: pytest.Pytester, capsys: Any
) -> None:
    pytester.makepyfile(test_it=files[0])
    pytester.makeconftest(files[1])
    mine = pytester.path / "mine.xml"
    found = run(pytester, "--junit-xml", mine)
    assert (found.code, found.report["verdict"]) == result
    assert f"report: {found.folder / 'index.html'}" in capsys.readouterr().out
    assert found.report["counts"]["failed"] == 0
    assert f"<title>{title}: 0 models</title>" in found.text("index.html")
    sign = "✗" if title == "Failed" else "…"
    assert found.text("summary.md").startswith(f"## {sign} mxproof: {title}")
    for text in (found.text("index.html"), found.text("summary.md")):
        assert "No model was compared." in text and "Proven equal" not in text
    assert mine.is_file() and not (found.folder / "junit.xml").exists()


FAULT = """
from mxproof.runtimes import registry as targets
from tests.mxproof.test_cli_verify import convert, with_wrong_epsilon
targets.convert = lambda graph, target, *rest, **options: (
    with_wrong_epsilon if target == "pytorch" else convert
)(graph, target, *rest, **options)
"""


@pytest.mark.usefixtures("runtimes")
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.nightly)])
def test_of_the_suites(workers: int, prefix: Path, tmp_path: Path, mxnet: MxnetProcess) -> None:
    """Both precisions and the output of a model come together again, of several processes too."""
    (tmp_path / "planted_fault.py").write_text(FAULT)
    options = ("--checkpoint", prefix, "--input", "data=2x3x8x6", "--mxnet-python", mxnet.python)
    options += ("-p", "planted_fault", "-n", workers, "tests/models/test_layers.py")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    command += [f"--report={tmp_path / 'out'}", *map(str, options), "tests/models/test_outputs.py"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    del environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    found = Written(done.returncode, tmp_path / "out")
    assert found.code == 1, done.stdout + done.stderr
    (record,) = found.report["records"]
    assert record.pop("output_input")
    check_schema(record, load_checkpoint(prefix), ["onnx", "pytorch"])
    assert record["command"].startswith(f"mxproof verify {prefix}") and record["versions"]["mxnet"]
    right, wrong = record["targets"].values()
    assert (right["verdict"], wrong["verdict"]) == ("pass", "fail")
    assert wrong["first_introduced"] == BLAMED
    assert len(wrong["explanation"]) == 2, "one for each precision"
    for target in (right, wrong):
        assert target["output"]["max_abs"] >= 0
        assert any(layer["float32_ratio"] for layer in target["layers"])
    assert {c["verdict"] for c in right["layers"]} == {"pass"}
    blamed = next(c for c in wrong["layers"] if c["name"] == BLAMED)
    assert blamed["verdict"] == "fail" and blamed["float64_part"] > 1 and blamed["alone"]
    said = f"PyTorch differs from MXNet, first in BatchNorm {BLAMED} (layer 6 of 13)"
    assert said in found.text("index.html")
    assert "## ✗ mxproof: Not equal" in found.text("summary.md")
    assert (found.folder / "junit.xml").stat().st_size < 30_000
