"""Sliding, global and adaptive pooling."""

from __future__ import annotations

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from .case import Case, Data, Shape, case
from .row import Draw, row

IMAGE, SOUND, VIDEO = (2, 4, 9, 8), (2, 4, 11), (2, 4, 5, 6, 7)
LAST = (2, 9, 8, 4)  # channels


def pooling(shape: Shape, **attrs: Any) -> Case:
    fixed = (len(shape) - 1,) if str(attrs.get("layout")).endswith("C") else (1,)
    return case(Data(shape, fixed=fixed), **attrs)


def full(shape: Shape, kind: str, kernel: int, stride: int, pad: int = 0, **more: Any) -> Case:
    axes = len(shape) - 2
    each = {"kernel": (kernel,) * axes, "stride": (stride,) * axes, "pad": (pad,) * axes}
    return pooling(shape, pool_type=kind, pooling_convention="full", **each, **more)


def draw_pool(draw: Draw, axes: int, **narrowed: Any) -> Case:
    """Windows that fit, some of them in the padding."""
    kernel = draw.shape(axes, 1, 4)
    pad = tuple(draw.number(0, k - 1) for k in kernel)
    stride = draw(st.none() | st.just(draw.shape(axes, 1, 4)))
    attrs = draw.attrs(kernel=kernel, stride=stride, pad=pad, **narrowed)
    if attrs.get("global_pool") and draw.flag():
        attrs = {k: v for k, v in attrs.items() if k not in ("kernel", "pad", "stride")}
    spatial = tuple(max(1, k - p) + draw.number(0, 5) for k, p in zip(kernel, pad))
    batch = draw.shape(2, high=3)
    last = str(attrs.get("layout")).endswith("C")
    shape = (batch[0], *spatial, batch[1]) if last else (*batch, *spatial)
    case = pooling(shape, **attrs, free=draw.flag())
    assume(draw.op != "Pooling_v1" or not has_empty_maximum(case, spatial))
    return case


