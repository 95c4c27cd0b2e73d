"""Sampling on grids."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, attributes, uniform
from .rows_roi import sizes

SIZES = st.integers(2, 7)


def matrices(number: int) -> Data:
    """Near to what moves nothing."""
    near, nothing = uniform(-0.4, 0.4), np.array([1, 0, 0, 0, 1, 0])
    return Data((number, 6), lambda random, shape: nothing + near(random, shape), fixed=(1,))


def draw_sampler(draw: DrawFn) -> Case:
    shape = sizes(draw, 3, 3, 7, 7)
    grid = Data((shape[0], 2, draw(SIZES), draw(SIZES)), uniform(-1.6, 1.6))
    return Case("BilinearSampler", (Data(shape), grid), {}, draw(st.booleans()))


def draw_grid(draw: DrawFn) -> Case:
    attrs = attributes(draw, "GridGenerator", target_shape=st.tuples(SIZES, SIZES))
    number, affine = draw(st.integers(1, 3)), attrs["transform_type"] == "affine"
    data = matrices(number) if affine else Data((number, 2, draw(SIZES), draw(SIZES)))
    return Case("GridGenerator", (data,), attrs, draw(st.booleans()))


def draw_transformer(draw: DrawFn) -> Case:
    attrs = attributes(draw, "SpatialTransformer", target_shape=st.tuples(SIZES, SIZES))
    shape = sizes(draw, 3, 3, 7, 7)
    given = Data(shape), matrices(shape[0])
    return Case("SpatialTransformer", given, attrs, draw(st.booleans()))


ALONE = {"target_shape": "with a single place along an axis MXNet divides by 0"}
ROWS = [
    Row("BilinearSampler", draw_sampler),
    Row("GridGenerator", draw_grid, narrowed=ALONE),
    Row("SpatialTransformer", draw_transformer, narrowed=ALONE),
]
