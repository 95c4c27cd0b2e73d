"""The decision, on invented times of which it is known whether one side is slower."""

from __future__ import annotations

import math
from typing import List, Tuple

import numpy as np
import pytest
from scipy import stats

from mxproof.benchmark import decision
from mxproof.benchmark.decision import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    TestPlan,
    decide,
    decide_one,
    paired_ratio,
    require_extra,
)
from mxproof.runtimes.base import RuntimeFailure

Rounds = List[Tuple[float, float]]
TWELVE = TestPlan(comparisons=12)


def drawn(seed: int, count: int, slowdown: float = 0.0, noise: float = 0.02) -> Rounds:
    """Passes of 30 ms on a machine that drifts, which hits both sides alike, and is disturbed now
    and then, which hits one: disturbances only ever add."""
    random = np.random.default_rng(seed)
    drift = 1 + 0.1 * np.sin(np.linspace(0, 6, count) + random.uniform(0, 6))
    disturbed = 1 + noise * random.exponential(size=(count, 2)) * (1 + random.random((count, 2)))
    times = 0.03 * drift[:, None] * disturbed * [1 + slowdown, 1]
    return [(float(a), float(b)) for a, b in times]


def test_each_round_is_divided_by_its_level() -> None:
    """The ratio of the medians of what is left, by their definition."""
    rounds = ((2.2, 2.0), (4.0, 4.2), (66.0, 55.0), (1.0, 0.9), (7.7, 7.0))
    times = np.array(rounds)
    medians = np.median(times / np.sqrt(times.prod(axis=1, keepdims=True)), axis=0)
    assert paired_ratio(rounds)[0] == pytest.approx(medians[0] / medians[1])


def test_the_error_is_that_of_many_repetitions() -> None:
    """The bootstrap's standard error against the scatter of the ratios of fresh rounds."""
    found = [paired_ratio(tuple(drawn(seed, 60))) for seed in range(100)]
    scatter = np.std([math.log(ratio) for ratio, _ in found])
    assert np.median([error for _, error in found]) == pytest.approx(scatter, rel=0.35)


@pytest.mark.parametrize(
    ("slowdown", "verdict", "of_one"),
    [
        (0.0, PASS, PASS),
        (-0.3, PASS, PASS),
        (0.058, INCONCLUSIVE, FAIL),  # one of two process pairs is held to less
        (0.1, FAIL, FAIL),
        (0.5, FAIL, FAIL),
    ],
)
def test_verdicts(slowdown: float, verdict: str, of_one: str) -> None:
    rounds = drawn(6, 48, slowdown, noise=0.03)
    found = decide(rounds, TWELVE)
    assert (found.verdict, decide_one(rounds, TWELVE)) == (verdict, of_one)
    assert found.low < 1 + slowdown < found.high
    assert (found.more_rounds is None) == (verdict != INCONCLUSIVE)


def test_the_interval_is_students_at_the_risk_divided_by_looks_and_comparisons() -> None:
    rounds = drawn(4, 24)
    found = decide(rounds, TWELVE)
    quantile = stats.t.isf(TWELVE.alpha / (12 * len(TWELVE.interim_analyses)), 23)
    assert math.log(found.high / found.ratio) == pytest.approx(quantile * found.error)
    assert math.log(found.ratio / found.low) == pytest.approx(quantile * found.error)
    one = decide(rounds, TestPlan())
    assert found.low < one.low < one.ratio == found.ratio < one.high < found.high
    by_chance = (len(TWELVE.interim_analyses) * (1 - TWELVE.confidence_of_one)) ** 2
    assert by_chance == pytest.approx(TWELVE.alpha / 12), "that two pairs both fail by accident"


def test_an_open_case_says_how_many_more_rounds_it_takes() -> None:
    found = decide(drawn(3, 24, noise=0.1), TWELVE)
    assert found.verdict == INCONCLUSIVE
    assert found.more_rounds is not None and found.more_rounds > 24
    longer = drawn(3, 4 * (24 + found.more_rounds), noise=0.1)
    assert decide(longer, TWELVE).verdict == PASS, "the ratio was not quite 1: it takes some more"


def test_an_expected_ratio_counts_as_unchanged() -> None:
    """Against MXNet: 0.7 yesterday, 0.77 today."""
    rounds = drawn(5, 48, -0.23)
    assert decide(rounds, TestPlan()).verdict == PASS
    found = decide(rounds, TestPlan(expected=0.7))
    assert (found.verdict, found.ratio) == (FAIL, pytest.approx(0.77 / 0.7, rel=0.02))
    assert found.measured == pytest.approx(0.77, rel=0.02)
    unsure = decide(rounds, TestPlan(expected=0.7, expected_error=0.1))
    assert unsure.verdict == INCONCLUSIVE, "yesterday's figure has an error too"


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    require_extra()
    monkeypatch.setattr(decision, "find_spec", lambda name: None if name == "scipy" else name)
    with pytest.raises(RuntimeFailure, match=r"^scipy: not installed.*pip install 'mxproof\[bench"):
        require_extra()