def has_empty_maximum(case: Case, spatial: Shape) -> bool:
    """Can the last window of an axis hold nothing, not even padding? It has no maximum then.

    With "full", ceil((n + 2 pad - kernel) / stride) windows follow the first one, and the last may
    begin behind the padded input: at some free n wherever the stride is larger than the kernel.
    Source: src/operator/pooling_v1-inl.h, InferShape.
    """
    attrs = {"pool_type": "max", **case.attrs}
    if attrs.get("pooling_convention") != "full" or attrs["pool_type"] != "max":
        return False
    if attrs.get("global_pool"):
        return False
    ones = (1,) * len(spatial)
    axes = zip(spatial, attrs["kernel"], attrs.get("stride", ones), attrs["pad"])
    return any(
        s > k if case.free and n > 1 else -(-(n + 2 * p - k) // s) * s >= n + 2 * p
        for n, k, s, p in axes
    )


@row("Pooling")
def draw_pooling(draw: Draw) -> Case:
    axes = draw.number(1, 3)
    layouts = (("NCW", "NWC"), ("NCHW", "NHWC"), ("NCDHW", "NDHWC"))[axes - 1]
    kind = draw.choice("max", "avg", "sum", "lp")
    p_value = draw.choice(1, 2, 3) if kind == "lp" else None
    layout = draw.choice(None, *layouts)
    return draw_pool(draw, axes, pool_type=kind, p_value=p_value, layout=layout)


@row("Pooling_v1")
def draw_pooling_v1(draw: Draw) -> Case:
    return draw_pool(draw, 2)


@row("_contrib_AdaptiveAvgPooling2D")
def draw_adaptive(draw: Draw) -> Case:
    size = draw.choice((), (3,), 2, (2, 3), (5, 1), (1, 1), (7, 4))
    attrs = {} if size == () and draw.flag() else {"output_size": size}
    return case(draw.shape(4, high=9), free=draw.flag(), **attrs)


ADAPTIVE = "_contrib_AdaptiveAvgPooling2D"
PADDED = {"kernel": (3, 3), "pad": (1, 1), "pool_type": "avg"}
EXAMPLES = {
    "Pooling max 1d": pooling(SOUND, kernel=(3,), stride=(2,), pad=(1,), pool_type="max"),
    "Pooling max 2d": pooling(IMAGE, kernel=(3, 2), stride=(2, 2), pad=(1, 1), pool_type="max"),
    "Pooling max 3d": pooling(VIDEO, kernel=(2, 3, 1), stride=(2, 2, 1), pool_type="max"),
    "Pooling default stride": pooling(IMAGE, kernel=(3, 3), pool_type="avg"),
    "Pooling average counts padding": pooling(IMAGE, **PADDED),
    "Pooling average without padding": pooling(IMAGE, count_include_pad=False, **PADDED),
    "Pooling full max": full(IMAGE, "max", 3, 2),
    "Pooling full average": full(IMAGE, "avg", 3, 2, 1),
    "Pooling full average without padding": full(VIDEO, "avg", 3, 2, 1, count_include_pad=False),
    "Pooling empty last window": full((2, 4, 4, 7), "avg", 2, 3, 1),
    "Pooling empty last maximum": full((2, 4, 4, 7), "max", 2, 3, 1),
    "Pooling empty last window not counted": full(SOUND, "avg", 2, 3, 1, count_include_pad=False),
    "Pooling empty last sum": full(VIDEO, "sum", 2, 3, 1),
    "Pooling wide padding": pooling(IMAGE, kernel=(3, 3), pad=(2, 2), pool_type="avg"),
    "Pooling wide padding, full": full(IMAGE, "max", 3, 1, 2),
    "Pooling sum": pooling(IMAGE, kernel=(2, 3), stride=(1, 2), pool_type="sum"),
    "Pooling padded sum": pooling(IMAGE, kernel=(2, 3), pad=(4, 3), pool_type="sum"),
    "Pooling lp": pooling(IMAGE, kernel=(2, 3), pool_type="lp", p_value=2),
    "Pooling lp of cubes": pooling(SOUND, kernel=(3,), pad=(4,), pool_type="lp", p_value=3),
    "Pooling channels last": pooling(LAST, layout="NHWC", **PADDED),
    "Pooling global, channels last": pooling(LAST, global_pool=True, layout="NHWC"),
    "Pooling global lp": pooling(VIDEO, global_pool=True, pool_type="lp", p_value=2),
    **{
        f"Pooling global {kind} {name}": pooling(shape, global_pool=True, pool_type=kind, **ignored)
        for kind in ("max", "avg", "sum")
        for name, shape, ignored in (
            ("sound", SOUND, {"kernel": (1,)}),
            ("image", IMAGE, {"kernel": (7, 7), "stride": (2, 2), "pad": (1, 1)}),
            ("video", VIDEO, {"kernel": (7, 7, 7), "pooling_convention": "full"}),
        )
    },
    "Pooling_v1 zeros in a maximum": pooling(IMAGE, kernel=(3, 3), pad=(2, 2)),
    "Pooling_v1 full average": full(IMAGE, "avg", 3, 2, 1),
    "Pooling_v1 global": pooling(IMAGE, global_pool=True, pool_type="avg"),
    f"{ADAPTIVE} default": case(IMAGE),
    f"{ADAPTIVE} pyramid": case((1, 3, 13, 17), output_size=(6,)),
    f"{ADAPTIVE} pyramid, fixed": case((1, 3, 13, 17), free=False, output_size=(6,)),
    f"{ADAPTIVE} whole parts": case((2, 3, 12, 8), free=False, output_size=(3, 4)),
    f"{ADAPTIVE} larger": case((2, 3, 3, 3), output_size=(7, 2)),
    f"{ADAPTIVE} three numbers": case(IMAGE, output_size=(2, 3, 4)),
}
