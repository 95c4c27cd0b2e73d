"""What counts as a change of numbers, and what is noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lab.bisect.judges import (
    FAILS,
    RUNS,
    STOPS,
    Numbers,
    choose_criterion,
    distance,
    judge_numbers,
)
from lab.bisect.search import GREEN, RED, UNKNOWN
from mxproof.errors import UsageError
from mxproof.runtimes.base import Array

INF, NAN = np.inf, np.nan
STOPPED = Numbers(STOPS, "no such operator")


def array(*values: float, dtype: str = "float32") -> Array:
    return np.array(values, dtype)


def numbers(value: float, state: int = RUNS, noise: float = 0.0) -> Numbers:
    return Numbers(state, "", [array(value)], noise)


ONE = array(1.0)


@pytest.mark.parametrize(
    ("found", "expected", "apart"),
    [
        (array(1.0, 2.0), array(1.0, 2.0), 0.0),
        (array(1.0, 2.5), array(1.0, 2.0), 0.25),
        (array(-0.0), array(0.0), 0.0),
        (array(1e-3), array(0.0), INF),
        (array(NAN, 2.0), array(NAN, 2.0), 0.0),
        (array(NAN, 3.0), array(NAN, 2.0), 0.5),
        (array(NAN, 2.0), array(1.0, 2.0), INF),
        (array(INF, 1.0), array(INF, 1.0), 0.0),
        (array(INF, 1.0), array(-INF, 1.0), INF),
        (array(), array(), 0.0),
        (ONE, array(1.0, 1.0), INF),
        (array(1.0, dtype="float64"), ONE, INF),
    ],
)
def test_distance(found: Array, expected: Array, apart: float) -> None:
    """The largest of all outputs counts, wherever it is; another number of them is not rounding."""
    assert distance([found, ONE], [expected, ONE]) == apart
    assert distance([ONE, found], [ONE, expected]) == apart
    assert distance([found], [expected, ONE]) == distance([found, ONE], [expected]) == INF


@pytest.mark.parametrize(
    ("good", "bad", "criterion"),
    [
        (numbers(1), STOPPED, STOPS),
        (numbers(1, FAILS), STOPPED, STOPS),
        (numbers(1), numbers(1, FAILS), FAILS),
        (numbers(1), numbers(2), RUNS),
        (numbers(1, FAILS), numbers(2, FAILS), RUNS),
    ],
)
def test_what_decides(good: Numbers, bad: Numbers, criterion: int) -> None:
    assert choose_criterion(good, bad) == criterion
    assert judge_numbers(criterion, good, good).verdict == GREEN
    assert judge_numbers(criterion, bad, good).verdict == RED


@pytest.mark.parametrize(
    ("good", "said"),
    [(STOPPED, "no such operator"), (numbers(1, FAILS), "Exchange --good")],
)
def test_a_good_environment_that_is_not_good(good: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose_criterion(good, numbers(1))


@pytest.mark.parametrize(
    ("criterion", "found", "good", "tolerance", "verdict"),
    [
        (RUNS, numbers(1 + 2**-23), numbers(1), 0.0, RED),
        (RUNS, numbers(1 + 2**-23), numbers(1), 1e-5, GREEN),
        (RUNS, numbers(1.015, noise=0.01), numbers(1), 0.0, GREEN),
        (RUNS, numbers(1.025, noise=0.01), numbers(1), 0.0, RED),
        (RUNS, numbers(1.015), numbers(1, noise=0.01), 0.0, GREEN),
        (RUNS, numbers(1, FAILS), numbers(1), 0.0, GREEN),
        (FAILS, numbers(1.5), numbers(1), 0.0, GREEN),
        (STOPS, numbers(1.5), numbers(1), 0.0, GREEN),
        (RUNS, STOPPED, numbers(1), 0.0, UNKNOWN),
        (FAILS, STOPPED, numbers(1), 0.0, UNKNOWN),
    ],
)
def test_verdicts(
    criterion: int, found: Any, good: Numbers, tolerance: float, verdict: str
) -> None:
    """What a rerun gives is not a change, and what stops in between accuses nobody."""
    assert judge_numbers(criterion, found, good, tolerance).verdict == verdict
