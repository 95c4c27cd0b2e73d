"""Convolutions of both directions, deformable ones, windows as columns, correlation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Tuple

import numpy as np
from hypothesis import strategies as st

from converters.ir.shapes import window

from .case import Case, Data, Shape, Stored, case, uniform
from .row import Draw, row

IMAGE, SOUND, VIDEO = (2, 4, 9, 8), (2, 4, 11), (2, 4, 5, 6, 7)
LAYOUT = {"layout": "only the one that MXNet's CPU has"}


def convolution(shape: Shape, kernel: Shape, weights: type = Stored, **attrs: Any) -> Case:
    """A layer with six filters; `weights` is Data where another layer computes them."""
    return filtered(False, shape, kernel, weights, **attrs)


def deconvolution(shape: Shape, kernel: Shape, weights: type = Stored, **attrs: Any) -> Case:
    return filtered(True, shape, kernel, weights, **{"no_bias": True, **attrs})


def filtered(back: bool, shape: Shape, kernel: Shape, weights: type, **attrs: Any) -> Case:
    attrs = {"kernel": kernel, "num_filter": 6, "no_bias": False, **attrs}
    groups, filters = attrs.get("num_group", 1), attrs["num_filter"]
    first = (shape[1], filters // groups) if back else (filters, shape[1] // groups)
    biases = [] if attrs["no_bias"] else [weights((filters,))]
    return case(shape, weights((*first, *kernel)), *biases, **attrs)


def draw_filtered(draw: Draw, axes: int) -> Case:
    def each(low: int, high: int) -> Shape:
        return draw.shape(axes, low, high)

    back = draw.op == "Deconvolution"
    groups = draw.choice(1, 1, 2, 3)
    one = (1,) * axes
    kernel, stride = each(1, 3), draw.choice(one, each(1, 3))
    dilate, pad = draw.choice(one, each(1, 2)), draw.choice((0,) * axes, each(0, 2))
    if back and axes == 3:
        dilate = (1, 1, 1)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilate)]
    least = [1] * axes if back else reach
    shape = tuple(n + draw.number(0, 4) for n in least)
    attrs = {"num_group": groups, "stride": stride, "dilate": dilate, "pad": pad}
    if back:
        attrs["adj"] = tuple(draw.number(0, s - 1) for s in stride)
        sizes = zip(stride, shape, reach, attrs["adj"])
        most = (min(3, (s * (n - 1) + r + a - 1) // 2) for s, n, r, a in sizes)
        attrs["pad"] = tuple(draw.number(0, pad) for pad in most)
    shape = (draw.number(1, 3), groups * draw.number(1, 3), *shape)
    weights, filters = draw.choice(Stored, Stored, Data), groups * draw.number(1, 3)
    usual = {"stride": one, "dilate": one, "pad": (0,) * axes}
    attrs = {k: None if v == usual.get(k) else v for k, v in attrs.items()}
    attrs["layout"] = draw.choice(None, ("NCW", "NCHW", "NCDHW")[axes - 1])
    attrs = draw.attrs(**attrs, kernel=kernel, num_filter=filters, target_shape=None)
    return filtered(back, shape, weights=weights, **{"no_bias": back, **attrs})


@row("Convolution", **LAYOUT)
def draw_convolution(draw: Draw) -> Case:
    return draw_filtered(draw, draw.number(1, 3))


@row("Convolution_v1", **LAYOUT)
def draw_convolution_v1(draw: Draw) -> Case:
    return draw_filtered(draw, 2)


@row("Deconvolution", **LAYOUT)
def draw_deconvolution(draw: Draw) -> Case:
    case = draw_filtered(draw, draw.number(1, 3))
    if draw.flag():
        return case
    kernel = case.attrs["kernel"]
    stride, dilate = (case.attrs.get(k, (1,) * len(kernel)) for k in ("stride", "dilate"))
    sizes = zip(case.inputs[0].shape[2:], kernel, stride, dilate)
    largest = [s * (n - 1) + (k - 1) * d + 1 for n, k, s, d in sizes]
    less = [draw.number(0, 3) for _ in largest]
    less = [2 if s == 1 and cut % 2 else cut for cut, s in zip(less, stride)]
    target = tuple(n - cut if n > cut else n for n, cut in zip(largest, less))
    return replace(case, attrs={**case.attrs, "target_shape": target}, free=False)


MODULATED = "_contrib_ModulatedDeformableConvolution"
PAIRS = st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)])


def deformable(modulated: bool, data: Shape, far: float = 3.0, **attrs: Any) -> Case:
    """Each tap of the kernel has an offset of its own, of up to `far` pixels."""
    kernel, filters = attrs["kernel"], attrs["num_filter"]
    axes = (attrs.get(n, (d, d)) for n, d in (("stride", 1), ("pad", 0), ("dilate", 1)))
    out: List[Any] = [window(*axis) for axis in zip(data[2:], kernel, *axes)]
    taps = kernel[0] * kernel[1] * attrs.get("num_deformable_group", 1)
    given = [Data(data), Data((data[0], 2 * taps, *out), uniform(-far, far))]
    if modulated:
        given.append(Data((data[0], taps, *out), uniform(0, 1)))
    given.append(Stored((filters, data[1] // attrs.get("num_group", 1), *kernel)))
    given += [] if attrs.get("no_bias") else [Stored((filters,))]
    return case(*given, **attrs)


@row("_contrib_DeformableConvolution", MODULATED)
def draw_deformable(draw: Draw) -> Case:
    group, moved = draw.choice(1, 2), draw.choice(1, 2, 4)
    attrs = draw.attrs(
        kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
        stride=PAIRS,
        dilate=PAIRS,
        pad=st.none() | st.tuples(st.integers(0, 2), st.integers(0, 2)),
        num_filter=4 * draw.number(1, 2),
        num_group=group,
        num_deformable_group=moved,
    )
    shape = (draw.number(1, 3), 4, draw.number(5, 9), draw.number(5, 9))
    free, far = draw.flag(), draw.choice(0.4, 4.0)
    return deformable(draw.op == MODULATED, shape, far, free=free, **attrs)


def draw_windows(draw: Draw) -> Tuple[Dict[str, Any], Shape, int]:
    """Attributes, spatial sizes that hold a window, and how many windows they hold."""
    kernel = draw.shape(2, high=3)
    attrs: Dict[str, Any] = {"kernel": kernel}
    defaults = {"stride": 1, "dilate": 1, "pad": 0}
    for name, low in defaults.items():
        if draw.flag():
            attrs[name] = tuple(draw.number(low, 2) for _ in kernel)
    sizes, count = [], 1
    for k, s, d, p in zip(kernel, *(attrs.get(name, (n, n)) for name, n in defaults.items())):
        span = d * (k - 1) + 1
        sizes.append(draw.number(max(1, span - 2 * p), span + 4))
        count *= (sizes[-1] + 2 * p - span) // s + 1
    return attrs, tuple(sizes), count


@row("im2col")
def im2col(draw: Draw) -> Case:
    attrs, sizes, _ = draw_windows(draw)
    return case((*draw.shape(2, high=3), *sizes), **attrs)


@row("col2im")
def col2im(draw: Draw) -> Case:
    attrs, sizes, count = draw_windows(draw)
    batch, channels = draw.shape(2, high=3)
    shape = (batch, channels * int(np.prod(attrs["kernel"])), count)
    return case(shape, **attrs, output_size=sizes)


@row("Correlation")
def correlation(draw: Draw) -> Case:
    attrs = draw.attrs(
        kernel_size=st.sampled_from([1, 3, 5]),
        max_displacement=st.integers(0, 4),
        stride1=st.integers(1, 3),
        stride2=st.integers(1, 3),
        pad_size=st.integers(0, 4),
    )
    border = 2 * int(attrs.get("max_displacement", 1)) + int(attrs.get("kernel_size", 1)) - 1
    least = max(1, border + 1 - 2 * int(attrs.get("pad_size", 0)))
    sides = (draw.number(least, least + 6) for _ in range(2))
    data = (draw.number(1, 3), draw.number(1, 4), *sides)
    return case(data, data, free=draw.flag(), **attrs)


STATED = {"layout": "NCHW", "workspace": 1, "cudnn_off": True}
EACH = {"num_group": 4, "num_filter": 4}  # a group for each channel
TARGET = {"stride": (2, 2), "target_shape": (17, 18), "pad": (9, 9)}
RESNET = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 8}
FLOWNET = {"kernel_size": 1, "max_displacement": 4, "stride2": 2, "pad_size": 4}

EXAMPLES = {
    "Convolution 1d": convolution(SOUND, (3,), stride=(2,), pad=(1,)),
    "Convolution 2d": convolution(IMAGE, (3, 2), no_bias=True, stride=(2, 1), pad=(1, 0)),
    "Convolution 3d": convolution(VIDEO, (3, 1, 2), stride=(1, 2, 2), pad=(1, 0, 1)),
    "Convolution dilated": convolution(IMAGE, (3, 3), dilate=(2, 3), pad=(2, 3)),
    "Convolution grouped": convolution(IMAGE, (3, 3), num_group=2),
    "Convolution depthwise": convolution(IMAGE, (3, 3), pad=(1, 1), **EACH),
    "Convolution layout stated": convolution(IMAGE, (1, 1), no_bias=True, **STATED),
    "Convolution computed weight": convolution(IMAGE, (3, 3), Data, num_group=2, pad=(1, 1)),
    "Convolution computed bias": case(
        SOUND, Stored((6, 4, 3)), Data((6,)), kernel=(3,), num_filter=6
    ),
    "Deconvolution 1d": deconvolution(SOUND, (4,), stride=(2,), pad=(1,)),
    "Deconvolution 2d": deconvolution(IMAGE, (4, 3), stride=(2, 3), adj=(1, 2)),
    "Deconvolution 3d": deconvolution(VIDEO, (2, 3, 4), stride=(2, 1, 2), no_bias=False),
    "Deconvolution dilated": deconvolution(IMAGE, (3, 3), stride=(2, 2), dilate=(2, 3)),
    "Deconvolution depthwise": deconvolution(IMAGE, (4, 4), stride=(2, 2), **EACH),
    "Deconvolution padding beyond the kernel": deconvolution(IMAGE, (1, 3), pad=(3, 3)),
    "Deconvolution computed": deconvolution(IMAGE, (3, 3), Data, no_bias=False),
    "Deconvolution target shape": deconvolution(IMAGE, (4, 4), free=False, **TARGET),
    "_contrib_DeformableConvolution as in ResNet": deformable(
        False, (1, 16, 14, 14), no_bias=True, **RESNET
    ),
    "_contrib_DeformableConvolution offsets to the border": deformable(
        False, (1, 4, 6, 6), 8.0, **RESNET
    ),
    f"{MODULATED} as in ResNet": deformable(True, (1, 16, 14, 14), no_bias=True, **RESNET),
    f"{MODULATED} offsets to the border": deformable(True, (1, 4, 6, 6), 8.0, **RESNET),
    "Correlation FlowNet": case((1, 6, 12, 16), (1, 6, 12, 16), **FLOWNET),
}
