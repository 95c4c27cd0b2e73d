"""Charts: where marks are, what is drawn, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional
from xml.etree import ElementTree

import pytest

from mxproof.reports import chart as module
from mxproof.reports.chart import BOTTOM, NO_NUMBER, TOP, ZERO, Chart, Mark, Series
from mxproof.reports.templates import environment

from .records import HOSTILE, WRONG, deep, proof

FIGURE = '{% import "chart.jinja" as charts %}{{ charts.html(chart) }}'


def html(chart: Chart) -> str:
    return environment().from_string(FIGURE).render(chart=chart)


def parsed(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(html(chart))


def marks_of(chart: Chart) -> Dict[int, ElementTree.Element]:
    """Place -> its mark."""
    marks = (e for e in parsed(chart).iter() if "data-place" in e.attrib)
    return {int(mark.attrib["data-place"]): mark for mark in marks}


def height(mark: ElementTree.Element) -> float:
    circle = mark.find("circle")
    assert circle is not None
    return float(circle.attrib["cy"])


def lines(chart: Chart, kind: Optional[str]) -> List[Dict[str, str]]:
    return [e.attrib for e in parsed(chart).iter("line") if e.attrib.get("class") == kind]


def values(*numbers: Optional[float], **other: Any) -> List[Optional[Mark]]:
    return [None if n is None else Mark(n, **other) for n in numbers]


def test_no_line_crosses_a_hole_and_limits_are_steps() -> None:
    chart = Chart("t", [Series("s", values(1, None, 2, 3))], limits=[4, 4, 5, None], log_y=True)
    assert sorted(marks_of(chart)) == [0, 2, 3]
    assert [(e["x1"], e["x2"]) for e in lines(chart, None)] == [("62.5%", "87.5%")]
    steps = [(e["x1"], e["x2"]) for e in lines(chart, "chart-limit")]
    assert steps == [("0%", "50%"), ("50%", "75%")]


def test_intervals_events_and_the_second_series() -> None:
    first = [Mark(1.0, "one", 0.5, 1.5), Mark(2.0, "two", kind="unsure")]
    chart = Chart("t", [Series("a", first), Series("b", values(3, 4))], events={1: "v2"})
    reach = marks_of(chart)[0]
    tree = parsed(chart)
    assert len(list(tree.iter("circle"))) == len(list(tree.iter("path"))) == 2
    assert [e["x1"] for e in lines(chart, "chart-event")] == ["50%"]
    assert reach is not None and "v2" in "".join(tree.itertext())
    assert chart.summary == "t. a: last 2, from 1 to 2; b: last 4, from 3 to 4"
    assert Chart("t", []).summary == "t. No numbers."


def test_foreign_text_is_escaped_everywhere() -> None:
    marks = [Mark(1.0, HOSTILE)]
    chart = Chart(
        *(HOSTILE, [Series(HOSTILE, marks)], HOSTILE, HOSTILE),
        ticks={0: HOSTILE},
        events={0: HOSTILE},
    )
    tree = parsed(chart)
    assert "<img" not in html(chart)
    assert not [e for e in tree.iter() if e.tag in ("img", "script")]
    assert "".join(tree.itertext()).count(HOSTILE) == 4


LINEAR_ENDS = [(0.65, 0.72), (1.0, 1.0), (0.0, 0.0), (-3.0, 900.0), (1e-15, 3e-15)]
LOG_ENDS = [(1e-16, 1e-3), (0.3, 4.0), (1.0, 1.0), (5e-9, 7e-9)]


@pytest.mark.parametrize(
    ("log_y", "least", "most"),
    [(False, *ends) for ends in LINEAR_ENDS] + [(True, *ends) for ends in LOG_ENDS],
)
def test_ticks_are_round_and_around_all_numbers(log_y: bool, least: float, most: float) -> None:
    numbers = values(least, most, *[0.0] * log_y)
    chart = Chart("t", [Series("s", numbers)], log_y=log_y)
    y, ticks = chart.height, chart.y_ticks
    assert 2 <= len(ticks) <= 10 and ticks == sorted(set(ticks))
    assert TOP <= y(most) <= y(least) <= BOTTOM and y(most + abs(most) / 100 + 1e-9) < y(most)
    assert all(TOP - 1e-6 <= y(tick) <= BOTTOM + 1e-6 for tick in ticks)
    assert y(None) == NO_NUMBER
    if log_y:
        assert y(0.0) == ZERO > BOTTOM
    else:
        assert (y(ticks[0]), y(ticks[-1]), len(ticks) <= 7) == (BOTTOM, TOP, True)


def test_numbers_of_ticks() -> None:
    labels = [module.tick_label(v) for v in (0.0, 0.05, 1000.0, 1e-12, 2e-7, 2.5e4)]
    assert labels == ["0", "0.05", "1000", "10⁻¹²", "2×10⁻⁷", "2.5×10⁴"]


@pytest.mark.parametrize(
    ("numbers", "points"),
    [([3, 5, 4], "2.0,24.0 80.0,4.0 158.0,14.0"), ([7], "2.0,14.0 158.0,14.0"), ([], "")],
)
def test_a_spark_follows_its_numbers(numbers: List[int], points: str) -> None:
    source = '{% import "parts.jinja" as parts %}{{ parts.spark(numbers) }}'
    svg = ElementTree.fromstring(environment().from_string(source).render(numbers=numbers))
    assert [line.attrib["points"] for line in svg] == [points]


@pytest.mark.parametrize("precision", [0, 1])
def test_errors_are_where_their_numbers_are(precision: int) -> None:
    """Higher is worse; what is beyond its budget is above the line."""
    chart = module.error_charts(proof(["pytorch"]).to_json()["targets"]["pytorch"])[precision]
    marks = marks_of(chart)
    assert sorted(marks) == [0, 1, 2]
    assert marks[1].attrib["class"] == "chart-mark bad worst"
    budget = [float(e["y1"]) for e in lines(chart, "chart-limit")]
    assert height(marks[1]) < min(budget) <= max(budget) < height(marks[0])
    words = marks[1].findtext("title") or ""
    measure = ("float64", "float32")[precision]
    assert words.startswith(f"Activation {WRONG} (layer 2 of 3)\n{measure}: ")
    assert words.endswith("beyond its budget, introduced here")
    assert chart.summary.endswith("1 of 3 layers are beyond their budget")


def test_errors_that_no_scale_has() -> None:
    record = deep(4)
    layers = record["targets"]["onnx"]["layers"]
    layers[0].update(float64_rel=0.0, float64_part=0.0)
    layers[1].update(float64_rel=None, float64_part=None, verdict="fail")
    layers[2].update(float32_ratio=None)
    double, single = module.error_charts(record["targets"]["onnx"])
    marks = marks_of(double)
    assert (height(marks[0]), height(marks[1])) == (ZERO, NO_NUMBER)
    assert NO_NUMBER < TOP <= height(marks[2]) <= BOTTOM < ZERO
    assert (marks[1].findtext("title") or "").endswith("no number to judge")
    assert sorted(marks_of(single)) == [0, 1, 3], "MXNet is exact in the third"


def test_a_plot_is_an_svg_file(tmp_path: Path) -> None:
    for plot, count in ((proof(["pytorch"]).plot(), 4), (proof().plot("onnx"), 2)):
        plot.save(tmp_path / "plot.svg")
        root = ElementTree.parse(tmp_path / "plot.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(root.findall("{*}svg")) == count
    with pytest.raises(KeyError):
        proof().plot("caffe")
