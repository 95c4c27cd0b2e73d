"""One converted model serves every input that MXNet's network takes: any shape, any numbers.

Hypothesis looks for the worst case: what it draws next is steered towards the inputs on which a
layer came closest to its budget.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import Dict, Tuple

import hypothesis
from hypothesis import assume, example, given
from hypothesis import strategies as st

from converters import ShapeError
from mxproof.compare import compare
from mxproof.distributions import DISTRIBUTIONS
from mxproof.localise import describe_failure
from mxproof.verdict import Comparison

from .conftest import Case

Shapes = Dict[str, Tuple[int, ...]]

LARGEST = {"N": 3, "T": 12}
LARGEST_SIDE = 80
#: Inputs on which a float32 ratio that failed is judged again.
AGAIN = 12


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


def judged(
    case: Case, target: str, precision: str, shapes: Shapes, kind: str, seed: int
) -> Comparison:
    """All layers on one input.

    The error of a layer of few numbers may be many times MXNet's own by the luck of one draw:
    a float32 ratio that fails is judged again, over fresh inputs. What was luck is gone then.
    """
    candidate, graph = case.candidate(target, precision), case.subject.graph

    def on(seed: int) -> Comparison:
        truth = case.reference.truth(case.subject.inputs(shapes, seed, kind))
        return compare(truth, candidate, graph)

    first = on(seed)
    if first.passed or precision == "float64" or any(c.fault for c in first.checks):
        return first
    return reduce(operator.add, map(on, range(seed + 1, seed + 1 + AGAIN)))


def test_shapes(case: Case, target: str, precision: str) -> None:
    tried = set()

    @given(
        shapes=shapes_of(case),
        kind=st.sampled_from(list(DISTRIBUTIONS)),
        seed=st.integers(1, 1000),
    )
    @example(shapes=smallest_of(case), kind="normal", seed=1)
    def agrees(shapes: Shapes, kind: str, seed: int) -> None:
        try:
            case.subject.graph.infer_shapes(shapes)
        except ShapeError:
            assume(False)
        result = judged(case, target, precision, shapes, kind, seed)
        hypothesis.target(max(check.severity for check in result.checks), label="of the budget")
        tried.add(tuple(shapes.items()))
        assert result.passed, (
            f"{describe_failure(case.name, target, result)} Input: {shapes}, {kind}, seed {seed}."
        )

    agrees()
    assert len(tried) > 1, "Hypothesis drew only one shape: nothing was shown"
