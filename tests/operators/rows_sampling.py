"""Sampling on grids."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .case import Array, Case, Data, DrawFn, Row, Shape, attributes, uniform

SIZES = st.integers(2, 7)


def matrices(random: np.random.Generator, shape: Shape) -> Array:
    """Near to what moves nothing."""
    return np.array([1, 0, 0, 0, 1, 0]) + random.uniform(-0.4, 0.4, shape)


def image(draw: DrawFn) -> Shape:
    return tuple(draw(st.integers(1, n)) for n in (3, 3, 7, 7))


def draw_sampler(draw: DrawFn) -> Case:
    shape = image(draw)
    grid = Data((shape[0], 2, draw(SIZES), draw(SIZES)), uniform(-1.6, 1.6))
    return Case("BilinearSampler", (Data(shape), grid), {}, draw(st.booleans()))


def draw_grid(draw: DrawFn) -> Case:
    attrs = attributes(draw, "GridGenerator", target_shape=st.tuples(SIZES, SIZES))
    if attrs["transform_type"] == "affine":
        data = Data((draw(st.integers(1, 3)), 6), matrices, fixed=(1,))
    else:
        data = Data((draw(st.integers(1, 3)), 2, draw(SIZES), draw(SIZES)))
    return Case("GridGenerator", (data,), attrs, draw(st.booleans()))


def draw_transformer(draw: DrawFn) -> Case:
    attrs = attributes(draw, "SpatialTransformer", target_shape=st.tuples(SIZES, SIZES))
    shape = image(draw)
    given = Data(shape), Data((shape[0], 6), matrices, fixed=(1,))
    return Case("SpatialTransformer", given, attrs, draw(st.booleans()))


ALONE = {"target_shape": "with a single place along an axis MXNet divides by 0"}
ROWS = [
    Row("BilinearSampler", draw_sampler),
    Row("GridGenerator", draw_grid, narrowed=ALONE),
    Row("SpatialTransformer", draw_transformer, narrowed=ALONE),
]
