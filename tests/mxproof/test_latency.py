"""The decision: on times made up, of which it is known whether one side is slower."""

from __future__ import annotations

import math
from typing import List, Tuple

import numpy as np
import pytest

from mxproof.latency import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    Plan,
    _student,
    decide,
    detectable,
    judged,
    paired_ratio,
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


@pytest.mark.parametrize("count", [11, 13, 25, 95])
def test_it_is_looked_at_the_times_that_the_plan_says(count: int) -> None:
    """Looking after each round would find something in any noise."""
    assert judged(drawn(np.random.default_rng(6), count, 0.5), Plan()) is None


def test_false_alarms_and_slowdowns_found() -> None:
    """As often as the plan says, at all its looks: rare in 400 clean nights; 5 % nearly always."""
    random, plan = np.random.default_rng(7), Plan(comparisons=12)

    def failed(slowdown: float) -> bool:
        rounds = drawn(random, plan.looks[-1], slowdown, noise=0.015)
        looks = [judged(rounds[:count], plan) for count in plan.looks]
        first = next((decision for decision in looks if decision), None)
        return first is not None and first.verdict == FAIL

    assert sum(failed(0.0) for _ in range(400)) <= 1
    assert sum(failed(0.05) for _ in range(40)) >= 32


@pytest.mark.parametrize("noise", [0.004, 0.01, 0.03])
def test_the_detectable_slowdown_is_found_in_four_cases_of_five(noise: float) -> None:
    """By two pairs of processes, each judged look by look; simulated."""
    random, plan = np.random.default_rng(8), Plan(comparisons=12)

    def launch(slowdown: float) -> List[Tuple[float, float]]:
        ratios = np.exp(noise * random.standard_normal(plan.looks[-1]))
        return [((1 + slowdown) * float(ratio), 1.0) for ratio in ratios]

    def shown(rounds: List[Tuple[float, float]]) -> bool:
        verdicts = (decide(rounds[:look], plan).verdict for look in plan.looks)
        return next((v for v in verdicts if v != INCONCLUSIVE), "") == FAIL

    effect = float(np.median([detectable(launch(0), plan) for _ in range(20)]))
    found = sum(shown(launch(effect)) and shown(launch(effect)) for _ in range(100))
    assert 0.6 < found / 100 < 0.97
    less = plan.tolerated + (effect - plan.tolerated) / 2
    assert sum(shown(launch(less)) and shown(launch(less)) for _ in range(50)) < 25


def test_more_rounds_detect_less() -> None:
    random, plan = np.random.default_rng(8), Plan(comparisons=12)
    rounds = drawn(random, 48, noise=0.1)
    assert detectable(rounds, plan) < detectable(rounds, plan, count=24)
