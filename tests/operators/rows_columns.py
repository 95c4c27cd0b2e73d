"""Windows as columns, the Khatri-Rao product, storage."""

from __future__ import annotations

from typing import Any, Dict, Tuple

import numpy as np
from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Shape, attributes, shapes


def draw_windows(draw: DrawFn) -> Tuple[Dict[str, Any], Shape, int]:
    """Attributes, spatial sizes that hold a window, and how many windows they hold."""
    kernel = shapes(draw, 2, high=3)
    attrs: Dict[str, Any] = {"kernel": kernel}
    for name, low in (("stride", 1), ("dilate", 1), ("pad", 0)):
        if draw(st.booleans()):
            attrs[name] = tuple(draw(st.integers(low, 2)) for _ in kernel)
    stride, dilate, pad = (attrs.get(k, (d, d)) for k, d in WINDOW)
    sizes, count = [], 1
    for k, s, d, p in zip(kernel, stride, dilate, pad):
        span = d * (k - 1) + 1
        sizes.append(draw(st.integers(max(1, span - 2 * p), span + 4)))
        count *= (sizes[-1] + 2 * p - span) // s + 1
    return attrs, tuple(sizes), count


WINDOW = (("stride", 1), ("dilate", 1), ("pad", 0))


def draw_im2col(draw: DrawFn) -> Case:
    attrs, sizes, _ = draw_windows(draw)
    return Case("im2col", (Data((*shapes(draw, 2, high=3), *sizes)),), attrs)


def draw_col2im(draw: DrawFn) -> Case:
    attrs, sizes, count = draw_windows(draw)
    batch, channels = shapes(draw, 2, high=3)
    shape = (batch, channels * int(np.prod(attrs["kernel"])), count)
    return Case("col2im", (Data(shape),), {**attrs, "output_size": sizes})


def draw_product(draw: DrawFn) -> Case:
    columns, count = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    inputs = (Data((draw(st.integers(1, 4)), columns)) for _ in range(count))
    return Case("khatri_rao", tuple(inputs), {"num_args": count})


def draw_storage(draw: DrawFn) -> Case:
    return Case("cast_storage", (Data(shapes(draw, 2)),), attributes(draw, "cast_storage"))


ROWS = [
    Row("im2col", draw_im2col),
    Row("col2im", draw_col2im),
    Row("khatri_rao", draw_product),
    Row("cast_storage", draw_storage),
]
