"""Convolutions that move each tap of the kernel by an offset of its own."""

from __future__ import annotations

from typing import Any, List

from hypothesis import strategies as st

from converters.shape import window

from .case import Case, Data, DrawFn, Row, Shape, Stored, attributes, uniform

PLAIN, MODULATED = "_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution"
PAIRS = st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)])


def case(op: str, data: Shape, free: bool = True, far: float = 3.0, **attrs: Any) -> Case:
    """Offsets of up to `far` pixels."""
    kernel, filters = attrs["kernel"], attrs["num_filter"]
    axes = (attrs.get(n, (d, d)) for n, d in (("stride", 1), ("pad", 0), ("dilate", 1)))
    out: List[Any] = [window(*axis) for axis in zip(data[2:], kernel, *axes)]
    taps = kernel[0] * kernel[1] * attrs.get("num_deformable_group", 1)
    given = [Data(data), Data((data[0], 2 * taps, *out), uniform(-far, far))]
    if op == MODULATED:
        given.append(Data((data[0], taps, *out), uniform(0, 1)))
    given.append(Stored((filters, data[1] // attrs.get("num_group", 1), *kernel)))
    given += [] if attrs.get("no_bias") else [Stored((filters,))]
    return Case(op, tuple(given), attrs, free)


def deformable(op: str) -> Row:
    def draw(draw: DrawFn) -> Case:
        group, moved = draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 2, 4]))
        attrs = attributes(
            draw,
            op,
            kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
            stride=PAIRS,
            dilate=PAIRS,
            pad=st.tuples(st.integers(0, 2), st.integers(0, 2)),
            num_filter=4 * draw(st.integers(1, 2)),
            num_group=group,
            num_deformable_group=moved,
        )
        shape = (draw(st.integers(1, 3)), 4, draw(st.integers(5, 9)), draw(st.integers(5, 9)))
        return case(op, shape, draw(st.booleans()), draw(st.sampled_from([0.4, 4.0])), **attrs)

    usual = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 8}
    examples = {
        "as in ResNet": case(op, (1, 16, 14, 14), no_bias=True, **usual),
        "offsets to the border": case(op, (1, 4, 6, 6), far=8.0, **usual),
    }
    return Row(op, draw, examples)


ROWS = [deformable(PLAIN), deformable(MODULATED)]
