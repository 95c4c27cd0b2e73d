"""One converted model serves every input that MXNet's network takes: any shape, any numbers.

Hypothesis looks for the worst case: what it draws next is steered towards the inputs on which a
layer came closest to its budget.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import Callable, Dict, List, Set, Tuple

import hypothesis
from hypothesis import assume, example, given
from hypothesis import strategies as st

from converters import ShapeError
from converters.shape import show
from mxproof.compare import compare
from mxproof.proof import PRECISIONS, describe_failure
from mxproof.subject import DISTRIBUTIONS
from mxproof.truth import Truth
from mxproof.verdict import Comparison

from .conftest import Case

Shapes = Dict[str, Tuple[int, ...]]

LARGEST = {"N": 2, "T": 10}
LARGEST_SIDE = 40
#: Inputs that are drawn daily; the nightly profile has a hundred.
DRAWS = 4
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
    case: Case, target: str, truth: Truth, fresh: Callable[[int], Truth]
) -> List[Comparison]:
    """All layers on one input, in float64 and float32.

    The error of a layer of few numbers may be many times MXNet's own by the luck of one draw:
    a float32 ratio that fails is judged again, over fresh inputs. What was luck is gone then.

    Args:
        fresh: MXNet's results on the n-th other input of the same kind and shapes.
    """

    def on(truth: Truth, precision: str) -> Comparison:
        return compare(truth, case.candidate(target, precision), case.subject.graph)

    double, single = (on(truth, precision) for precision in PRECISIONS)
    if not single.passed and not any(c.fault for c in single.checks):
        single = reduce(operator.add, (on(fresh(n), "float32") for n in range(AGAIN)))
    return [double, single]


def test_shapes(case: Case, targets: str, record_property: Callable[[str, object], None]) -> None:
    """MXNet runs once for each input, whatever is compared with it."""
    _ = case.reference  # before Hypothesis takes the skip for an example that fails
    tried: Set[Tuple[str, ...]] = set()
    worst: Dict[Tuple[str, str], Tuple[float, str]] = {}

    draws = hypothesis.settings.default.max_examples

    @hypothesis.settings(max_examples=draws if draws > 10 else DRAWS)
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

        def truth(number: int) -> Truth:
            return case.reference.truth(case.subject.inputs(shapes, number, kind))

        stated = " ".join(f"{name}={show(shape)}" for name, shape in shapes.items())
        first = truth(seed)
        for target in targets.split("+"):
            for result in judged(case, target, first, lambda n: truth(seed + 1 + n)):
                top = max(result.checks, key=lambda c: c.part)
                label = f"{target}, {result.precision}: part of the budget"
                hypothesis.target(min(top.part, 1e6), label=label)
                key, found = (target, result.precision), (top.part, f"{top.layer}, {stated} {kind}")
                worst[key] = max(worst.get(key, (0.0, "")), found)
                assert result.passed, (
                    f"{describe_failure(case.name, target, result)} {stated} {kind}, seed {seed}."
                )
        tried.add((stated, kind, str(seed)))

    agrees()
    assert len({shape for shape, _, _ in tried}) > 1, "Hypothesis drew only one shape"
    for (target, precision), (part, where) in worst.items():
        row = {"model": case.name, "target": target, "precision": precision}
        found = {"inputs": str(len(tried)), "worst": f"{part:.3f}", "where": where}
        record_property("mxproof_search", {**row, **found})
