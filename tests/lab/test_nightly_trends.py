"""What a night is shown to be besides red or green, and what many nights say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.nightly.summary import summary
from lab.nightly.trends import NIGHTS

from .nights import GATE, ONE, House, ended, in_file, removed, same_day, slow, step_of


def test_inconclusive_is_shown_and_not_red(house: House) -> None:
    unsure = (slow(GATE, "inconclusive", 1.02), ended("latency", 1))
    for night in range(1, 5):
        found = house.night(*unsure)
        assert not found.reasons, found.reasons
        said = [f"inconclusive {night} nights in a row: {GATE}"] if night > 2 else []
        assert found.reported == said
        assert "| inconclusive | 1.020 times its control (1.000 to 1.040); 40 more" in (
            summary(found)
        )
    assert house.night().reported == []


def test_a_gate_that_fails_for_nothing_is_red(house: House) -> None:
    found = house.night(ended("latency", 1))
    assert [r.about for r in found.reasons] == [
        "step latency: ended with exit code 1; no case says why"
    ]


def used(part: float, precision: str = "float64") -> Any:
    """The layers and the search use so much of a budget."""

    def change(report: Any) -> None:
        for search in report["searches"]:
            search["worst"] = f"{part:.3f}"
        for target in report["records"][0]["targets"].values():
            for layer in target["layers"]:
                layer[f"{precision}_part"] = part

    return in_file("models", "report.json", change)


def test_a_budget_that_became_too_loose_is_reported(house: House) -> None:
    """After so many nights, not one earlier; and one night that needs it starts the count anew."""
    loose = (
        "budget too loose: onnx float64: at most 9 % of it was used by small, in each of "
        f"{NIGHTS} nights"
    )
    house.night(used(0.5))
    for _ in range(NIGHTS - 1):
        assert house.night(used(0.09)).reported == []
    found = house.night(used(0.08))
    assert not found.reasons
    assert found.reported == [loose, loose.replace("onnx", "pytorch")]
    assert "### To look at (not red)\n\n- budget too loose: onnx float64" in summary(found)
    assert house.night(used(0.11)).reported == []
    assert house.night(used(0.05)).reported == []


def test_a_row_of_budgets_that_became_too_loose_is_reported(house: House) -> None:
    def row(report: Any) -> None:
        used(0.5)({"models": {"report.json": report}})
        layer = report["records"][0]["targets"]["onnx"]["layers"][0]
        layer.update(float32_deviation="sums in blocks", float32_part=0.02)

    for _ in range(NIGHTS):
        found = house.night(in_file("models", "report.json", row))
    (said,) = found.reported
    assert said.startswith("budget too loose: row: sums in blocks: at most 2 % of it was used, in")


def test_what_changed_is_said(house: House) -> None:
    def newer(report: Any) -> None:
        record = report["records"][0]
        record["versions"]["torch"] = "2.14.0"
        record["weights"] = "pretrained"
        for layer in record["targets"]["onnx"]["layers"]:
            layer["float64_rel"] = 3e-13

    found = house.night(
        in_file("models", "report.json", newer),
        slow(GATE, "pass", 0.9),
        lambda made: [files["step.json"].update(commit="def") for files in made.values()],
    )
    text = summary(found)
    assert not found.reasons
    for line in (
        "- commit: abc → def",
        "- weights: user → pretrained",
        "- torch: 2.13.0 → 2.14.0",
        "| small-onnxruntime | pass | 0.900 times its control (0.880 to 0.920) | 0.700 times",
        "| tests/models/test\\_layers.py | 2 passed | the same |",
    ):
        assert line in text, line
    assert "- small/onnx float64\\_rel: " in text and "→ 3e-13" in text
    assert "small/pytorch" not in text


def test_nights_of_steps_with_different_versions_say_both(house: House) -> None:
    other = in_file(
        "latency", "gate.json", lambda g: g["environment"].update(versions={"torch": "2.14.0"})
    )
    assert house.night(other).entry["versions"]["torch"] == "2.13.0 / 2.14.0"


def test_the_worst_of_the_zoo_is_kept(house: House) -> None:
    assert house.night().entry["numbers"]["GluonCV's zoo/onnx"] == {
        "float64_rel": 2e-15,
        "float32_ratio": 1.5,
    }


def calibrated(code: int) -> Any:
    rates = [{"slowdown": s, "trials": 40, "share_failed": s * 5} for s in (0.0, 0.1)]
    files = {"calibration.json": {"rates": rates}, "step.json": step_of("calibration", code)}
    return lambda made: made.update(calibration=files)


def test_a_gate_that_is_not_worth_enough_is_red(tmp_path: Path) -> None:
    house = House(tmp_path)
    assert not house.night(same_day, calibrated(0)).reasons
    found = house.night(same_day, calibrated(1))
    assert [(r.kind, r.about, r.said) for r in found.reasons] == [
        ("failed", "calibration::0 % slower", "0 % of 40 trials failed"),
        ("failed", "calibration::10 % slower", "50 % of 40 trials failed"),
    ]


def rows_of_matrix(*, wrong: str = "", idle: str = "") -> Any:
    """As tox writes its results: what builds the package is an environment, too."""
    rows = {
        name: {
            **({} if name == idle else {"test": [{"retcode": 0}]}),
            "result": {"success": name != wrong, "exit_code": int(name == wrong), "duration": 1},
        }
        for name in ("py39-oldest", "py313-newest")
    }
    files = {
        "tox.json": {"testenvs": {".pkg": {}, **rows}},
        "step.json": step_of("matrix", 255 if wrong else 0),
    }
    return lambda made: made.update(matrix=files)


def test_rows_of_the_matrix_are_cases(tmp_path: Path) -> None:
    house = House(tmp_path)
    assert not house.night(same_day, rows_of_matrix()).reasons
    found = house.night(same_day, rows_of_matrix(wrong="py39-oldest"))
    assert [str(r) for r in found.reasons] == ["failed: matrix::py39-oldest: exit code 1"]
    found = house.night(same_day, rows_of_matrix(idle="py313-newest"))
    assert [(r.kind, r.about) for r in found.reasons] == [("ran fewer cases", "matrix")]


def test_what_drifted_is_looked_for_next(house: House) -> None:
    found = summary(house.night(slow(GATE, "fail", 1.11)))
    assert "lab bisect MODEL --what speed --good green/versions.txt --bad latency/" in found
    assert "bisect" not in summary(house.night(removed(ONE)))
