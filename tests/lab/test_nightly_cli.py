"""`python -m lab nightly`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import List

import pytest

from .conftest import Run, names
from .nights import LAYERS, ONE, a_test, expected, lines, whole_night, without, write


def test_two_nights(run: Run, tmp_path: Path) -> None:
    listed = expected(tmp_path / "expected.txt")
    (tmp_path / "history").mkdir()
    options = ["--history", tmp_path / "history", "--expected", listed, "--steps", "models,zoo"]
    made = whole_night()
    made["latency"]["versions.txt"] = "torch==2.13.0\n"
    first = run("nightly", write(tmp_path / "one", made), *options)
    assert (first.code, first.err) == (0, "")
    assert "Green: 15 cases ran, none failed" in first.out
    assert names(tmp_path / "history") == ["green", "history.jsonl"]
    assert names(tmp_path / "history" / "green") == ["gate.json", "versions.txt"]
    second = write(tmp_path / "two", without(whole_night("2026-11-21T03:17:00Z"), ONE))
    files = {form: tmp_path / f"night.{form}" for form in ("markdown", "json", "html")}
    found = run("nightly", second, *options, *(w for f in files for w in (f"--{f}", files[f])))
    assert found.code == 1
    assert f"vanished: {ONE}: ran in the last green night\n" in found.err
    assert "Red: vanished (1). 14 cases ran; compared with the last green night" in found.out
    assert files["markdown"].read_text().startswith("## ✗ mxproof, night of 2026-11-21T03")
    assert json.loads(files["json"].read_text())["reasons"][0]["kind"] == "vanished"
    assert "<title>2 nights, red tonight</title>" in files["html"].read_text()
    assert [n["verdict"] for n in lines(tmp_path / "history" / "history.jsonl")] == ["green", "red"]
    accepted = run("nightly", second, *options, "--accept", "it was twice there", "--quiet")
    assert (accepted.code, accepted.out) == (0, "")
    assert lines(tmp_path / "history" / "history.jsonl")[-1]["accepted"] == "it was twice there"


def test_a_red_night_keeps_what_the_green_one_measured(run: Run, tmp_path: Path) -> None:
    (tmp_path / "h").mkdir()
    for ratio, name in ((0.7, "one"), (0.9, "two")):
        made = whole_night()
        made["latency"]["gate.json"]["benchmarks"][0]["ratio"] = ratio
        made = without(made, ONE) if name == "two" else made
        run("nightly", write(tmp_path / name, made), "--history", tmp_path / "h")
    kept = json.loads((tmp_path / "h" / "green" / "gate.json").read_text())
    assert kept["benchmarks"][0]["ratio"] == 0.7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["{no}"], "no: is no folder. Name the one that .ci/nightly wrote."),
        (["{empty}"], "empty: has no */step.json."),
        (["{night}", "--expected", "{no}"], "no: cannot be read as a list of cases"),
        (["{night}", "--expected", "{bad}"], "bad:1: ' x' is no line of a list of cases"),
        (["{night}", "--history", "{no}/x/y"], "there is no such folder. Make it first."),
        (["{night}", "--steps", "models,moon"], "there is no step 'moon'; there are: models, op"),
        (["{night}", "--accept", " "], "--accept: says no reason. Give one."),
        (["{night}", "--html", "{no}/x.html"], "there is no such folder. Make it first."),
        (["{night}", "--markdown", "{empty}"], "is a folder. Name a file."),
    ],
)
def test_what_cannot_be_done_is_said(
    options: List[str], said: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").write_text(" x\n")
    write(tmp_path / "night", whole_night())
    places = {name: tmp_path / name for name in ("no", "empty", "bad", "night")}
    before = ["--history", tmp_path / "h.jsonl"] * ("--history" not in options)
    found = run("nightly", *(o.format(**places) for o in options), *before)
    assert found.code == 2 and said in found.err
    assert not [name for name in names(tmp_path) if "h.jsonl" in name]


def test_foreign_text_is_shown_as_text(run: Run, tmp_path: Path) -> None:
    made = whole_night()
    case = f"{LAYERS}::test_x[\x1b[31m[bold]|<b>]"
    made["models"]["report.json"]["tests"].append(a_test(case, "failed", "`x`\n\x07 | <script>"))
    (tmp_path / "h").mkdir()
    options = ["--history", tmp_path / "h", "--markdown", tmp_path / "m.md"]
    found = run("nightly", write(tmp_path / "night", made), *options)
    assert found.code == 1
    assert r"test_x[\x1b[31m[bold]|<b>]: `x` \x07 | <script>" in found.err.replace("\n", " ")
    text = (tmp_path / "m.md").read_text()
    assert "<script>" not in text and "\x1b" not in text and r"\|&lt;b&gt;" in text
