"""Operators that make numbers of nothing, alone and where a reader tells their size, and that draw
random ones, which are judged by their distribution; test_random.py has more parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import numpy as np
from hypothesis import strategies as st

from converters.operators.distributions import DISTRIBUTIONS
from fixtures.networks import Network

from .case import Case, Data, Shape, case, uniform
from .row import Draw, row

TYPES = st.sampled_from((None, "float32", "int32", "int64", "uint8", "int8"))
ANY = "MXNet's float32 run makes float64 of other floating-point types"
NUMBERS = st.sampled_from((-2, -0.5, 0, 0.1, 1, 3))


@dataclass(frozen=True)
class Read(Case):
    """The operator has no input; its result is added to one, from which it has its sizes."""

    def network(self) -> Tuple[Network, List[Tuple[int, int]]]:
        net = Network()
        made = net.layer(self.op, "layer", **self.attrs)
        return net, [made, net.layer("elemwise_add", "reader", made, net.variable("data0"))]


@row("_zeros", "_ones", "_full", "_zeros_without_dtype", dtype=ANY)
def filled(draw: Draw) -> Case:
    shape, untyped = draw.shape((1, 4)), draw.op == "_zeros_without_dtype"
    attrs = draw.attrs(shape=None, dtype=TYPES, value=NUMBERS)
    if attrs.get("dtype") == "uint8" and "value" in attrs:
        attrs["value"] = abs(attrs["value"])
    if untyped or draw.flag():
        attrs.pop("dtype", None)
        return Read.of(shape, **attrs, shape=tuple(draw.choice(0, d) for d in shape))
    return case(**attrs, shape=shape)


@row("_eye", dtype=ANY)
def eye(draw: Draw) -> Case:
    sizes = {"N": draw.number(1, 5), "M": draw.number(0, 5)}
    k = draw.number(1 - sizes["N"], (sizes["M"] or sizes["N"]) - 1)
    return case(**draw.attrs(**sizes, k=k, dtype=TYPES))


@row("_arange", dtype=ANY)
def arange(draw: Draw) -> Case:
    step, start = draw.choice(1, 2, 0.7, -1, -0.3), draw.choice(0, 2, 0.1, 5.5)
    count, repeat = draw.number(1, 6), draw.number(1, 3)
    attrs = {"start": start, "step": step, "repeat": repeat}
    form = draw.choice("both ends", "one end", "read")
    if form == "read":
        return Read.of((count * repeat,), **attrs, infer_range=True, free=draw.flag())
    dtype = draw(TYPES)
    if dtype:
        attrs["dtype"] = dtype
    if form == "one end":
        return case(**{**attrs, "start": count + 0.5, "step": abs(step)})
    if dtype == "uint8":
        attrs["step"] = abs(step)
    return case(**attrs, stop=start + attrs["step"] * (count - 0.5))


@row("_contrib_arange_like")
def arange_like(draw: Draw) -> Case:
    shape = draw.shape((1, 3))
    axis = draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1)))
    data = draw.moved(shape)
    terms: Dict[str, Any] = {"start": st.integers(0, 3), "step": st.integers(0, 2)}
    if data.dtype == "float32":
        terms = {"start": NUMBERS, "step": NUMBERS}
    return case(data, **draw.attrs(**terms, repeat=st.integers(1, 3), axis=axis))


@row("_linspace", dtype=ANY)
def linspace(draw: Draw) -> Case:
    ends = {"start": NUMBERS, "stop": st.sampled_from((0.7, 5, 10))}
    attrs = draw.attrs(**ends, num=st.integers(1, 9), dtype=TYPES)
    if attrs.get("dtype") == "uint8":
        attrs["start"] = abs(attrs["start"])
    return case(**attrs)


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
    "_arange float steps": case(start=0.1, stop=3, step=0.7, repeat=2),
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
