"""Budgets of single layers: rows with a reason, and rows that nothing needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import pytest

from mxproof.proof.overrides import unused_rows
from mxproof.proof.results import Sums, float32_limits
from mxproof.proof.tolerance import Budget, Budgets, ToleranceOverride, load_budgets
from mxproof.proof.trace_results import TraceResult
from mxproof.runtimes.base import Layer, RoundedLayer, Rounding

from .fakes import GRAPH, NOISE, Layers, clean, each_precision, judge, truth_of

ROW = {"layer": "relu", "reason": "a test"}


def budgets_of(tmp_path: Path, *rows: Any) -> Budgets:
    (tmp_path / "budgets.json").write_text(json.dumps(rows))
    return load_budgets(tmp_path / "budgets.json")


def unused(budgets: Budgets, *found: TraceResult) -> Tuple[str, ...]:
    """What is said of rows that made no difference."""
    used = {id(check.row) for c in found for check in c.checks if check.uses_row}
    return unused_rows(budgets, used)


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
    assert bool(unused(budgets, result)) == idle


SMALL = 3  # a channel of numbers 64 times smaller than those of the other 63


def relu(
    limits: Dict[str, float],
    precision: str,
    error: float,
    channel: Optional[int],
    tmp_path: Path,
    *,
    noise: float = NOISE,
    spread: float = 0.0,
    alone: bool = True,
) -> Tuple[bool, str]:
    """One layer held to these limits -> does it pass, and what is said of the row?

    Args:
        error: of the candidate, everywhere or in one channel: in float64 of the largest magnitude,
            in float32 in units of `noise`.
        noise: RMS of MXNet's own float32 error.
        spread: of what rounding may do, in the same units.
    """
    random, shape = np.random.default_rng(3), (2, 64, 3, 3)
    t = random.uniform(-1, 1, shape).astype("f").astype("d")
    t[:, SMALL] /= 64
    m = (t + noise * np.sign(random.standard_normal(shape))).astype("f")
    squares = np.full(64, 18 * (noise * spread) ** 2)
    truth: List[Layer] = [RoundedLayer("relu", t, m, Rounding(squares, squares))]
    off = np.zeros(shape)
    off[:, slice(None) if channel is None else channel] = error
    off *= np.abs(t).max() if precision == "float64" else noise or 2.0**-24
    budgets = budgets_of(tmp_path, {**ROW, **limits})
    layers = [("relu", (t + off).astype(precision))]
    found = judge(layers, precision, truth, budgets=budgets, alone=alone)
    said = " ".join(c.problem for c in found.failed if c.problem)
    assert found.passed or said.endswith(", limited by the row for layer=relu"), said
    return found.passed, " ".join(unused(budgets, found))


USED, UNNEEDED, LOOSER = "", "no layer needed the row", "no layer needed the looser limits"
#: Limits, the candidate's error and its channel, and what is to be found.
FLOAT64_ROWS = [
    ({"float64_rel": 1e-13}, 5e-13, 0, (False, USED)),
    ({"float64_rel": 1e-13}, 5e-14, 0, (True, USED)),
    ({"float64_rel": 1e-11}, 5e-12, 0, (True, USED)),
    ({"float64_rel": 1e-11}, 5e-13, 0, (True, UNNEEDED)),
    ({"float64_rel": 1e-11}, 5e-11, 0, (False, UNNEEDED)),
    ({"channel_floor": 1 / 32}, 1e-12 / 16, SMALL, (False, USED)),
    ({"channel_floor": 1 / 32}, 1e-12 / 64, SMALL, (True, USED)),
    ({"channel_floor": 1 / 2}, 1e-12 / 4, SMALL, (True, USED)),
    ({"channel_floor": 1 / 2}, 1e-12 / 16, SMALL, (True, UNNEEDED)),
    ({"float64_rel": 1e-11, "channel_floor": 1 / 32}, 1e-13, SMALL, (True, USED)),
    ({"float64_rel": 1e-11, "channel_floor": 1 / 32}, 1e-14, SMALL, (True, LOOSER)),
    ({"float64_rel": 1e-11, "channel_floor": 1 / 32}, 4e-13, SMALL, (False, LOOSER)),
]
FLOAT32_ROWS = [
    ({"float32_ratio": 0.5}, 1.0, None, (False, USED)),
    ({"float32_ratio": 0.5}, 0.4, None, (True, USED)),
    ({"float32_ratio": 8}, 6.0, None, (True, USED)),
    ({"float32_ratio": 8}, 2.0, None, (True, UNNEEDED)),
    ({"channel_ratio": 4}, 6.0, 0, (False, USED)),
    ({"channel_ratio": 4}, 2.0, 0, (True, USED)),
    ({"channel_ratio": 64}, 24.0, 0, (True, USED)),
    ({"channel_ratio": 64}, 12.0, 0, (True, UNNEEDED)),
    ({"float32_ratio": 8, "channel_ratio": 8}, 6.0, None, (True, USED)),
    ({"float32_ratio": 8, "channel_ratio": 8}, 2.0, None, (True, LOOSER)),
    ({"float32_ratio": 8, "channel_ratio": 8}, 12.0, 0, (False, LOOSER)),
]
#: Errors in halves of an ulp, where MXNet's own is 0: a ratio to it allows nothing.
EXACT_ROWS = [
    ({"ulps": 1}, 8.0, None, (False, USED)),
    ({"ulps": 1}, 0.5, None, (True, USED)),
    ({"ulps": 16}, 8.0, None, (True, USED)),
    ({"ulps": 16}, 2.0, None, (True, UNNEEDED)),
    ({"float32_ratio": 2}, 2.0, None, (False, USED)),
    ({"channel_ratio": 2}, 2.0, 0, (False, USED)),
    ({"float32_ratio": 2, "ulps": 4}, 2.0, None, (True, USED)),
    ({"float32_ratio": 2, "ulps": 0.5}, 2.0, None, (False, USED)),
]
#: MXNet is off by 2.5 ulps, the candidate by 6: within four times that.
ULPS_ROWS = [
    ({"float32_ratio": 2, "ulps": 8}, 2.4, None, (True, USED)),
    ({"float32_ratio": 3, "ulps": 8}, 2.4, None, (True, LOOSER)),
]


@pytest.mark.parametrize(("limits", "error", "channel", "expected"), FLOAT64_ROWS)
def test_float64_limits_in_both_directions(
    limits: Any, error: float, channel: int, expected: Any, tmp_path: Path
) -> None:
    passed, said = relu(limits, "float64", error, channel, tmp_path)
    assert (passed, expected[1] in said, bool(said)) == (expected[0], True, bool(expected[1]))


@pytest.mark.parametrize(
    ("limits", "error", "channel", "expected", "noise"),
    [
        *((*row, NOISE) for row in FLOAT32_ROWS),
        *((*row, 0.0) for row in EXACT_ROWS),
        *((*row, 1.7e-7) for row in ULPS_ROWS),
    ],
)
def test_float32_limits_in_both_directions(
    limits: Any, error: float, channel: Optional[int], expected: Any, noise: float, tmp_path: Path
) -> None:
    passed, said = relu(limits, "float32", error, channel, tmp_path, noise=noise)
    assert (passed, expected[1] in said, bool(said)) == (expected[0], True, bool(expected[1]))


@pytest.mark.parametrize(("name", "channel"), [("float32_ratio", None), ("channel_ratio", 0)])
def test_a_stricter_ratio_is_one_to_mxnets_own_error(
    name: str, channel: Optional[int], tmp_path: Path
) -> None:
    """Whatever rounding may do: a hundred times as much would pass. Looser ones add to that."""
    for limit, error, passes in ((2, 3.0, False), (3.5, 3.0, True), (40, 300.0, True)):
        found = relu({name: limit}, "float32", error, channel, tmp_path, spread=100.0)
        assert found[0] == passes
        assert bool(found[1]) == (limit == 40), "300 of 400 pass without the row"


def test_results_of_different_lengths_add_up() -> None:
    """The second axis may be time, and no channels: then all numbers are taken together."""
    random = np.random.default_rng(0)
    parts = [random.standard_normal((3, length, 5)) for length in (16, 17, 10, 10)]
    squares = ([np.square(k * a).sum((0, 2)) for k in (1, 2, 3)] for a in parts)
    total = sum((Sums(*s, 15) for s in squares), Sums(*np.zeros((3, 16)), 0))
    everything = np.concatenate([a.ravel() for a in parts])
    for k, (channels, whole) in enumerate(total.rms(), 1):
        assert channels.shape == (1,)
        assert whole == pytest.approx(k * np.sqrt(np.square(everything).mean()))


def test_a_stricter_ratio_leaves_the_other_limit_as_it_is() -> None:
    sums = Sums(np.zeros(2), np.full(2, 1e-18), np.ones(2), 1)
    layer, channels = float32_limits(sums, Budget(float32_ratio=2, ulps=0))
    assert (layer, *channels) == pytest.approx((2e-9, 4 * 2**-23, 4 * 2**-23))
    layer, channels = float32_limits(sums, Budget(channel_ratio=2, ulps=0))
    assert (layer, *channels) == pytest.approx((4 * 2**-23, 2e-9, 2e-9))


def test_what_earlier_layers_pass_on_excuses_no_stricter_row(tmp_path: Path) -> None:
    """MXNet's own error says that 7e-13 may be carried here, beyond the standard limit too."""
    limits: Dict[str, float] = {"channel_floor": 1 / 32}
    for error in (5e-14, 5e-13):
        chain = relu(limits, "float64", error, SMALL, tmp_path, alone=False)
        assert chain == (False, "")
    assert relu({"ulps": 5}, "float64", 5e-13, SMALL, tmp_path, alone=False)[0]


