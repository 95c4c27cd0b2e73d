"""Random operators draw from MXNet's distribution: many draws of each side, compared."""

from __future__ import annotations

from pathlib import Path
from typing import List

import numpy as np
import pytest

from converters import save_checkpoint
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.targets import TARGETS, convert

from .case import Case, Data, uniform
from .prove import load
from .rows_random import ROWS

ROW = {row.op: row for row in ROWS}
DRAWS = 20_000
#: Kolmogorov's distance is above c * sqrt(2 / DRAWS) with the probability 2 exp(-2 c^2): 1e-9.
LIMIT = np.sqrt(np.log(2e9) / 2) * np.sqrt(2 / DRAWS)


def fixed(name: str, **attrs: float) -> List[Case]:
    return [
        Case(f"_random_{name}", (), {"shape": (DRAWS,), **attrs}),
        Case(f"_random_{name}_like", (Data((DRAWS,)),), attrs),
    ]


def each(name: str, *ranges: float) -> Case:
    data = tuple(Data((1,), uniform(value, value)) for value in ranges)
    return Case(f"_sample_{name}", data, {"shape": (DRAWS,)})


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
    Case("_random_randint", (), {"low": -3, "high": 4, "shape": (DRAWS,)}),
    Case(
        "_sample_multinomial",
        (Data((5,), lambda random, shape: np.array([0.1, 0.4, 0.05, 0.25, 0.2])),),
        {"shape": (DRAWS,), "get_prob": True},
    ),
]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Kolmogorov's: the largest difference between the two shares of numbers up to a limit."""
    both = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(x), both, side="right") / x.size for x in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def outputs(case: Case, target: str, folder: Path, mxnet: MxnetProcess) -> List[List[np.ndarray]]:
    """(MXNet's, the converted network's) results."""
    net, heads = case.network()
    save_checkpoint(folder / "net", net.symbol(*heads), net.arrays)
    graph = load(case, ROW[case.op], folder / "net")
    path = convert(graph, target, folder / "out", 21)[0]
    model = mxnet.load(folder / "net", 0, graph)
    theirs = model.run(case.feeds(0))
    model.close()
    return [theirs, TARGETS[target].open(path, "float32").run(case.feeds(0))]


def name(case: Case) -> str:
    return " ".join([case.op, *(f"{k}={v}" for k, v in case.attrs.items() if k != "shape")])


@pytest.mark.parametrize(
    ("case", "target"),
    [
        pytest.param(case, target, id=f"{name(case)} {target}")
        for case in CASES
        for target in ("pytorch", "onnx")
        if target not in ROW[case.op].impossible
    ],
)
def test_draws_are_distributed_as_mxnets(
    case: Case, target: str, mxnet: MxnetProcess, tmp_path: Path
) -> None:
    theirs, ours = outputs(case, target, tmp_path, mxnet)
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
def test_shuffling_keeps_rows_and_moves_them(
    target: str, mxnet: MxnetProcess, tmp_path: Path
) -> None:
    rows = Data((200, 3), lambda random, shape: np.arange(600).reshape(shape))
    theirs, ours = outputs(Case("_shuffle", (rows,)), target, tmp_path, mxnet)
    for (result,) in (theirs, ours):
        assert (result[:, 1:] == result[:, :-1] + 1).all()
        assert (np.sort(result[:, 0]) == np.arange(0, 600, 3)).all()
        assert (result[:, 0] != np.arange(0, 600, 3)).sum() > 100
