"""Of equal numbers, either may come first; nothing else is left open."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converters import operators as ops
from mxproof.proof.compare import numbers_at, numbers_under, reading

DATA = np.array([[3.0, 1, 3, 0, 1], [5, 5, 5, 2, 5]])


@pytest.mark.parametrize(
    ("op", "attrs", "output"),
    [
        ("argsort", {"is_ascend": "False"}, 0),
        ("topk", {"k": "2"}, 0),
        ("topk", {"k": "2", "ret_typ": "both"}, 1),
    ],
)
def test_places_of_equal_numbers_may_change(op: str, attrs: Any, output: int) -> None:
    read = reading(ops.parse(op, attrs), output)
    assert read is not None
    ours, theirs = np.array([[0, 2], [0, 1]]), np.array([[2.0, 0], [4, 2]])
    np.testing.assert_array_equal(read(DATA, ours), read(DATA, theirs))


@pytest.mark.parametrize(
    ("op", "attrs", "output"),
    [("topk", {"ret_typ": "both"}, 0), ("topk", {"ret_typ": "value"}, 0), ("relu", {}, 0)],
)
def test_numbers_may_not(op: str, attrs: Any, output: int) -> None:
    assert reading(ops.parse(op, attrs), output) is None


@pytest.mark.parametrize("places", [[0, 0], [0, 1.5], [0, 5], [-1, 2], [np.nan, 2]])
def test_what_is_no_place_or_there_twice_is_no_number(places: Any) -> None:
    found = numbers_at(DATA[:1], np.array([places]), -1)
    assert np.isnan(found).any()


def test_another_order_of_other_numbers_shows() -> None:
    right, wrong = (numbers_at(DATA[:1], np.array([p]), 1) for p in ([0, 2, 1], [0, 1, 2]))
    assert (right != wrong).any()


def test_flat_data() -> None:
    np.testing.assert_array_equal(numbers_at(DATA, np.array([5, 9, 0]), None), [5, 5, 3])


@pytest.mark.parametrize("axis", [1, None])
def test_masks(axis: Any) -> None:
    data = DATA[:1]
    ours, theirs, wrong, odd = (
        numbers_under(data, np.array([mask], float), axis)
        for mask in ([1, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 0, 0, 0], [1, 0, 0.5, 0, 0])
    )
    np.testing.assert_array_equal(ours, theirs)
    assert (ours != wrong).any()
    assert np.isnan(odd).any()
