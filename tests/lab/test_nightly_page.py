"""The page of many nights: what is in it, as text and in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest

from lab.nightly.chart import Chart, Mark, Series, spark, ticks_of
from lab.nightly.history import History, entry_of
from lab.nightly.page import page, version_changes
from mxproof.report.record import Json
from tests.mxproof.browser import PHONE, Browser, undisturbed
from tests.mxproof.records import HOSTILE
from tests.mxproof.test_report_page import Document


def night(place: int, *, name: str = "resnet18", verdict: str = "green", **other: Any) -> Json:
    ratio = 0.7 + 0.01 * (place % 3)
    entry = {
        "schema": 1,
        "date": f"2026-{9 + place // 28:02}-{place % 28 + 1:02}T03:17:00Z",
        "commit": "abcdef0123456789",
        "verdict": verdict,
        "reasons": [f"vanished: {name}"] * 7 if verdict == "red" else [],
        "weights": "seeded",
        "versions": {"torch": "2.13.0"},
        "system": {"cores": "2"},
        "suites": {f"tests/{name}.py": {"passed": 54 - (verdict == "red"), "skipped": 2}},
        "numbers": {
            f"{name}/{target}": {"float64_rel": (place + 1) * 1e-15, "float32_ratio": 1.1}
            for target in ("onnx", "pytorch")
        },
        "budgets": {},
        "latencies": {
            f"{name}-onnxruntime": {
                "verdict": "pass" if verdict == "green" else "fail",
                "ratio": ratio,
                "low": ratio - 0.03,
                "high": ratio + 0.03,
                "rounds": 20,
            }
        },
        **other,
    }
    return entry_of(json.dumps(entry))


def made(nights: List[Json], reported: Any = ()) -> str:
    return page(History(Path("history.jsonl"), (), tuple(nights[:-1]), ()), nights[-1], reported)


def newer(place: int) -> Json:
    return night(place, versions={"torch": "2.14.0", "onnx": "1.19"})


PAGES = {
    "first": lambda: [night(0)],
    "many": lambda: [night(i) if i < 40 else newer(i) for i in range(130)],
    "red": lambda: [*map(night, range(5)), night(5, verdict="red")],
    "hostile": lambda: [
        night(
            i, name=HOSTILE, commit=HOSTILE[:9], date=HOSTILE, versions={HOSTILE: str(i) + HOSTILE}
        )
        for i in range(3)
    ],
    "empty": lambda: [
        night(0, suites={}, numbers={}, latencies={}, versions={}, system={}, commit="", weights="")
    ],
    "holes": lambda: [
        night(0),
        night(1, numbers={"resnet18/onnx": {"float64_rel": None, "float32_ratio": 0.0}}),
        night(2, latencies={"resnet18-onnxruntime": {"verdict": "?", **dict.fromkeys(KEYS)}}),
        night(3),
    ],
}
KEYS = ("ratio", "low", "high")


@pytest.fixture(params=PAGES)
def any_page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.html"
    path.write_text(made(PAGES[request.param](), [HOSTILE]), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [PHONE, 1280])
def test_no_error_no_request_and_no_sideways_scrolling(
    width: int, any_page: Path, browser: Browser
) -> None:
    undisturbed(browser, any_page, width)
    assert browser.evaluate("document.querySelectorAll('script, img, iframe').length") == 0


COLOURS = """[...document.querySelectorAll('.mxt-0 circle, .mxt-1 path, .strip li')].map((e) => {
  const s = getComputedStyle(e); return e.tagName === 'LI' ? s.backgroundColor : s.fill; })"""


def test_it_is_drawn_in_light_and_dark(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(made(PAGES["red"]()), encoding="utf-8")
    colours = []
    for dark in (False, True):
        browser.open(path, dark=dark)
        colours.append(set(browser.evaluate(COLOURS)))
        assert len(colours[-1]) == 5, "two series, a ring, and two kinds of nights"
    assert not colours[0] & colours[1] - {"rgb(255, 255, 255)"}
    places = browser.evaluate(
        "[...document.querySelectorAll('.mxt-0 .mxt-mark circle')].map((e) => "
        "e.getBoundingClientRect()).map((r) => [r.x, r.y])"
    )
    rising = places[:6]  # float64 of six nights, each larger than the one before
    assert all(a[0] < b[0] and a[1] > b[1] for a, b in zip(rising, rising[1:]))


def test_everything_is_there() -> None:
    source = made(PAGES["red"](), ["a budget"])
    document = Document(source)
    texts = {text for _, text in document.texts}
    assert document.text("title")[:1] == ["6 nights, red tonight"]
    assert document.text("h1") == ["Night of 2026-09-06 03:17 UTC"]
    assert {"Why it is red", "To look at", "Nights", "resnet18", "Latencies", "Cases"} <= texts
    assert {"vanished: resnet18", "and 2 more", "a budget", "53 to 54"} <= texts
    marks = [a["class"] for a in document.all("li") if a.get("class") in ("green", "red")]
    assert marks == ["green"] * 5 + ["red"]
    labels = [a["aria-label"] for a in document.all("svg") if a.get("role") == "img"]
    assert labels[0] == (
        "worst float64 error of a layer, relative. ONNX: last 6.0e-15, from 1.0e-15 to 6.0e-15; "
        "PyTorch: last 6.0e-15, from 1.0e-15 to 6.0e-15"
    )
    assert len(labels) == 3
    assert source.count("mxt-mark bad") == 1
    headings = [int(tag[1]) for tag, _ in document.elements if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(headings, headings[1:])), "no level is left out"


def test_foreign_text_is_text() -> None:
    source = made(PAGES["hostile"](), [HOSTILE])
    assert "<img" not in source and "<script" not in source
    assert "&lt;/script&gt;&lt;img src=x" in source


def test_versions_are_marked_where_they_changed() -> None:
    nights = PAGES["many"]()
    assert version_changes(nights) == [(40, ["torch: 2.13.0 → 2.14.0", "onnx: – → 1.19"])]
    source = made(nights)
    assert "torch: 2.13.0 → 2.14.0; onnx: – → 1.19" in source
    assert source.count('class="mxt-change"') == 3, "one in each picture"
    assert "<title>120 nights, green tonight</title>" in source


def test_a_hole_is_no_line() -> None:
    marks = [Mark(1.0, "a"), None, Mark(2.0, "b"), Mark(3.0, "c")]
    drawn = Chart("t", [Series("s", marks)], ["1", "2", "3", "4"]).svg()
    assert drawn.count("<circle") == 3
    assert drawn.count("<line") - drawn.count('class="mxp-grid"') == 1


@pytest.mark.parametrize(
    ("least", "most"), [(0.65, 0.72), (1.0, 1.0), (0.0, 0.0), (-3.0, 900.0), (1e-15, 3e-15)]
)
def test_ticks_are_around_all_numbers(least: float, most: float) -> None:
    ticks = ticks_of(least, most)
    assert ticks[0] <= least <= most <= ticks[-1]
    assert 2 <= len(ticks) <= 7 and ticks == sorted(set(ticks))


def test_a_little_line_follows_its_numbers() -> None:
    heights = [float(p.split(",")[1]) for p in spark([3, 5, 4]).split('"')[-2].split()]
    assert heights[0] > heights[2] > heights[1]
    assert "<polyline" in spark([7])
