"""What people look at: the page of trends and the summary, whatever the records say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from lab.nightly.history import entry_of
from lab.nightly.judge import judge
from lab.nightly.readers import read_run
from lab.nightly.report import SHOWN, page, summary
from mxproof.reports.record import Json
from tests.mxproof.browser import PHONE, Reader, browser_type_launch_args, reader
from tests.mxproof.records import HOSTILE

from .conftest import Run
from .nightly_runs import LAYERS, decision, green_results, write

Entries = List[Json]
__all__ = ["browser_type_launch_args", "reader"]  # fixtures


@pytest.fixture
def entry(tmp_path: Path) -> Json:
    run = read_run(write(tmp_path / "run", green_results()))
    entry: Json = json.loads(json.dumps(entry_of(run, judge(run, None), "")))
    return entry


def many(entry: Json) -> Entries:
    """More runs than are shown; the versions changed in the third last."""
    later = {**entry, "versions": {**entry["versions"], "torch": "2.14.0"}}
    return [{**entry, "date": f"run {i}"} for i in range(SHOWN)] + [later] * 3


def red(entry: Json) -> Entries:
    name = "latency::small-onnxruntime"
    reasons = [f"slower: {name}: 1.2 times its control"] * 7
    return [entry, {**entry, "verdict": "red", "reasons": reasons, "inconclusive": [name]}]


def hostile(entry: Json) -> Entries:
    text = json.dumps(entry).replace("small", json.dumps(HOSTILE)[1:-1])
    made = {**json.loads(text), "date": HOSTILE, "commit": HOSTILE[:9], "accepted": HOSTILE}
    return [made, {**made, "verdict": "red", "reasons": [HOSTILE], "versions": {HOSTILE: HOSTILE}}]


def empty(entry: Json) -> Entries:
    return [{**entry, "numbers": {}, "counts": {}, "versions": {}, "commit": ""}]


def holes(entry: Json) -> Entries:
    return [entry, {**entry, "numbers": {}}, entry]


@pytest.mark.parametrize("width", [PHONE, 1280])
@pytest.mark.parametrize("kind", [many, red, hostile, empty, holes])
def test_it_needs_nothing_and_fits(
    kind: Any, width: int, entry: Json, reader: Reader, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text(page(kind(entry), [HOSTILE]), encoding="utf-8")
    reader.check(path, width=width, dark=width == PHONE)
    assert reader.page.evaluate("document.querySelectorAll('script, img, iframe').length") == 0


def test_everything_is_there(entry: Json) -> None:
    source = page(red(entry), ["a note"])
    for text in (
        "<title>2 nightly runs, the last one red</title>",
        f"<h1>Nightly run of {entry['date']}</h1>",
        "143 cases ran, commit abc.",
        "<li>a note</li>",
        "and 2 more",
        "small. onnx: last 2e-15, from 2e-15 to 2e-15",
        "GluonCV&#39;s zoo",
        "Share of the slowdowns that the latency gate found",
        f"{LAYERS}::test_layers[small-onnx]</th><td>2</td>",
    ):
        assert text in source, text
    assert source.count('class="chart-mark bad"') == 1
    unsure = page([{**red(entry)[1], "reasons": []}], [])
    assert unsure.count('class="chart-mark unsure"') == 1


def test_versions_are_marked_where_they_changed(entry: Json) -> None:
    source = page(many(entry), [])
    assert "<li>2026-11-20T03:17:00Z: torch: 2.13.0 → 2.14.0</li>" in source
    assert source.count('class="chart-event"') == source.count('class="chart"')
    assert f"<title>{SHOWN} nightly runs, the last one green</title>" in source


def test_foreign_text_is_shown_as_text(run: Run, tmp_path: Path) -> None:
    """Names of cases, messages, models and versions, on the page, in the summary and printed."""
    made = green_results()
    (tmp_path / "history").mkdir()
    files = {form: tmp_path / f"out.{form}" for form in ("markdown", "html")}
    options = ["--history", tmp_path / "history", *(w for f in files for w in (f"--{f}", files[f]))]
    assert run("nightly", write(tmp_path / "one", made), *options).code == 0
    cases: Dict[str, str] = {f"{LAYERS}::test_x[{HOSTILE} [bold]": "failed"}
    made["models/junit.xml"].update(cases)
    made["models/report.json"]["records"][0]["model"] = HOSTILE
    made["latency/latency.json"]["decisions"].append(decision(f"\x1b[31m{HOSTILE}", "fail"))
    made["versions.txt"] += f"x=={HOSTILE.replace(' ', '')}\n"
    found = run("nightly", write(tmp_path / "two", made), *options)
    assert found.code == 1
    assert rf"slower: latency::\x1b[31m{HOSTILE}: 0.7 times" in found.err.replace("\n", " ")
    for path in files.values():
        text = path.read_text()
        assert "<img" not in text and "\x1b" not in text
        assert "&lt;/script&gt;&lt;img" in text
    assert r"\|\`x\`" in files["markdown"].read_text()


def test_the_summary_says_what_changed(tmp_path: Path) -> None:
    made = green_results("2026-11-21T03:17:00Z")
    made["models/junit.xml"]["tests/new.py::test_new"] = "passed"
    made["versions.txt"] = made["versions.txt"].replace("2.13.0", "2.14.0")
    green, run = (
        read_run(write(tmp_path / name, results))
        for name, results in (("green", green_results()), ("run", made))
    )
    found = judge(run, green)
    then, now = entry_of(green, judge(green, None), ""), entry_of(run, found, "")
    text = summary(now, found, then, ["a note"])
    for line in (
        "Green: no failure, no loss, no slowdown. 144 cases ran; compared with the run of 2026",
        "### Worth a look: 1\n\n- a note\n",
        "### New cases: 1\n\n- tests/new.py::test\\_new\n",
        "### Versions that changed: 1\n\n- torch: 2.13.0 → 2.14.0\n",
        "| docs | 1 passed | 1 passed |",
    ):
        assert line in text, line
