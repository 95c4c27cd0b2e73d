"""What counts as a change of numbers, and what is noise."""

from __future__ import annotations

from typing import Any, List, Optional, Union

import numpy as np
import pytest

from lab.bisect.judges import (
    OUTPUTS,
    PROOF,
    STOPS,
    Numbers,
    choose_criterion,
    distance,
    judge_numbers,
)
from lab.bisect.search import GREEN, RED, UNKNOWN
from mxproof.runtimes.base import Array, RuntimeFailure
from mxproof.subject import UsageError

INF, NAN = np.inf, np.nan
STOPPED = RuntimeFailure("no such operator")


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


@pytest.mark.parametrize("found", [[array(1.0, dtype="float64")], [array(1.0)] * 2, []])
def test_another_type_or_number_of_outputs_is_not_rounding(found: List[Array]) -> None:
    assert distance(found, [array(1.0)]) == INF


@pytest.mark.parametrize(
    ("good", "bad", "criterion"),
    [
        (numbers(1), STOPPED, STOPS),
        (numbers(1, True), STOPPED, STOPS),
        (numbers(1, True), numbers(1, False), PROOF),
        (numbers(1, True), numbers(2, True), OUTPUTS),
        (numbers(1, False), numbers(2, False), OUTPUTS),
        (numbers(1), numbers(2), OUTPUTS),
    ],
)
def test_what_decides(
    good: Numbers, bad: Union[Numbers, RuntimeFailure], criterion: str
) -> None:
    assert choose_criterion(good, bad) == criterion
    assert judge_numbers(criterion, good, good).verdict == GREEN
    assert judge_numbers(criterion, bad, good).verdict == RED


@pytest.mark.parametrize(
    ("good", "said"),
    [(STOPPED, "no such operator"), (numbers(1, False), "Exchange --good")],
)
def test_a_good_environment_that_is_not_good(good: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose_criterion(good, numbers(1, True))


@pytest.mark.parametrize(
    ("criterion", "found", "good", "tolerance", "verdict"),
    [
        (OUTPUTS, numbers(1 + 2**-23), numbers(1), 0.0, RED),
        (OUTPUTS, numbers(1 + 2**-23), numbers(1), 1e-5, GREEN),
        (OUTPUTS, numbers(1.015, noise=0.01), numbers(1), 0.0, GREEN),
        (OUTPUTS, numbers(1.025, noise=0.01), numbers(1), 0.0, RED),
        (OUTPUTS, numbers(1.015), numbers(1, noise=0.01), 0.0, GREEN),
        (OUTPUTS, numbers(1, False), numbers(1, True), 0.0, GREEN),
        (PROOF, numbers(1.5, True), numbers(1, True), 0.0, GREEN),
        (STOPS, numbers(1.5), numbers(1, True), 0.0, GREEN),
        (OUTPUTS, STOPPED, numbers(1), 0.0, UNKNOWN),
        (PROOF, STOPPED, numbers(1, True), 0.0, UNKNOWN),
    ],
)
def test_verdicts(
    criterion: str, found: Any, good: Numbers, tolerance: float, verdict: str
) -> None:
    """What a rerun gives is not a change, and what stops in between accuses nobody."""
    assert judge_numbers(criterion, found, good, tolerance).verdict == verdict
