"""Correlation of two maps."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, attributes


def draw_correlation(draw: DrawFn) -> Case:
    attrs = attributes(
        draw,
        "Correlation",
        kernel_size=st.sampled_from([1, 3, 5]),
        max_displacement=st.integers(0, 4),
        stride1=st.integers(1, 3),
        stride2=st.integers(1, 3),
        pad_size=st.integers(0, 4),
    )
    border = 2 * int(attrs.get("max_displacement", 1)) + int(attrs.get("kernel_size", 1)) - 1
    least = max(1, border + 1 - 2 * int(attrs.get("pad_size", 0)))
    sides = (draw(st.integers(least, least + 6)) for _ in range(2))
    data = Data((draw(st.integers(1, 3)), draw(st.integers(1, 4)), *sides))
    return Case("Correlation", (data, data), attrs, draw(st.booleans()))


FLOWNET = {"kernel_size": 1, "max_displacement": 4, "stride2": 2, "pad_size": 4}
IMAGE = Data((1, 6, 12, 16))
ROWS = [
    Row("Correlation", draw_correlation, {"FlowNet": Case("Correlation", (IMAGE,) * 2, FLOWNET)})
]
