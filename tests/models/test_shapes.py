"""One converted model serves every input that MXNet's network takes: any shape, any numbers.

Hypothesis looks for the worst case: what it draws next is steered towards the inputs on which a
layer came closest to its budget.
"""

from __future__ import annotations

from typing import Callable, Dict, Set, Tuple

import hypothesis
from hypothesis import example, given
from hypothesis import strategies as st

from converters import ShapeError
from converters.ir.shapes import show
from mxproof.inputs.sampling import DISTRIBUTIONS
from mxproof.proof.reference import Reference, kept

from .conftest import Case

Shapes = Dict[str, Tuple[int, ...]]

LARGEST = {"N": 2, "T": 10}
LARGEST_SIDE = 40
#: Inputs that are drawn daily; the nightly profile has a hundred.
DRAWS = 4


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


def taken(case: Case, shapes: Shapes) -> Shapes:
    """The shapes as drawn; where the network does not take them, those of `smallest_of` with one
    free size as drawn; or these as they are."""
    plain, inputs = smallest_of(case), case.subject.graph.inputs

    def only(letter: str) -> Shapes:
        sizes = ((v.name, zip(v.shape, shapes[v.name], plain[v.name])) for v in inputs)
        return {n: tuple(a if d == letter else b for d, a, b in each) for n, each in sizes}

    letters = dict.fromkeys(d for v in inputs for d in v.shape if isinstance(d, str))
    return next((tried for tried in (shapes, *map(only, letters)) if takes(case, tried)), plain)


def takes(case: Case, shapes: Shapes) -> bool:
    try:
        case.subject.graph.infer_shapes(shapes)
    except ShapeError:
        return False
    return True


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
        shapes = taken(case, shapes)
        inputs = case.subject.inputs(shapes, seed, kind)
        # Stored numbers, and what no input reaches, are the same whatever the inputs.
        evidence = kept(Reference(lambda draws: iter([case.reference.truth(inputs, draws)]), {}))
        stated = " ".join(f"{name}={show(shape)}" for name, shape in shapes.items())
        for target, proof in case.proof_on(evidence, *targets.split("+"), alone=False).items():
            assert proof.passed, (
                f"{'; '.join(proof.explain(case.name))} {stated} {kind}, seed {seed}."
            )
            for result in proof.comparisons.values():
                top = max(result.checks, key=lambda c: c.part)
                label = f"{target}, {result.precision}: part of the budget"
                hypothesis.target(min(top.part, 1e6), label=label)
                key, found = (target, result.precision), (top.part, f"{top.layer}, {stated} {kind}")
                worst[key] = max(worst.get(key, (0.0, "")), found)
        tried.add((stated, kind, str(seed)))

    larger = {name: (shape[0] + 1, *shape[1:]) for name, shape in smallest_of(case).items()}
    if case.subject.model is None:  # which may leave nothing free but the batch
        agrees = example(shapes=larger, kind="normal", seed=2)(agrees)
    agrees()
    free = any(not isinstance(d, int) for v in case.subject.graph.inputs for d in v.shape)
    several = len({shape for shape, _, _ in tried}) > 1
    assert several or not (free and takes(case, larger)), "only one shape was drawn"
    for (target, precision), (part, where) in worst.items():
        row = {"model": case.name, "target": target, "precision": precision}
        found = {"inputs": str(len(tried)), "worst": f"{part:.3f}", "where": where}
        record_property("mxproof_search", {**row, **found})
