"""Budgets of single layers: rows with a reason, and rows that nothing needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict

import pytest

from mxproof.tolerance import Budget, Budgets, Deviation, load_budgets

from .fakes import GRAPH, Layers, clean, each_precision, judge, truth_of

ROW = {"layer": "relu", "reason": "a test"}


def budgets_of(tmp_path: Path, *rows: Any) -> Budgets:
    (tmp_path / "budgets.json").write_text(json.dumps(rows))
    return load_budgets(tmp_path / "budgets.json")


def noisy(precision: str, factor: float) -> Layers:
    """The relu is off by `factor` times what the standard budget allows."""
    layers = dict(clean(truth_of(), precision, 0.5))
    if precision == "float64":
        layers["relu"] = layers["relu"] * (1 + factor * 1e-12 / 8)
    else:
        layers["relu"] = dict(clean(truth_of(), precision, 4 * factor))["relu"]
    return list(layers.items())


@each_precision
@pytest.mark.parametrize(
    ("row", "factor", "passes", "idle"),
    [
        ({}, 9.0, True, False),
        ({}, 0.1, True, True),
        ({}, 1000.0, False, True),
        ({"runtime": "other"}, 9.0, False, True),
        ({"op": "Pooling"}, 9.0, False, True),
        ({"op": "Activ*"}, 9.0, True, False),
        ({"attrs": {"act_type": "relu"}}, 9.0, True, False),
        ({"attrs": {"act_type": "tanh"}}, 9.0, False, True),
        ({"float32_ratio": 4.1, "float64_rel": 1.1e-12}, 9.0, False, True),
    ],
)
def test_a_row_helps_its_layer_and_must_be_needed(
    row: Dict[str, Any], factor: float, passes: bool, idle: bool, precision: str, tmp_path: Path
) -> None:
    limits = {"channel_ratio": 1000, "float32_ratio": 40, "float64_rel": 1e-10}
    budgets = budgets_of(tmp_path, {**ROW, **limits, **row})
    result = judge(noisy(precision, factor), precision, budgets=budgets)
    assert [c.layer for c in result.failed] == ([] if passes else ["relu"])
    assert bool(budgets.problems) == idle


def test_the_first_row_that_matches_rules(tmp_path: Path) -> None:
    budgets = budgets_of(tmp_path, {**ROW, "ulps": 5}, {"ulps": 6, "reason": "all"})
    found = {node.name: budgets.row("fake", node, node.name) for node in GRAPH.nodes}
    ulps = {name: row.budget.ulps for name, row in found.items() if row}
    assert ulps == {"conv": 6, "relu": 5, "dense": 6}
    assert [str(row) for row in budgets.own] == ["layer=relu", "every layer"]
    assert str(Deviation("r", Budget(), "x", attrs=(("k", "v"),))) == "runtime=x k=v"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("{}", "holds no list of rows, such as"),
        ("[1]", "holds no list of rows"),
        ('[{"layer": "x", "ulps": 5}]', "row 1 .* a reason and at least one limit above 0"),
        ('[{"layer": "x", "reason": "r"}]', "row 1 .*at least one limit"),
        ('[{"ulps": 0, "reason": "r"}]', "row 1"),
        ('[{"ulps": "5", "reason": "r"}]', "row 1"),
        ('[{"ulps": 5, "reason": "r"}, {"ulp": 5, "reason": "r"}]', "row 2 .*supported: attrs, ch"),
        ('[{"ulps": 5, "layer": 3, "reason": "r"}]', ".*patterns are texts"),
        ('[{"ulps": 5, "attrs": "a=b", "reason": "r"}]', ".*patterns are texts"),
    ],
)
def test_rows_that_make_no_sense(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "budgets.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: {said}"):
        load_budgets(path)
