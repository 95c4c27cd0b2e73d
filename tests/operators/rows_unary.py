"""Functions of one number."""

from __future__ import annotations

from typing import Dict, Tuple

import numpy as np
from hypothesis import strategies as st

from converters.ops import REGISTRY
from converters.ops.unary import Unary

from .case import Array, Case, Data, DrawFn, Row, Shape, Values, attributes, shapes, uniform, whole

WHOLE = ("int32", "int64", "uint8", "int8")


def quarters(random: np.random.Generator, shape: Shape) -> Array:
    """Many of them midway between whole numbers."""
    return random.integers(-20, 20, shape) / 4


def scaled(scale: float) -> Values:
    return lambda random, shape: scale * random.standard_normal(shape)


def near(x: float) -> Values:
    return lambda random, shape: x * (1 + 1e-3 * random.standard_normal(shape))


#: Of about unit size, and next to nothing: what a function loses there is seen.
AROUND_0 = (scaled(1), scaled(1e-6), scaled(4))
POSITIVE = (uniform(0.1, 4), near(1), uniform(0, 1e4), uniform(0, 1e-6))

#: Operator -> where it is tried; in other places than those of AROUND_0.
DOMAINS: Dict[str, Tuple[Values, ...]] = {
    **dict.fromkeys(("sqrt", "rsqrt", "log", "log2", "log10"), POSITIVE),
    **dict.fromkeys(("ceil", "floor", "trunc", "fix", "round", "rint"), (quarters, scaled(9))),
    "_contrib_round_ste": (quarters, scaled(9)),
    "log1p": (*AROUND_0[1:2], uniform(-0.9, 3), uniform(0, 1e4)),
    **dict.fromkeys(("sin", "cos"), (*AROUND_0, scaled(100))),
    **dict.fromkeys(("arcsin", "arccos"), (uniform(-1, 1), scaled(1e-6))),
    "arctanh": (uniform(-0.99, 0.99), scaled(1e-6)),
    "arccosh": (uniform(1.01, 9), uniform(1, 1e4)),
    "reciprocal": (*POSITIVE, uniform(-9, -0.1)),
    "cbrt": (*AROUND_0, scaled(1e4)),
    "rcbrt": (*POSITIVE, uniform(-9, -0.1)),
    "erfinv": (uniform(-0.99, 0.99), uniform(-0.1, 0.1)),
    "gamma": (uniform(0.1, 9), uniform(-4.9, -4.1), uniform(9, 30)),
    "gammaln": (uniform(0.1, 9), uniform(-4.9, -4.1), uniform(9, 1e4)),
}
NARROWED = {
    "erfinv": {"data": "nearer to 0 MXNet's own loses all but ten digits"},
    "gamma": {"data": "MXNet makes NaN of its poles, where the limits are infinite"},
}


def row(op: str) -> Row:
    stays = REGISTRY[op].whole  # type: ignore[attr-defined]

    def draw(draw: DrawFn) -> Case:
        values = draw(st.sampled_from(DOMAINS.get(op, AROUND_0)))
        dtype = draw(st.sampled_from(("float32", *WHOLE))) if stays else "float32"
        if dtype != "float32":
            values = whole(0 if dtype == "uint8" else -9, 10)
        data = Data(shapes(draw, (1, 4)), values, dtype)
        return Case(op, (data,), attributes(draw, op), free=draw(st.booleans()))

    return Row(op, draw, EXAMPLES.get(op, {}), NARROWED.get(op, {}))


def example(op: str, values: Values, shape: Shape = (3, 4, 5)) -> Dict[str, Case]:
    return {"corners": Case(op, (Data(shape, values),))}


def these(*numbers: float) -> Values:
    return lambda random, shape: np.resize(np.array(numbers), shape)


EXAMPLES = {
    "round": example("round", these(-2.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, -0.49999997, 8388609)),
    "rint": example("rint", these(-2.5, -0.5, 0.5, 1.5, 2.5, -0.49999997, 0.49999997, 8388609)),
    "log": example("log", scaled(100), (6, 7)),
    "sqrt": example("sqrt", uniform(-100, 100), (6, 7)),
    "log1p": example("log1p", these(-1, -0.5, 0, 1e-9, 1e-3, 1, 1e30)),
    "expm1": example("expm1", these(-1e3, -30, -1, 0, 1e-9, 1e-3, 1, 30)),
    "erfinv": example("erfinv", these(-1, -0.5, 0, 0.25, 0.9, 1)),
    "tanh": example("tanh", uniform(-100, 100)),
    "tan": example("tan", uniform(-100, 100)),
    "arcsin": example("arcsin", uniform(-2, 2)),
    "exp": example("exp", uniform(-80, 80)),
    "reciprocal": example("reciprocal", these(0, -2, 3)),
    "rcbrt": example("rcbrt", these(0, -8, 27)),
}

ROWS = [row(op) for op, cls in sorted(REGISTRY.items()) if issubclass(cls, Unary)]
