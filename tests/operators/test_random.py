"""Random operators draw from MXNet's distribution, whatever its parameters."""

from __future__ import annotations

from typing import List

import numpy as np
import pytest

from mxproof.runtimes.mxnet.client import MxnetProcess

from .all_rows import ROWS
from .case import Case, Data, case, uniform
from .prove import prove

DRAWS = 512


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
    case(Data((200, 3), lambda random, shape: np.arange(600).reshape(shape)), op="_shuffle"),
]


def name(case: Case) -> str:
    return " ".join([case.op, *(f"{k}={v}" for k, v in case.attrs.items() if k != "shape")])


@pytest.mark.parametrize("case", CASES, ids=name)
def test_draws_are_distributed_as_mxnets(case: Case, mxnet: MxnetProcess) -> None:
    prove(case, ROWS[case.op], mxnet)
