"""The table of results, and which models a run chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from mxproof.runtimes.registry import TARGETS
from mxproof.zoo.gluoncv import GLUONCV

from .conftest import DAILY, NIGHTLY
from .misses import MISSES, disagreements
from .prove import Found, Row, rows_of
from .table import table

TRIED = [model for model in GLUONCV.values() if not model.hindrance]


def row(name: str, reason: str = "") -> Row:
    targets = {target: Found(reason, 1e-15, 1.25) for target in TARGETS}
    return Row(name, 7, 3, {"data": [2, 3, 8, 9]}, targets)


@pytest.fixture
def rows() -> Dict[str, Row]:
    return {model.name: row(model.name) for model in TRIED}


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "zoo.jsonl"
    assert rows_of(path) == {}
    for reason in ("once", ""):
        row("alexnet", reason).append_to(path)
    assert rows_of(path) == {"alexnet": row("alexnet")}


def test_every_model_has_a_line(rows: Dict[str, Row]) -> None:
    lines = list(table(rows))
    for name in GLUONCV:
        assert sum(line.startswith(f"| {name} |") for line in lines) == 1
    assert "| alexnet | 2×3×8×9 | 7 | 3 | 1.0e-15 | 1.25 | 1.0e-15 | 1.25 | proven |" in lines


def test_a_miss_shows_its_reason(rows: Dict[str, Row]) -> None:
    rows["alexnet"] = row("alexnet", "it | is late")
    text = "\n".join(table(rows))
    assert r"| it \| is late |" in text
    assert f"{len(rows) - 1} of {len(rows)} are proven" in text


def test_a_table_of_half_the_models_is_refused(rows: Dict[str, Row]) -> None:
    del rows["alexnet"]
    with pytest.raises(SystemExit, match=r"1 models have no line yet: alexnet"):
        list(table(rows))


def test_a_miss_that_passes_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MISSES, "alexnet", {"onnx": "known"})
    assert disagreements("vgg11", {}) == ""
    assert disagreements("vgg11", {"onnx": "why"}) == "onnx: why"
    assert disagreements("alexnet", {"onnx": "why"}) == ""
    assert disagreements("alexnet", {"pytorch": "why"}) == (
        "pytorch: why\nonnx passes: delete its row in misses.py (known)"
    )


def test_each_family_has_one_small_model() -> None:
    assert set(MISSES) <= set(GLUONCV)
    small = sorted(GLUONCV[name].family for name in [*DAILY, *NIGHTLY])
    assert small == sorted({model.family for model in TRIED})
