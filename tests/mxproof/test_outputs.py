"""Final outputs: differences, and the order of the largest."""

from __future__ import annotations

import re
from typing import List

import numpy as np
import pytest

from mxproof.proof.outputs.agreement import (
    DIFFERS,
    EQUAL,
    UNDECIDED,
    TopK,
    differences,
    top_k,
    worst_top,
)
from mxproof.runtimes.base import Layer

from .fakes import each_precision


def top(value: List[float], t: List[float], m: List[float], k: int, precision: str) -> TopK:
    truth = Layer("out", np.array([t]), np.array([m], np.float32))
    return top_k(np.array([value], precision), truth, precision, k)


TRUE = [0.5, 0.3, 0.3, 0.1]
NEAR = [0.5, 0.3, 0.3 + 1e-6, 0.1]  # MXNet's own error: 1e-6; 4e-6 allowed, a gap of 8e-6


@pytest.mark.parametrize(
    ("value", "k", "verdict", "note"),
    [
        (TRUE, 4, EQUAL, "^$"),
        (
            [0.5, 0.2, 0.4, 0.1],
            4,
            UNDECIDED,
            "number 2 is class 2, in MXNet 1; 0.0e.00 apart, with",
        ),
        ([0.5, 0.2, 0.4, 0.1], 1, EQUAL, "^$"),
        ([0.3, 0.5, 0.3, 0.1], 1, DIFFERS, "sample 0: number 1 is class 1, in MXNet 0; 2.0e-01 ap"),
        ([0.5, 0.3, 0.1, 0.3], 2, EQUAL, "^$"),
        ([0.5, 0.3, 0.1, 0.3], 3, DIFFERS, "number 3 is class 3, in MXNet 2"),
        ([0.0, 0.0, 0.0, 0.1], 1, DIFFERS, "number 1 is class 3"),
        ([np.nan, 0.3, 0.3, 0.1], 1, DIFFERS, "number 1 is class 1"),
        ([0.5, 0.3, 0.3], 1, DIFFERS, r"has shape \(1, 3\), MXNet \(1, 4\)"),
    ],
)
@each_precision
def test_top_k(value: List[float], k: int, verdict: str, note: str, precision: str) -> None:
    found = top(value, TRUE, NEAR, k, precision)
    assert found.verdict == verdict
    assert re.search(note, found.note)


@pytest.mark.parametrize(("gap", "verdict"), [(7e-6, UNDECIDED), (9e-6, DIFFERS)])
def test_top_k_swaps_within_twice_the_allowed_error(gap: float, verdict: str) -> None:
    t = [0.5, 0.3, 0.3 + gap]
    m = [t[0], t[1], t[2] + 1e-6]
    assert top([0.5, 0.3 + gap, 0.3], t, m, 3, "float32").verdict == verdict
    in_full = top([0.5, 0.3 + gap, 0.3], t, t, 3, "float64")
    assert in_full.verdict == DIFFERS, "in float64 nothing excuses it"


def test_top_k_beyond_the_range_of_float32() -> None:
    """Both are infinite in MXNet's float32: no order of them is right."""
    t, m = [1e39, 2e39, 0.0, 0.0], [np.inf, np.inf, 0.0, 0.0]
    assert top(m, t, m, 1, "float32").verdict == UNDECIDED
    assert top([2e39, 1e39, 0.0, 0.0], t, m, 1, "float64").verdict == DIFFERS


def test_top_k_where_mxnet_is_exact() -> None:
    """A softmax so sure that all other classes vanish in float32: their order is no order."""
    t, m = [1.0, 1e-50, 1e-60], [1.0, 0.0, 0.0]
    assert top([1.0, 0.0, 1e-45], t, m, 3, "float32").verdict == UNDECIDED


@pytest.mark.parametrize("order", [1, -1])
def test_the_gravest_of_several_outputs_counts(order: int) -> None:
    results = [TopK(EQUAL), TopK(DIFFERS, "b"), TopK(UNDECIDED, "a")]
    assert worst_top(results[::order]).note == "b"
    assert worst_top([]).verdict == EQUAL


def test_differences_by_definition() -> None:
    value, reference = np.array([1.0, 2.0, 0.5], "f"), np.array([1.0, -2.0, 0.0], "f")
    assert differences(value, reference) == (4.0, 2.0)
    assert differences(reference, reference) == (0.0, 0.0)
    assert differences(np.zeros(2), np.zeros(2)) == (0.0, 0.0)
