"""Products with a matrix of weights."""

from __future__ import annotations

from typing import Tuple

import numpy as np
from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Stored, attributes, shapes

Ints = Tuple[int, ...]


def dense(
    shape: Ints,
    hidden: int,
    no_bias: bool = False,
    flatten: bool = True,
    weights: type = Stored,
) -> Case:
    features = int(np.prod(shape[1:])) if flatten else shape[-1]
    inputs = [Data(shape, fixed=range(1, len(shape))), weights((hidden, features))]
    if not no_bias:
        inputs.append(weights((hidden,)))
    attrs = {"num_hidden": hidden, "no_bias": no_bias, "flatten": flatten}
    return Case("FullyConnected", tuple(inputs), attrs)


def draw_dense(draw: DrawFn) -> Case:
    attrs = attributes(draw, "FullyConnected", num_hidden=st.integers(1, 6))
    return dense(
        shapes(draw, (1, 4)),
        attrs["num_hidden"],
        attrs.get("no_bias", False),
        attrs.get("flatten", True),
        draw(st.sampled_from([Stored, Data])),
    )


ROWS = [
    Row(
        "FullyConnected",
        draw_dense,
        {
            "image": dense((2, 4, 9, 8), 5),
            "matrix without bias": dense((3, 7), 5, no_bias=True),
            "each row": dense((2, 3, 7), 5, flatten=False),
            "each row without bias": dense((2, 3, 7), 5, no_bias=True, flatten=False),
            "vector": dense((7,), 5),
            "vector as a row": dense((7,), 5, flatten=False),
            "computed": dense((3, 7), 5, weights=Data),
            "computed, each row": dense((2, 3, 7), 5, flatten=False, weights=Data),
        },
    )
]