def test_a_stricter_row_that_holds_for_no_layer_is_unused(tmp_path: Path) -> None:
    """Its patterns match none, or it is about numbers that were not judged."""
    said = "no layer was held to the row for layer=relu. Correct its patterns, or delete it."
    assert said in relu({"float32_ratio": 2}, "float64", 0, None, tmp_path)[1]
    assert said in relu({"float64_rel": 1e-13}, "float32", 0, None, tmp_path)[1]
    budgets = budgets_of(tmp_path, {"layer": "typo", "float64_rel": 1e-13, "reason": "a test"})
    (text,) = unused(budgets, judge(clean(truth_of(), "float64"), "float64", budgets=budgets))
    assert "no layer was held to the row for layer=typo" in text


def test_a_row_that_repeats_the_standard_is_unused(tmp_path: Path) -> None:
    assert UNNEEDED in relu({"float64_rel": 1e-12}, "float64", 0, None, tmp_path)[1]


def test_the_first_row_that_matches_rules(tmp_path: Path) -> None:
    budgets = budgets_of(tmp_path, {**ROW, "ulps": 5}, {"ulps": 6, "reason": "all"})
    found = {node.name: budgets.row("fake", node, node.name) for node in GRAPH.nodes}
    ulps = {name: row.budget.ulps for name, row in found.items() if row}
    assert ulps == {"conv": 6, "relu": 5, "dense": 6}
    assert [str(row) for row in budgets.own] == ["layer=relu", "every layer"]
    assert str(ToleranceOverride("r", Budget(), "x", attrs=(("k", "v"),))) == "runtime=x k=v"


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
