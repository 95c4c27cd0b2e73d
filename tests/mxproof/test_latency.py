"""The decision: on times made up, of which it is known whether one side is slower."""

from __future__ import annotations

import math
from typing import List, Tuple

import numpy as np
import pytest

from mxproof.benchmark.latency import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    Plan,
    _student,
    decide,
    detectable,
    paired_ratio,
    shown,
)

Rounds = List[Tuple[float, float]]


def drawn(
    random: np.random.Generator, count: int, slowdown: float = 0.0, noise: float = 0.02
) -> Rounds:
    """Passes of 30 ms on a machine that drifts, which hits both sides alike, and is disturbed now
    and then, which hits one: disturbances only ever add."""
    drift = 1 + 0.1 * np.sin(np.linspace(0, 6, count) + random.uniform(0, 6))
    disturbed = 1 + noise * random.exponential(size=(count, 2)) * (1 + random.random((count, 2)))
    times = 0.03 * drift[:, None] * disturbed * [1 + slowdown, 1]
    return [(float(a), float(b)) for a, b in times]


def test_each_round_is_divided_by_its_level() -> None:
    """The ratio of the medians of what is left, by their definition."""
    rounds = np.array([(2.2, 2.0), (4.0, 4.2), (66.0, 55.0), (1.0, 0.9), (7.7, 7.0)])
    level = np.sqrt(rounds.prod(axis=1, keepdims=True))
    medians = np.median(rounds / level, axis=0)
    assert paired_ratio(rounds.tolist())[0] == pytest.approx(medians[0] / medians[1])


def test_its_error_is_that_of_many_repetitions() -> None:
    """The bootstrap's standard error against the scatter of ratios of fresh rounds."""
    random = np.random.default_rng(1)
    sets = [drawn(random, 60) for _ in range(300)]
    scatter = np.std([math.log(paired_ratio(rounds)[0]) for rounds in sets])
    said = np.median([paired_ratio(rounds)[1] for rounds in sets])
    assert said == pytest.approx(scatter, rel=0.35)


@pytest.mark.parametrize(
    ("confidence", "degrees", "quantile"),
    [  # from tables of Student's t
        (0.95, 10, 1.812461),
        (0.999, 15, 3.732834),
        (0.9995, 20, 3.849516),
        (0.99, 120, 2.357825),
    ],
)
def test_students_quantiles(confidence: float, degrees: int, quantile: float) -> None:
    assert _student(confidence, degrees) == pytest.approx(quantile, rel=2e-3)


@pytest.mark.parametrize(
    ("slowdown", "verdict"), [(0.0, PASS), (-0.3, PASS), (0.1, FAIL), (0.5, FAIL)]
)
def test_clear_cases(slowdown: float, verdict: str) -> None:
    decision = decide(drawn(np.random.default_rng(2), 48, slowdown), Plan())
    assert decision.verdict == verdict
    assert decision.low < 1 + slowdown < decision.high
    assert decision.more_rounds is None


def test_what_noise_hides_is_inconclusive_and_says_how_many_more_rounds() -> None:
    random = np.random.default_rng(3)
    plan = Plan(comparisons=12)
    decision = decide(drawn(random, 24, noise=0.1), plan)
    assert decision.verdict == INCONCLUSIVE
    assert decision.low < 1.0 < decision.high
    assert decision.more_rounds is not None and decision.more_rounds > 24
    longer = drawn(random, 4 * (24 + decision.more_rounds), noise=0.1)
    assert decide(longer, plan).verdict == PASS, "the ratio was not 1 exactly: it takes some more"


def test_more_comparisons_need_more_certainty() -> None:
    rounds = drawn(np.random.default_rng(4), 24)
    one, many = decide(rounds, Plan()), decide(rounds, Plan(comparisons=12))
    assert many.low < one.low < one.ratio == many.ratio < one.high < many.high
    assert Plan(comparisons=12).confidence == 1 - Plan().risk / (12 * len(Plan().looks))


def test_a_ratio_that_is_expected_is_no_slowdown() -> None:
    """Against MXNet: 0.7 yesterday, 0.77 today."""
    rounds = drawn(np.random.default_rng(5), 48, -0.23)
    assert decide(rounds, Plan()).verdict == PASS
    decision = decide(rounds, Plan(expected=0.7))
    assert decision.verdict == FAIL
    assert decision.ratio == pytest.approx(0.77 / 0.7, rel=0.02)
    assert decision.measured == pytest.approx(0.77, rel=0.02)
    unsure = decide(rounds, Plan(expected=0.7, expected_error=0.1))
    assert unsure.verdict == INCONCLUSIVE, "yesterday's figure has an error too"


@pytest.mark.parametrize(
    ("slowdown", "verdict", "of_one"),
    [(0.0, PASS, PASS), (0.058, INCONCLUSIVE, FAIL), (0.1, FAIL, FAIL)],
)
def test_one_of_two_pairs_is_held_to_less(slowdown: float, verdict: str, of_one: str) -> None:
    """That two show it by chance is as rare as the risk of a comparison, over all its looks."""
    plan = Plan(comparisons=12)
    by_chance = (len(plan.looks) * (1 - plan.confidence_of_one)) ** 2
    assert by_chance == pytest.approx(plan.risk / plan.comparisons)
    rounds = drawn(np.random.default_rng(6), 48, slowdown, noise=0.03)
    assert (decide(rounds, plan).verdict, shown(rounds, plan)) == (verdict, of_one)


def test_more_rounds_detect_less() -> None:
    random, plan = np.random.default_rng(8), Plan(comparisons=12)
    rounds = drawn(random, 48, noise=0.1)
    assert detectable(rounds, plan) < detectable(rounds, plan, count=24)
