"""One converted model serves every input shape that MXNet's network takes."""

from __future__ import annotations

from typing import Dict, Tuple

import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st

from converters import ShapeError
from mxproof.check import check
from mxproof.runtimes.base import Layer

from .conftest import Case

Shapes = Dict[str, Tuple[int, ...]]

LARGEST = {"N": 3, "T": 12}
LARGEST_SIDE = 80


def smallest_of(case: Case) -> Shapes:
    if case.subject.model is not None:
        return {"data": case.subject.model.smallest}
    return case.subject.concrete(case.given)


def shapes_of(case: Case) -> st.SearchStrategy[Shapes]:
    """Batch, height, width (and frames), from the smallest up; what is fixed stays."""
    smallest = smallest_of(case)
    drawn = {}
    for value in case.subject.graph.inputs:
        least = smallest[value.name] if case.subject.model else (1,) * len(value.shape)
        sizes = []
        for dim, low in zip(value.shape, least):
            fixed = dim if isinstance(dim, int) else None
            high = LARGEST.get(dim, LARGEST_SIDE)
            sizes.append(st.just(fixed) if fixed else st.integers(low, max(low, high)))
        drawn[value.name] = st.tuples(*sizes)
    return st.fixed_dictionaries(drawn)


def test_shapes(case: Case, target: str, precision: str) -> None:
    candidate = case.candidate(target, precision)
    tried = []

    @given(shapes=shapes_of(case))
    @example(shapes=smallest_of(case))
    def agrees(shapes: Shapes) -> None:
        try:
            case.subject.graph.infer_shapes(shapes)
        except ShapeError:
            assume(False)
        inputs = case.subject.inputs(shapes, seed=1)
        truth = case.reference.run(inputs, "float64")
        single = case.reference.run(inputs, "float32")
        actual = candidate.run(inputs)
        assert len(actual) == len(truth)
        for value, t, m in zip(actual, truth, single):
            reference = Layer("output", t, m)
            result = check("output", value, reference, precision)
            assert result.problem is None, f"{case.name}/{target} at {shapes}: {result.problem}"
        tried.append(tuple(np.shape(a) for a in inputs.values()))

    agrees()
    assert len(set(tried)) > 1, "Hypothesis drew only one shape: nothing was shown"
