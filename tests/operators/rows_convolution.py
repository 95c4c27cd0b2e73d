"""Convolutions of both directions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Tuple

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Stored, attributes

Ints = Tuple[int, ...]

IMAGE, SOUND, VIDEO = (2, 4, 9, 8), (2, 4, 11), (2, 4, 5, 6, 7)


def convolution(
    shape: Ints, kernel: Ints, op: str = "Convolution", weights: type = Stored, **attrs: Any
) -> Case:
    """A layer with six filters; `weights` is Data where another layer computes them."""
    groups, filters = attrs.get("num_group", 1), attrs.pop("num_filter", 6)
    no_bias = attrs.pop("no_bias", op == "Deconvolution")
    first = (filters, shape[1] // groups)
    if op == "Deconvolution":
        first = (shape[1], filters // groups)
    inputs = [Data(shape), weights((*first, *kernel))]
    if not no_bias:
        inputs.append(weights((filters,)))
    attrs = {"kernel": kernel, "num_filter": filters, "no_bias": no_bias, **attrs}
    return Case(op, tuple(inputs), attrs)


def drawn(draw: DrawFn, op: str, axes: int) -> Case:
    def each(low: int, high: int) -> Ints:
        return tuple(draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes)))

    groups = draw(st.sampled_from([1, 1, 2, 3]))
    kernel, stride, dilate = each(1, 3), each(1, 3), each(1, 2)
    if op == "Deconvolution" and axes == 3:
        dilate = (1, 1, 1)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilate)]
    least = [1] * axes if op == "Deconvolution" else reach
    shape = tuple(n + draw(st.integers(0, 4)) for n in least)
    attrs = {"num_group": groups, "stride": stride, "dilate": dilate, "pad": each(0, 2)}
    if op == "Deconvolution":
        attrs["adj"] = tuple(draw(st.integers(0, s - 1)) for s in stride)
        sizes = zip(stride, shape, reach, attrs["adj"])
        attrs["pad"] = tuple(
            draw(st.integers(0, min(3, (s * (n - 1) + r + a - 1) // 2))) for s, n, r, a in sizes
        )
    return convolution(
        (draw(st.integers(1, 2)), groups * draw(st.integers(1, 3)), *shape),
        kernel,
        op,
        draw(st.sampled_from([Stored, Stored, Data])),
        num_filter=groups * draw(st.integers(1, 3)),
        **attributes(
            draw,
            op,
            kernel=None,
            num_filter=None,
            target_shape=None,
            layout=draw(st.sampled_from([None, ("NCW", "NCHW", "NCDHW")[axes - 1]])),
            **attrs,
        ),
    )


def draw_deconvolution(draw: DrawFn) -> Case:
    case = drawn(draw, "Deconvolution", draw(st.integers(1, 3)))
    if draw(st.booleans()):
        return case
    sizes = zip(case.inputs[0].shape[2:], *(case.attrs[k] for k in ("kernel", "stride", "dilate")))
    largest = [s * (n - 1) + (k - 1) * d + 1 for n, k, s, d in sizes]
    less = [draw(st.integers(0, 3)) for _ in largest]
    less = [2 if s == 1 and cut % 2 else cut for cut, s in zip(less, case.attrs["stride"])]
    target = tuple(n - cut if n > cut else n for n, cut in zip(largest, less))
    return replace(case, attrs={**case.attrs, "target_shape": target}, free=False)


LAYOUT = {"layout": "only the one that MXNet's CPU has"}
STATED = {"layout": "NCHW", "workspace": 1, "cudnn_off": True}
BIASED = (Data(SOUND), Stored((6, 4, 3)), Data((6,)))
EACH = {"num_group": 4, "num_filter": 4}  # a group for each channel
TARGET = {"target_shape": (17, 18), "pad": (9, 9)}

ROWS = [
    Row(
        "Convolution",
        lambda draw: drawn(draw, "Convolution", draw(st.integers(1, 3))),
        {
            "1d": convolution(SOUND, (3,), stride=(2,), pad=(1,)),
            "2d": convolution(IMAGE, (3, 2), no_bias=True, stride=(2, 1), pad=(1, 0)),
            "3d": convolution(VIDEO, (3, 1, 2), stride=(1, 2, 2), pad=(1, 0, 1)),
            "dilated": convolution(IMAGE, (3, 3), dilate=(2, 3), pad=(2, 3)),
            "grouped": convolution(IMAGE, (3, 3), num_group=2),
            "depthwise": convolution(IMAGE, (3, 3), pad=(1, 1), **EACH),
            "layout stated": convolution(IMAGE, (1, 1), no_bias=True, **STATED),
            "computed weight": convolution(IMAGE, (3, 3), weights=Data, num_group=2, pad=(1, 1)),
            "computed bias": Case("Convolution", BIASED, {"kernel": (3,), "num_filter": 6}),
        },
        LAYOUT,
    ),
    Row("Convolution_v1", lambda draw: drawn(draw, "Convolution_v1", 2), {}, LAYOUT),
    Row(
        "Deconvolution",
        draw_deconvolution,
        {
            "1d": convolution(SOUND, (4,), "Deconvolution", stride=(2,), pad=(1,)),
            "2d": convolution(IMAGE, (4, 3), "Deconvolution", stride=(2, 3), adj=(1, 2)),
            "3d": convolution(VIDEO, (2, 3, 4), "Deconvolution", stride=(2, 1, 2), no_bias=False),
            "dilated": convolution(IMAGE, (3, 3), "Deconvolution", stride=(2, 2), dilate=(2, 3)),
            "depthwise": convolution(IMAGE, (4, 4), "Deconvolution", stride=(2, 2), **EACH),
            "padding beyond the kernel": convolution(IMAGE, (1, 3), "Deconvolution", pad=(3, 3)),
            "computed": convolution(IMAGE, (3, 3), "Deconvolution", Data, no_bias=False),
            "target shape": replace(
                convolution(IMAGE, (4, 4), "Deconvolution", stride=(2, 2), **TARGET), free=False
            ),
        },
        LAYOUT,
    ),
]
