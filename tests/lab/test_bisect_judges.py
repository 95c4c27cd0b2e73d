"""What counts as a change of numbers or of speed, and what is noise."""

from __future__ import annotations

from typing import Any, List, Optional, Union

import numpy as np
import pytest

from lab.bisect.numbers import (
    OUTPUTS,
    PROOF,
    STOPS,
    Numbers,
    choose_criterion,
    distance,
    judge_numbers,
)
from lab.bisect.runner import Stopped
from lab.bisect.search import GREEN, RED, UNKNOWN
from lab.bisect.speed import judge_times, race
from mxproof.runtimes.base import Array
from mxproof.subject import UsageError

INF, NAN = np.inf, np.nan


def array(*values: float, dtype: str = "float32") -> Array:
    return np.array(values, dtype)


def numbers(value: float, passed: Optional[bool] = None, noise: float = 0.0) -> Numbers:
    return Numbers([array(value)], noise, passed)


@pytest.mark.parametrize(
    ("found", "expected", "apart"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.5], [1.0, 2.0], 0.25),
        ([-0.0], [0.0], 0.0),
        ([1e-3], [0.0], INF),
        ([NAN, 2.0], [NAN, 2.0], 0.0),
        ([NAN, 3.0], [NAN, 2.0], 0.5),
        ([NAN, 2.0], [1.0, 2.0], INF),
        ([INF, 1.0], [INF, 1.0], 0.0),
        ([INF, 1.0], [-INF, 1.0], INF),
        ([], [], 0.0),
        ([1.0], [1.0, 1.0], INF),
    ],
)
def test_distance(found: List[float], expected: List[float], apart: float) -> None:
    """The largest of all outputs counts, wherever it is."""
    a, b, same = array(*found), array(*expected), array(1.0)
    assert distance([a, same], [b, same]) == distance([same, a], [same, b]) == apart


def test_another_type_or_number_of_outputs_is_not_rounding() -> None:
    assert distance([array(1.0, dtype="float64")], [array(1.0)]) == INF
    assert distance([array(1.0)] * 2, [array(1.0)]) == INF
    assert distance([], [array(1.0)]) == INF


@pytest.mark.parametrize(
    ("good", "bad", "criterion"),
    [
        (numbers(1), Stopped("x"), STOPS),
        (numbers(1, True), Stopped("x"), STOPS),
        (numbers(1, True), numbers(1, False), PROOF),
        (numbers(1, True), numbers(2, True), OUTPUTS),
        (numbers(1, False), numbers(2, False), OUTPUTS),
        (numbers(1), numbers(2), OUTPUTS),
    ],
)
def test_what_decides(good: Numbers, bad: Union[Numbers, Stopped], criterion: str) -> None:
    assert choose_criterion(good, bad) == criterion
    assert judge_numbers(criterion, good, good).verdict == GREEN
    assert judge_numbers(criterion, bad, good).verdict == RED


@pytest.mark.parametrize(
    ("good", "said"),
    [(Stopped("no such operator"), "no such operator"), (numbers(1, False), "Exchange --good")],
)
def test_a_good_environment_that_is_not_good(good: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose_criterion(good, numbers(1, True))


@pytest.mark.parametrize(
    ("criterion", "found", "tolerance", "verdict"),
    [
        (OUTPUTS, numbers(1 + 2**-23), 0.0, RED),
        (OUTPUTS, numbers(1 + 2**-23), 1e-5, GREEN),
        (OUTPUTS, numbers(1.015, noise=0.01), 0.0, GREEN),
        (OUTPUTS, numbers(1.025, noise=0.01), 0.0, RED),
        (OUTPUTS, numbers(1.0, False), 0.0, GREEN),
        (PROOF, numbers(1.5, True), 0.0, GREEN),
        (STOPS, numbers(1.5), 0.0, GREEN),
        (OUTPUTS, Stopped("x"), 0.0, UNKNOWN),
        (PROOF, Stopped("x"), 0.0, UNKNOWN),
    ],
)
def test_verdicts(criterion: str, found: Any, tolerance: float, verdict: str) -> None:
    """What a rerun gives is not a change, and what stops in between accuses nobody."""
    assert judge_numbers(criterion, found, numbers(1.0, True), tolerance).verdict == verdict


def test_the_good_environment_may_be_the_noisy_one() -> None:
    assert judge_numbers(OUTPUTS, numbers(1.015), numbers(1.0, noise=0.01)).verdict == GREEN


@pytest.mark.parametrize(
    ("slowdown", "spread", "verdict"),
    [(1.0, 0.01, GREEN), (1.1, 0.01, RED), (0.8, 0.01, GREEN), (1.02, 0.2, UNKNOWN)],
)
def test_times(slowdown: float, spread: float, verdict: str) -> None:
    """Slow moments of the machine hit both alike."""
    draw = np.random.default_rng(0)
    moments = draw.uniform(1, 2, (60, 1)) * np.exp(draw.normal(0, spread, (60, 2)))
    rounds = [(a * slowdown, b) for a, b in moments]
    outcome = judge_times(rounds, risk=0.03)
    assert outcome.verdict == verdict
    assert "60 rounds" in outcome.note


def test_false_alarms_are_as_rare_as_the_risk() -> None:
    draw = np.random.default_rng(0)
    pairs = np.exp(draw.normal(0, 0.05, (100, 12, 2)))
    red = sum(judge_times(list(map(tuple, p)), risk=0.05).verdict == RED for p in pairs)
    assert red < 100 * 0.05


class Clock:
    """A process on a machine that gets busier by 5 % with every turn."""

    load = 1.0

    def __init__(self, cost: float) -> None:
        self.cost = cost

    def seconds(self, passes: int) -> float:
        Clock.load *= 1.05
        return self.cost * Clock.load


@pytest.mark.parametrize("cost", [1.0, 1.2])
def test_a_machine_that_gets_busier_accuses_nobody(cost: float) -> None:
    rounds = race(Clock(cost), Clock(1.0), seconds=60)
    assert len(rounds) == 60
    assert np.median([a / b for a, b in rounds]) == pytest.approx(cost, rel=0.01)


def test_a_race_ends_in_time() -> None:
    assert len(race(Clock(1.0), Clock(1.0), seconds=0)) == 12
