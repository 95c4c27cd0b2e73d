"""Convolutions that move each tap of the kernel by an offset of its own."""

from __future__ import annotations

from typing import Any, List, Union

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Label, Row, Shape, Stored, attributes, uniform

PLAIN, MODULATED = "_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution"
PAIRS = st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)])


def case(op: str, data: Shape, free: bool = True, far: float = 3.0, **attrs: Any) -> Case:
    """Offsets of up to `far` pixels."""
    kernel, group = attrs["kernel"], attrs.get("num_deformable_group", 1)
    axes = zip(*((attrs.get(n, (d, d))) for n, d in (("stride", 1), ("dilate", 1), ("pad", 0))))
    out = [
        (size + 2 * p - (k - 1) * d - 1) // s + 1
        for size, k, (s, d, p) in zip(data[2:], kernel, axes)
    ]
    taps = kernel[0] * kernel[1] * group
    given: List[Union[Data, Label]] = [
        Data(data),
        Data((data[0], 2 * taps, *out), uniform(-far, far)),
    ]
    if op == MODULATED:
        given.append(Data((data[0], taps, *out), uniform(0, 1)))
    channels = data[1] // attrs.get("num_group", 1)
    given.append(Stored((attrs["num_filter"], channels, *kernel)))
    if not attrs.get("no_bias"):
        given.append(Stored((attrs["num_filter"],)))
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
