"""Operators that draw random numbers. Here their form is judged; test_random.py compares the
distributions."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np
from hypothesis import strategies as st

from converters.ops.distributions import DISTRIBUTIONS

from .case import Case, Data, DrawFn, Row, attributes, moved, shapes, uniform


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, width=32).map(lambda x: round(x, 2))


#: Attribute -> what may be drawn for it, where the type allows more.
PARAMETERS: Dict[str, Any] = {
    **dict.fromkeys(("scale", "alpha", "beta", "lam", "mu", "high"), floats(0.25, 4)),
    "low": floats(-2, 0),
    "k": st.integers(1, 4),
    "p": floats(0.25, 0.875),
}
NO_OPERATOR = {"onnx": "ONNX has no operator that draws from this distribution"}
IMPOSSIBLE = dict.fromkeys(set(DISTRIBUTIONS) - {"uniform", "normal", "exponential"}, NO_OPERATOR)
SHAPE = (3, 4)
DTYPES = st.sampled_from((None, "None", "float32", "float64"))
WIDENED = {"dtype": "float16 is widened"}


def parameters(name: str) -> Dict[str, Any]:
    fields = DISTRIBUTIONS[name].__dataclass_fields__
    return {key: PARAMETERS[key] for key in fields if key in PARAMETERS}


def of_shape(name: str) -> Row:
    op = f"_random_{name}"

    def draw(draw: DrawFn) -> Case:
        shape = shapes(draw, (1, 3))
        return Case(op, (), attributes(draw, op, shape=shape, dtype=DTYPES, **parameters(name)))

    examples = {"shape only": Case(op, (), {"shape": SHAPE})}
    narrowed = {"shape": "one must be stated", **WIDENED}
    return Row(op, draw, examples, narrowed, IMPOSSIBLE.get(name, {}))


def like(name: str) -> Row:
    op = f"_random_{name}_like"

    def draw(draw: DrawFn) -> Case:
        attrs = attributes(draw, op, **parameters(name))
        return Case(op, (Data(shapes(draw, (1, 3))),), attrs, draw(st.booleans()))

    return Row(op, draw, {"plain": Case(op, (Data(SHAPE),))}, {}, IMPOSSIBLE.get(name, {}))


def of_each(name: str) -> Row:
    op = f"_sample_{name}"
    inputs = DISTRIBUTIONS[name].inputs

    def given(shape: Any) -> List[Data]:
        ranges = {"p": uniform(0.2, 0.9), "high": uniform(2, 3)}
        return [Data(shape, ranges.get(key, uniform(0.5, 2))) for key in inputs]

    def draw(draw: DrawFn) -> Case:
        shape = draw(st.sampled_from((None, (2,), (2, 3))))
        attrs = attributes(draw, op, shape=shape, dtype=DTYPES)
        return Case(op, tuple(given(shapes(draw, (1, 2)))), attrs, draw(st.booleans()))

    examples = {
        "one of each": Case(op, tuple(given((3,)))),
        "several of each": Case(op, tuple(given((3, 2))), {"shape": (4, 2)}),
    }
    narrowed = {"shape": "few numbers do", **WIDENED}
    return Row(op, draw, examples, narrowed, IMPOSSIBLE.get(name, {}))


def chances(random: np.random.Generator, shape: Any) -> np.ndarray:
    values = random.uniform(0.1, 1, shape)
    return values / values.sum(axis=-1, keepdims=True)


def draw_multinomial(draw: DrawFn) -> Case:
    shape = draw(st.sampled_from((None, (2,), (2, 3))))
    dtype = st.sampled_from((None, "uint8", "int32", "float32", "float64"))
    attrs = attributes(draw, "_sample_multinomial", shape=shape, dtype=dtype)
    return multinomial(shapes(draw, (1, 3)), free=draw(st.booleans()), **attrs)


def multinomial(size: Any, free: bool = True, **attrs: Any) -> Case:
    return Case("_sample_multinomial", (Data(size, chances),), attrs, free)


def draw_integer(draw: DrawFn) -> Case:
    low = draw(st.integers(-5, 5))
    narrowed = {"low": low, "high": low + draw(st.integers(1, 9)), "shape": shapes(draw, (1, 3))}
    return Case("_random_randint", (), attributes(draw, "_random_randint", **narrowed))


def draw_shuffle(draw: DrawFn) -> Case:
    return Case("_shuffle", (moved(draw, shapes(draw, (1, 3))),), {}, draw(st.booleans()))


ROWS = [
    *map(of_shape, DISTRIBUTIONS),
    *map(like, DISTRIBUTIONS),
    *map(of_each, DISTRIBUTIONS),
    Row(
        "_sample_multinomial",
        draw_multinomial,
        {
            "one": multinomial((5,)),
            "rows": multinomial((3, 5)),
            "with logarithms": multinomial((2, 3, 5), shape=(4, 2), get_prob=True),
            "as numbers": multinomial((3, 5), dtype="float32", get_prob=True),
        },
        narrowed={"shape": "few numbers do", **WIDENED},
    ),
    Row(
        "_random_randint",
        draw_integer,
        {"dice": Case("_random_randint", (), {"low": 1, "high": 7, "shape": SHAPE})},
        narrowed={"shape": "one must be stated"},
    ),
    Row("_shuffle", draw_shuffle, {"rows": Case("_shuffle", (Data((5, 2)),))}),
]
