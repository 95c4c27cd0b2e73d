"""Ranks of one random layer's numbers among another's: uniform if both draw alike."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest

from mxproof.proof import distribution
from mxproof.proof.distribution import from_uniform, ranks
from mxproof.runtimes.mxnet.worker.draws import DRAWS

Draw = Callable[[np.random.Generator, Any], Any]


def places(random: np.random.Generator, shape: Any) -> Any:
    """Each has a mean and a deviation of its own."""
    return random.normal(np.arange(shape[1]), 1 + np.arange(shape[1]), shape)


def shuffled(random: np.random.Generator, shape: Any) -> Any:
    return random.permuted(np.broadcast_to(np.arange(shape[1]), shape), axis=1)


#: Continuous, discrete, constant, of few values, and with places that differ.
DRAWN: dict[str, Draw] = {
    "normal": lambda random, shape: random.standard_normal(shape),
    "heavy": lambda random, shape: random.standard_cauchy(shape),
    "poisson": lambda random, shape: random.poisson(2.5, shape),
    "coin": lambda random, shape: random.random(shape) < 0.2,
    "constant": lambda random, shape: np.ones(shape),
    "places": places,
    "shuffled": shuffled,
}
SHAPES = [(128, 1), (128, 6), (64, 64), (8, 512)]


def used(random: np.random.Generator, ours: Draw, theirs: Draw, shape: Any) -> float:
    runs, places = shape
    values = ours(random, shape).astype(np.float32)
    draws = theirs(random, (runs * DRAWS, places)).astype(np.float32)
    return from_uniform(ranks(list(values), draws))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", DRAWN)
def test_alarms_are_as_rare_as_stated(
    name: str, shape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a rate that can be counted, 1 in 10, there are no more: of 60, 17 are one case in 1e4."""
    random = np.random.default_rng(0)
    assert used(random, DRAWN[name], DRAWN[name], shape) < 1
    monkeypatch.setattr(distribution, "FALSE_ALARM", 0.1)
    found = [used(random, DRAWN[name], DRAWN[name], shape) for _ in range(60)]
    assert sum(part > 1 for part in found) < 17


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("normal", lambda random, shape: random.normal(0.4, 1, shape)),
        ("normal", lambda random, shape: random.normal(0, 1.5, shape)),
        ("normal", lambda random, shape: random.normal(0, 0.7, shape)),
        ("normal", lambda random, shape: random.standard_normal((shape[0], 1)) + np.zeros(shape)),
        ("normal", lambda random, shape: random.standard_normal((1, shape[1])) + np.zeros(shape)),
        ("coin", lambda random, shape: random.random(shape) < 0.4),
        ("poisson", lambda random, shape: random.poisson(3.5, shape)),
        ("constant", lambda random, shape: np.full(shape, 1.001)),
        ("places", lambda random, shape: places(random, shape)[:, ::-1]),
        ("shuffled", lambda random, shape: np.broadcast_to(np.arange(shape[1]), shape)),
    ],
)
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_other_distributions_are_found(name: str, wrong: Draw, shape: Any) -> None:
    assert used(np.random.default_rng(0), wrong, DRAWN[name], shape) > 1
