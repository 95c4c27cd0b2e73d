"""Operators that draw random numbers. Here their form is judged; test_random.py compares the
distributions."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np
from hypothesis import strategies as st

from converters.ops.distributions import DISTRIBUTIONS

from .case import Case, Data, Shape, case, uniform
from .row import Draw, row


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, width=32).map(lambda x: round(x, 2))


#: Attribute -> what may be drawn for it, where the type allows more.
PARAMETERS: Dict[str, Any] = {
    **dict.fromkeys(("scale", "alpha", "beta", "lam", "mu", "high"), floats(0.25, 4)),
    "low": floats(-2, 0),
    "k": st.integers(1, 4),
    "p": floats(0.25, 0.875),
}
SHAPE = (3, 4)
DTYPES = st.sampled_from((None, "None", "float32", "float64"))
WIDENED = "float16 is widened"
STATED, FEW = "one must be stated", "few numbers do"


def of_shape(draw: Draw) -> Case:
    shape = draw.shape((1, 3))
    return case(**draw.attrs(shape=shape, dtype=DTYPES, **PARAMETERS))


def like(draw: Draw) -> Case:
    attrs = draw.attrs(**PARAMETERS)
    return case(draw.shape((1, 3)), **attrs, free=draw.flag())


def parameters(name: str, shape: Shape) -> List[Data]:
    ranges = {"p": uniform(0.2, 0.9), "high": uniform(2, 3)}
    inputs = DISTRIBUTIONS[name].inputs
    return [Data(shape, ranges.get(key, uniform(0.5, 2))) for key in inputs]


def of_each(draw: Draw) -> Case:
    attrs = draw.attrs(shape=draw.choice(None, (2,), (2, 3)), dtype=DTYPES)
    inputs = parameters(draw.op.replace("_sample_", ""), draw.shape((1, 2)))
    return case(*inputs, **attrs, free=draw.flag())


for name in DISTRIBUTIONS:
    drawn_by_onnx = name in ("uniform", "normal", "exponential")
    why = "" if drawn_by_onnx else "ONNX has no operator that draws from this distribution"
    row(f"_random_{name}", no_onnx=why, shape=STATED, dtype=WIDENED)(of_shape)
    row(f"_random_{name}_like", no_onnx=why)(like)
    row(f"_sample_{name}", no_onnx=why, shape=FEW, dtype=WIDENED)(of_each)


def chances(random: np.random.Generator, shape: Any) -> np.ndarray:
    values = random.uniform(0.1, 1, shape)
    return values / values.sum(axis=-1, keepdims=True)


@row("_sample_multinomial", shape=FEW, dtype=WIDENED)
def multinomial(draw: Draw) -> Case:
    shape = draw.choice(None, (2,), (2, 3))
    dtype = st.sampled_from((None, "uint8", "int32", "float32", "float64"))
    attrs = draw.attrs(shape=shape, dtype=dtype)
    return case(Data(draw.shape((1, 3)), chances), free=draw.flag(), **attrs)


@row("_random_randint", shape=STATED)
def randint(draw: Draw) -> Case:
    low = draw.number(-5, 5)
    return case(**draw.attrs(low=low, high=low + draw.number(1, 9), shape=draw.shape((1, 3))))


@row("_shuffle")
def shuffle(draw: Draw) -> Case:
    return case(draw.moved(draw.shape((1, 3))), free=draw.flag())


EXAMPLES = {
    **{f"_random_{name} shape only": case(shape=SHAPE) for name in DISTRIBUTIONS},
    **{f"_random_{name}_like plain": case(SHAPE) for name in DISTRIBUTIONS},
    **{f"_sample_{name} one of each": case(*parameters(name, (3,))) for name in DISTRIBUTIONS},
    **{
        f"_sample_{name} several of each": case(*parameters(name, (3, 2)), shape=(4, 2))
        for name in DISTRIBUTIONS
    },
    "_sample_multinomial one": case(Data((5,), chances)),
    "_sample_multinomial rows": case(Data((3, 5), chances)),
    "_sample_multinomial with logarithms": case(
        Data((2, 3, 5), chances), shape=(4, 2), get_prob=True
    ),
    "_sample_multinomial as numbers": case(Data((3, 5), chances), dtype="float32", get_prob=True),
    "_random_randint dice": case(low=1, high=7, shape=SHAPE),
    "_shuffle rows": case((5, 2)),
}
