"""Sliding, global and adaptive pooling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Tuple

from hypothesis import assume
from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, attributes, shapes

Ints = Tuple[int, ...]

IMAGE, SOUND, VIDEO = (2, 4, 9, 8), (2, 4, 11), (2, 4, 5, 6, 7)
LAST = (2, 9, 8, 4)  # channels
AVERAGE = {"pool_type": "avg"}


def pooling(shape: Ints, op: str = "Pooling", **attrs: Any) -> Case:
    fixed = (len(shape) - 1,) if str(attrs.get("layout")).endswith("C") else (1,)
    return Case(op, (Data(shape, fixed=fixed),), attrs)


def full(shape: Ints, kind: str, kernel: int, stride: int, pad: int = 0, **more: Any) -> Case:
    axes = len(shape) - 2
    each = {"kernel": (kernel,) * axes, "stride": (stride,) * axes, "pad": (pad,) * axes}
    return pooling(shape, pool_type=kind, pooling_convention="full", **each, **more)


def drawn(draw: DrawFn, op: str, axes: int, **narrowed: Any) -> Case:
    """Windows that fit, some of them in the padding."""

    def each(low: int, high: int) -> Ints:
        return tuple(draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes)))

    kernel = each(1, 4)
    pad = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    attrs = attributes(
        draw, op, kernel=kernel, stride=draw(st.none() | st.just(each(1, 4))), pad=pad, **narrowed
    )
    if attrs.get("global_pool") and draw(st.booleans()):
        attrs = {k: v for k, v in attrs.items() if k not in ("kernel", "pad", "stride")}
    spatial = tuple(max(1, k - p) + draw(st.integers(0, 5)) for k, p in zip(kernel, pad))
    batch = shapes(draw, 2, high=3)
    last = str(attrs.get("layout")).endswith("C")
    shape = (batch[0], *spatial, batch[1]) if last else (*batch, *spatial)
    case = replace(pooling(shape, op, **attrs), free=draw(st.booleans()))
    assume(op != "Pooling_v1" or not has_empty_maximum(case, spatial))
    return case


def has_empty_maximum(case: Case, spatial: Ints) -> bool:
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


def draw_pooling(draw: DrawFn) -> Case:
    axes = draw(st.integers(1, 3))
    layouts = (("NCW", "NWC"), ("NCHW", "NHWC"), ("NCDHW", "NDHWC"))[axes - 1]
    kind = draw(st.sampled_from(["max", "avg", "sum", "lp"]))
    return drawn(
        draw,
        "Pooling",
        axes,
        pool_type=kind,
        p_value=draw(st.sampled_from([1, 2, 3])) if kind == "lp" else None,
        layout=draw(st.sampled_from([None, *layouts])),
    )


def global_pooling() -> Dict[str, Case]:
    return {
        f"global {kind} {what}": pooling(shape, global_pool=True, pool_type=kind, **ignored)
        for kind in ("max", "avg", "sum")
        for what, shape, ignored in (
            ("sound", SOUND, {"kernel": (1,)}),
            ("image", IMAGE, {"kernel": (7, 7), "stride": (2, 2), "pad": (1, 1)}),
            ("video", VIDEO, {"kernel": (7, 7, 7), "pooling_convention": "full"}),
        )
    }


def adaptive(shape: Ints, free: bool = True, **attrs: Any) -> Case:
    return Case("_contrib_AdaptiveAvgPooling2D", (Data(shape),), attrs, free)


def draw_adaptive(draw: DrawFn) -> Case:
    size = draw(st.sampled_from([(), (3,), 2, (2, 3), (5, 1), (1, 1), (7, 4)]))
    attrs = {} if size == () and draw(st.booleans()) else {"output_size": size}
    return adaptive(shapes(draw, 4, high=9), draw(st.booleans()), **attrs)


ROWS = [
    Row(
        "Pooling",
        draw_pooling,
        {
            "max 1d": pooling(SOUND, kernel=(3,), stride=(2,), pad=(1,), pool_type="max"),
            "max 2d": pooling(IMAGE, kernel=(3, 2), stride=(2, 2), pad=(1, 1), pool_type="max"),
            "max 3d": pooling(VIDEO, kernel=(2, 3, 1), stride=(2, 2, 1), pool_type="max"),
            "default stride": pooling(IMAGE, kernel=(3, 3), pool_type="avg"),
            "average counts padding": pooling(IMAGE, kernel=(3, 3), pad=(1, 1), pool_type="avg"),
            "average without padding": pooling(
                IMAGE, kernel=(3, 3), pad=(1, 1), count_include_pad=False, **AVERAGE
            ),
            "full max": full(IMAGE, "max", 3, 2),
            "full average": full(IMAGE, "avg", 3, 2, 1),
            "full average without padding": full(VIDEO, "avg", 3, 2, 1, count_include_pad=False),
            "empty last window": full((2, 4, 4, 7), "avg", 2, 3, 1),
            "empty last maximum": full((2, 4, 4, 7), "max", 2, 3, 1),
            "empty last window not counted": full(SOUND, "avg", 2, 3, 1, count_include_pad=False),
            "empty last sum": full(VIDEO, "sum", 2, 3, 1),
            "wide padding": pooling(IMAGE, kernel=(3, 3), pad=(2, 2), pool_type="avg"),
            "wide padding, full": full(IMAGE, "max", 3, 1, 2),
            "sum": pooling(IMAGE, kernel=(2, 3), stride=(1, 2), pool_type="sum"),
            "padded sum": pooling(IMAGE, kernel=(2, 3), pad=(4, 3), pool_type="sum"),
            "lp": pooling(IMAGE, kernel=(2, 3), pool_type="lp", p_value=2),
            "lp of cubes": pooling(SOUND, kernel=(3,), pad=(4,), pool_type="lp", p_value=3),
            "channels last": pooling(LAST, kernel=(3, 3), pad=(1, 1), layout="NHWC", **AVERAGE),
            "global, channels last": pooling(LAST, global_pool=True, layout="NHWC"),
            "global lp": pooling(VIDEO, global_pool=True, pool_type="lp", p_value=2),
            **global_pooling(),
        },
    ),
    Row(
        "Pooling_v1",
        lambda draw: drawn(draw, "Pooling_v1", 2),
        {
            "zeros in a maximum": pooling(IMAGE, "Pooling_v1", kernel=(3, 3), pad=(2, 2)),
            "full average": replace(full(IMAGE, "avg", 3, 2, 1), op="Pooling_v1"),
            "global": pooling(IMAGE, "Pooling_v1", global_pool=True, pool_type="avg"),
        },
    ),
    Row(
        "_contrib_AdaptiveAvgPooling2D",
        draw_adaptive,
        {
            "default": adaptive(IMAGE),
            "pyramid": adaptive((1, 3, 13, 17), output_size=(6,)),
            "pyramid, fixed": adaptive((1, 3, 13, 17), False, output_size=(6,)),
            "whole parts": adaptive((2, 3, 12, 8), False, output_size=(3, 4)),
            "larger": adaptive((2, 3, 3, 3), output_size=(7, 2)),
            "three numbers": adaptive(IMAGE, output_size=(2, 3, 4)),
        },
    ),
]
