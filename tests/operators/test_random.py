"""Random operators draw from MXNet's distribution: many draws of each side, compared."""

from __future__ import annotations

from typing import List

import numpy as np
import pytest

from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.targets import TARGETS, convert

from .all_rows import ROWS
from .case import Case, Data, case, uniform
from .prove import opened

DRAWS = 20_000
#: Kolmogorov's distance is above c * sqrt(2 / DRAWS) with the probability 2 exp(-2 c^2): 1e-9.
LIMIT = np.sqrt(np.log(2e9) / 2) * np.sqrt(2 / DRAWS)


def fixed(name: str, **attrs: float) -> List[Case]:
    return [
        case(op=f"_random_{name}", shape=(DRAWS,), **attrs),
        case((DRAWS,), op=f"_random_{name}_like", **attrs),
    ]


def each(name: str, *ranges: float) -> Case:
    data = (Data((1,), uniform(value, value)) for value in ranges)
    return case(*data, op=f"_sample_{name}", shape=(DRAWS,))


CASES = [
    *fixed("uniform", low=-1.5, high=3),
    each("uniform", -2, 0.5),
    *fixed("normal", loc=0.7, scale=0.3),
    each("normal", -1, 2.5),
    *fixed("exponential", lam=0.4),
    each("exponential", 2.5),
    *fixed("gamma", alpha=0.6, beta=2.5),
    *fixed("gamma", alpha=5, beta=0.3),
    each("gamma", 3, 0.5),
    *fixed("poisson", lam=2.5),
    each("poisson", 7),
    *fixed("negative_binomial", k=3, p=0.4),
    each("negative_binomial", 2, 0.7),
    *fixed("generalized_negative_binomial", mu=2.5, alpha=0.4),
    *fixed("generalized_negative_binomial", mu=2.5, alpha=0),
    each("generalized_negative_binomial", 4, 0.2),
    case(op="_random_randint", low=-3, high=4, shape=(DRAWS,)),
    case(
        Data((5,), lambda random, shape: np.array([0.1, 0.4, 0.05, 0.25, 0.2])),
        op="_sample_multinomial",
        shape=(DRAWS,),
        get_prob=True,
    ),
]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Kolmogorov's: the largest difference between the two shares of numbers up to a limit."""
    both = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(x), both, side="right") / x.size for x in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def outputs(case: Case, target: str, mxnet: MxnetProcess) -> List[List[np.ndarray]]:
    """(MXNet's, the converted network's) results."""
    with opened(case, mxnet) as (graph, model, folder):
        path = convert(graph, target, folder / "out", 21)[0]
        feeds = case.feeds(0)
        return [model.run(feeds), TARGETS[target].open(path, "float32").run(feeds)]


def name(case: Case) -> str:
    return " ".join([case.op, *(f"{k}={v}" for k, v in case.attrs.items() if k != "shape")])


@pytest.mark.parametrize(
    ("case", "target"),
    [
        pytest.param(case, target, id=f"{name(case)} {target}")
        for case in CASES
        for target in ("pytorch", "onnx")
        if target == "pytorch" or not ROWS[case.op].no_onnx
    ],
)
def test_draws_are_distributed_as_mxnets(case: Case, target: str, mxnet: MxnetProcess) -> None:
    theirs, ours = outputs(case, target, mxnet)
    for a, b in list(zip(theirs, ours))[: len(theirs) if case.inputs else 1]:
        assert a.size == b.size == DRAWS
        assert distance(a.round(4).ravel(), b.round(4).ravel()) < LIMIT


def test_the_comparison_can_fail() -> None:
    random = np.random.default_rng(0)
    one, other = random.standard_normal((2, DRAWS))
    assert distance(one, other) < LIMIT
    assert distance(one, other * 1.25) > LIMIT
    assert distance(one, other + 0.1) > LIMIT


@pytest.mark.parametrize("target", ["pytorch", "onnx"])
def test_shuffling_keeps_rows_and_moves_them(target: str, mxnet: MxnetProcess) -> None:
    rows = Data((200, 3), lambda random, shape: np.arange(600).reshape(shape))
    for (result,) in outputs(case(rows, op="_shuffle"), target, mxnet):
        assert (result[:, 1:] == result[:, :-1] + 1).all()
        assert (np.sort(result[:, 0]) == np.arange(0, 600, 3)).all()
        assert (result[:, 0] != np.arange(0, 600, 3)).sum() > 100
