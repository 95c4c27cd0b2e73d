"""What counts as a drift of numbers, and what is the noise of an environment."""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, Optional, Union

import numpy as np
import pytest

from lab.bisect.numbers import BITS, PROOF, STOPS, Numbers, distance, question
from lab.bisect.search import GREEN, RED, UNKNOWN
from lab.bisect.venvs import NotBuilt
from lab.bisect.workshop import Stopped
from mxproof.runtimes.base import Array
from mxproof.subject import UsageError

GOOD, BAD = {"numpy": "1"}, {"numpy": "2"}
Found = Union[Numbers, Exception]


def numbers(*values: float, passed: Optional[bool] = None, dtype: str = "float32") -> Numbers:
    return Numbers(((np.array(values, dtype),),), passed)


@pytest.mark.parametrize(
    ("found", "expected", "apart"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.5], [1.0, 2.0], 0.25),
        ([-0.0], [0.0], 0.0),
        ([1e-3], [0.0], np.inf),
        ([np.nan, 2.0], [np.nan, 2.0], 0.0),
        ([np.nan, 3.0], [np.nan, 2.0], 0.5),
        ([np.nan, 2.0], [1.0, 2.0], np.inf),
        ([np.inf, 1.0], [np.inf, 1.0], 0.0),
        ([np.inf, 1.0], [-np.inf, 1.0], np.inf),
        ([], [], 0.0),
        ([1.0], [1.0, 1.0], np.inf),
    ],
)
def test_distance(found: List[float], expected: List[float], apart: float) -> None:
    assert distance(numbers(*found), numbers(*expected)) == apart


def test_another_type_or_another_number_of_outputs_is_no_rounding() -> None:
    one = numbers(1.0)
    assert distance(numbers(1.0, dtype="float64"), one) == np.inf
    assert distance(Numbers((one.outputs[0] * 2,)), one) == np.inf
    assert distance(Numbers(one.outputs * 2), one) == np.inf


def test_the_largest_of_all_outputs_counts() -> None:
    array: Callable[[float], Array] = lambda x: np.array([x], np.float32)  # noqa: E731
    found = Numbers(((array(1.0), array(2.0)), (array(1.0), array(3.0))))
    expected = Numbers(((array(1.0), array(2.0)), (array(1.0), array(2.0))))
    assert distance(found, expected) == 0.5


class FakeMeter:
    """Says what it is told, run by run."""

    def __init__(self, **runs: List[Found]) -> None:
        self.runs = {"1": iter(runs["good"]), "2": iter(runs["bad"])}

    def __call__(self, environment: Mapping[str, str]) -> Any:
        found = next(self.runs[environment["numpy"]])
        if isinstance(found, (NotBuilt, UsageError)):
            raise found
        return found


def asked(good: List[Found], bad: List[Found], tolerance: float = 0.0) -> Any:
    return question(FakeMeter(good=good, bad=bad), GOOD, BAD, tolerance)  # type: ignore[arg-type]


def test_other_bits_are_a_drift_where_runs_repeat() -> None:
    found = asked([numbers(1.0)] * 2, [numbers(1.0 + 2**-23)] * 2)
    assert found.criterion == BITS
    assert found.answer(numbers(1.0)).verdict == GREEN
    answer = found.answer(numbers(1.0 - 2**-24))
    assert (answer.verdict, answer.size) == (RED, 2**-24)


def test_what_a_rerun_gives_is_no_drift() -> None:
    good: List[Found] = [numbers(1.0), numbers(1.001)]
    with pytest.raises(UsageError, match="nothing to attribute"):
        asked(good, [numbers(1.0005)] * 2)
    found = asked(good, [numbers(1.1)] * 2)
    assert found.answer(numbers(0.9995)).verdict == GREEN
    assert found.answer(numbers(1.05)).verdict == RED


def test_the_bad_one_may_be_the_noisy_one() -> None:
    with pytest.raises(UsageError, match="nothing to attribute"):
        asked([numbers(1.0)] * 2, [numbers(1.0005), numbers(1.001)])


def test_a_tolerance() -> None:
    with pytest.raises(UsageError, match="up to 1.0e-01 of the largest"):
        asked([numbers(1.0)] * 2, [numbers(1.05)] * 2, tolerance=0.1)


def test_the_proof_goes_before_the_bits() -> None:
    found = asked([numbers(1.0, passed=True)] * 2, [numbers(1.1, passed=False)] * 2)
    assert found.criterion == PROOF
    assert found.answer(numbers(1.05, passed=True)).verdict == GREEN
    assert found.answer(numbers(1.0, passed=False)).verdict == RED


def test_both_fail_the_proof_and_differ() -> None:
    found = asked([numbers(1.0, passed=False)] * 2, [numbers(1.1, passed=False)] * 2)
    assert found.criterion == BITS


def test_both_fail_the_proof_alike() -> None:
    with pytest.raises(UsageError, match="and fail the proof"):
        asked([numbers(1.0, passed=False)] * 2, [numbers(1.0, passed=False)] * 2)


def test_one_that_stops() -> None:
    found = asked([numbers(1.0)], [Stopped("run: no such operator")])
    assert found.criterion == STOPS
    assert found.answer(numbers(2.0)).verdict == GREEN
    assert found.answer(Stopped("run: another error")).verdict == RED


@pytest.mark.parametrize("passed", [None, False])
def test_what_stops_in_between_accuses_nobody(passed: Optional[bool]) -> None:
    green = numbers(1.0, passed=None if passed is None else True)
    found = asked([green] * 2, [numbers(1.1, passed=passed)] * 2)
    answer = found.answer(Stopped("run: these two versions do not fit"))
    assert (answer.verdict, answer.note) == (UNKNOWN, "run: these two versions do not fit")


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ([Stopped("x")], [numbers(1.0)], "the good environment is red: x"),
        ([NotBuilt("x")], [numbers(1.0)], "the good environment cannot be made: x"),
        ([numbers(1.0)], [UsageError("x")], "the bad environment cannot be made: x"),
        (
            [numbers(1.0, passed=False)] * 2,
            [numbers(1.1, passed=True)] * 2,
            "and the bad one passes. Exchange them",
        ),
    ],
)
def test_no_question(good: List[Found], bad: List[Found], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        asked(good, bad)
