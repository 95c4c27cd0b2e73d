"""`python -m lab nightly`: what it keeps from one run to the next, whatever happens in between."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from lab.nightly.history import opened
from lab.nightly.readers import read_run

from .conftest import Result, Run, names
from .nightly_runs import LAYERS, Made, decision, green_results, write

ONE = f"{LAYERS}::test_layers[small-onnx]"
Nightly = Callable[..., Result]


@pytest.fixture
def nightly(run: Run, tmp_path: Path) -> Nightly:
    """Judge a run with these changes, each path -> content; one green run went before."""
    (tmp_path / "history").mkdir()

    def judge(changes: Any = (), *options: object) -> Result:
        shutil.rmtree(tmp_path / "results", ignore_errors=True)
        results = write(tmp_path / "results", {**green_results(), **dict(changes)})
        return run("nightly", results, "--history", tmp_path / "history", *options)

    first = judge()
    said = "Green: no failure, no loss, no slowdown. 143 cases ran; no green run before"
    assert (first.code, first.err) == (0, "") and said in first.out
    return judge


def without_one(outcome: str = "passed") -> Made:
    path = "models/junit.xml"
    cases: Dict[str, str] = dict.fromkeys(green_results()[path], outcome)
    del cases[ONE]
    return {path: cases}


def entries(folder: Path) -> List[Made]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_a_red_run_is_no_standard(nightly: Nightly, tmp_path: Path) -> None:
    """What vanished stays red until it is back, or until someone says that it is intended."""
    files = {form: tmp_path / f"out.{form}" for form in ("markdown", "json", "html")}
    for _ in range(2):
        red = nightly(without_one(), *(w for f in files for w in (f"--{f}", files[f])))
        assert red.code == 1 and f"vanished: {ONE}: ran in the last green run" in red.err
    assert "Red: vanished (1). 143 cases ran" in red.out
    assert files["markdown"].read_text().startswith("## ✗ mxproof, nightly run of 2026-11-20")
    assert [r["kind"] for r in json.loads(files["json"].read_text())["reasons"]] == ["vanished"]
    assert "<title>3 nightly runs, the last one red</title>" in files["html"].read_text()
    assert nightly().code == 0
    failed = nightly(without_one("failed"), "--accept", "one is gone")
    assert failed.code == 1 and "failed: " in failed.err and ONE not in failed.err
    assert nightly(without_one(), "--accept", "one is gone").code == 0
    assert nightly(without_one()).code == 0, "fewer cases are the standard now"
    accepted = [entry["accepted"] for entry in entries(tmp_path / "history")]
    assert accepted[-3:] == ["one is gone", "one is gone", ""]


def test_the_records_of_the_last_green_run_are_kept(nightly: Nightly, tmp_path: Path) -> None:
    assert nightly((), "--markdown", tmp_path / "summary.md").code == 0
    assert "New cases" not in (tmp_path / "summary.md").read_text()
    other = {"latency/latency.json": {"decisions": [decision("small-pytorch")]}, "docs/x.html": "x"}
    assert nightly({**other, "versions.txt": "torch==2.14.0\n"}).code == 1
    green = tmp_path / "history" / "green"
    assert (green / "versions.txt").read_text().startswith("torch==2.13.0")
    assert not list(green.rglob("*.html"))
    done = nightly({**other, "versions.txt": "torch==2.14.0\n"}, "--accept", "gone")
    assert done.code == 0 and (green / "versions.txt").read_text() == "torch==2.14.0\n"
    assert len(read_run(green).steps["latency"]) == 1


def test_an_inconclusive_benchmark_is_reported_and_not_red(nightly: Nightly) -> None:
    unsure = [decision(f"small-{r}", "inconclusive") for r in ("onnxruntime", "pytorch")]
    found = nightly({"latency/latency.json": {"decisions": unsure}})
    assert found.code == 0 and "inconclusive: latency::small-pytorch\n" in found.out


@pytest.mark.parametrize("call", ["copytree", "replace", "rmtree", "rename"])
@pytest.mark.parametrize("before", [True, False])
def test_a_crash_leaves_all_of_the_old_or_all_of_the_new(
    call: str, before: bool, nightly: Nightly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends before or after any change of the file system."""
    folder = tmp_path / "history"
    module: Any = os if hasattr(os, call) else shutil
    real = getattr(module, call)

    class Killed(BaseException):
        pass

    def killed(*words: Any, **options: Any) -> None:
        if not before:
            real(*words, **options)
        raise Killed

    with opened(folder) as history:
        results = write(tmp_path / "new", {**green_results(), "versions.txt": "torch==2.14.0\n"})
        entry = {**json.loads(history.path.read_text()), "date": "2026-11-21T03:17:00Z"}
        monkeypatch.setattr(module, call, killed)
        with pytest.raises((Killed, FileNotFoundError)):
            history.add(entry, results)
        monkeypatch.undo()
    with opened(folder) as history:
        versions = read_run(folder / "green").versions["torch"]
        assert (len(history.entries), versions) in [(1, "2.13.0"), (2, "2.14.0")]
        assert not history.problems
    (folder / "green.next").mkdir()
    (folder / "green.next" / "entry.json").touch()  # it ended before it had written this
    with opened(folder) as history:
        assert read_run(folder / "green").versions["torch"] == versions
    assert names(folder) == [".lock", "green", "history.jsonl"]
    assert nightly().code == 0


def test_one_judge_at_a_time(nightly: Nightly, tmp_path: Path) -> None:
    with opened(tmp_path / "history"):
        refused = nightly()
    assert refused.code == 2 and "another judge has it open. Wait for it." in refused.err
    assert len(entries(tmp_path / "history")) == 1 and nightly().code == 0


def test_lines_of_another_form_are_reported_and_kept(nightly: Nightly, tmp_path: Path) -> None:
    path = tmp_path / "history" / "history.jsonl"
    entry = json.loads(path.read_text())
    forms = ({"schema": 1}, {"verdict": "blue"}, {"numbers": {"a": ["x", 1, 2]}}, {"counts": [1]})
    bad = ["{", "[1]", "[" * 50_000, "\x00", *(json.dumps({**entry, **form}) for form in forms)]
    path.write_text("\n".join([*bad, json.dumps(entry)]))
    done = nightly()
    reported = [place for place in range(1, 10) if f"history.jsonl:{place}: " in done.out]
    assert (done.code, reported) == (0, [*range(1, 9)])
    assert path.read_text().split("\n")[:8] == bad


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["{no}"], "no: has no results. Name the folder that .ci/nightly wrote."),
        (["{run}", "--history", "{no}"], "there is no such folder. Make it first."),
        (["{run}", "--accept", " "], "--accept: the reason is empty."),
        (["{run}", "--steps", "moon"], "invalid choice: 'moon'"),
    ],
)
def test_refusals(options: List[str], said: str, run: Run, tmp_path: Path) -> None:
    write(tmp_path / "run", green_results())
    words = [o.format(no=tmp_path / "no", run=tmp_path / "run") for o in options]
    found = run("nightly", "--history", tmp_path / "run", *words)
    assert found.code == 2 and said in found.err
    assert not (tmp_path / "run" / "history.jsonl").exists()
