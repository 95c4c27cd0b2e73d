"""Normalisation by moving statistics, by those of the input itself, and by what is near."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Shape, Stored, attributes, shapes, uniform

IMAGE, SOUND, VIDEO = (2, 4, 9, 8), (2, 4, 11), (2, 4, 5, 6, 7)
MODES = ("instance", "channel", "spatial")
EPS = st.sampled_from([1e-5, 2e-5, 1e-3, 0.1])
MOVING = {
    "momentum": "only training reads it",
    "output_mean_var": "refused: MXNet's float32 and float64 give different things",
}


def axes(shape: Shape) -> st.SearchStrategy[int]:
    return st.integers(-len(shape), len(shape) - 1)


def batch_norm(shape: Shape, op: str = "BatchNorm", weights: type = Stored, **attrs: Any) -> Case:
    size = (shape[attrs.get("axis", 1)],)
    stored = (weights(size), weights(size), weights(size), weights(size, uniform(0.5, 2)))
    return Case(op, (Data(shape), *stored), attrs)


def draw_batch_norm(draw: DrawFn) -> Case:
    shape = shapes(draw, (2, 6), high=4)
    eps, axis = draw(st.none() | EPS), draw(st.none() | axes(shape))
    narrowed = {"eps": eps, "momentum": None, "output_mean_var": None, "axis": axis}
    attrs = attributes(draw, "BatchNorm", **narrowed)
    return batch_norm(shape, weights=draw(st.sampled_from([Stored, Data])), **attrs)


def old_norm(op: str, ranks: Shape, example: str, axis: str, **attrs: Any) -> Row:
    """With the channels on axis 1; `axis` is why."""
    more = {"key": "k", "ndev": 2} if "Sync" in op else {}

    def draw(draw: DrawFn) -> Case:
        shape = shapes(draw, draw(st.sampled_from(ranks)), high=4)
        narrowed = {"momentum": None, "output_mean_var": None, "axis": None}
        attrs = attributes(draw, op, eps=draw(st.none() | EPS), **narrowed)
        return batch_norm(shape, op, **attrs, **more)

    examples = {example: batch_norm(IMAGE, op, fix_gamma=False, **attrs, **more)}
    return Row(op, draw, examples, {**MOVING, "axis": axis})


FAR_FROM_0 = Data((2, 3, 7), lambda random, shape: random.standard_normal(shape) + 100)


def normalised(shape: Shape, op: str, size: int, weights: type = Stored, **attrs: Any) -> Case:
    return Case(op, (Data(shape), weights((size,)), weights((size,))), attrs)


def draw_normalised(draw: DrawFn, shape: Shape, op: str, size: int, **narrowed: Any) -> Case:
    attrs = attributes(draw, op, eps=draw(st.none() | EPS), **narrowed)
    return normalised(shape, op, size, draw(st.sampled_from([Stored, Data])), **attrs)


def draw_instance_norm(draw: DrawFn) -> Case:
    shape = (*shapes(draw, 2, high=3), *shapes(draw, (1, 4), low=2, high=4))
    return draw_normalised(draw, shape, "InstanceNorm", shape[1])


def draw_layer_norm(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4), low=2)
    axis = draw(axes(shape))
    return draw_normalised(draw, shape, "LayerNorm", shape[axis], axis=axis)


def draw_group_norm(draw: DrawFn) -> Case:
    groups = draw(st.integers(1, 3))
    batch, each = shapes(draw, 2, high=3)
    shape = (batch, groups * each, *shapes(draw, (1, 3), low=2, high=4))
    return draw_normalised(draw, shape, "GroupNorm", groups, num_groups=groups)


def l2(shape: Shape, **attrs: Any) -> Case:
    return Case("L2Normalization", (Data(shape),), attrs)


def draw_l2(draw: DrawFn) -> Case:
    attrs = attributes(draw, "L2Normalization", eps=draw(st.none() | EPS))
    least = 1 if attrs.get("mode", "instance") == "instance" else 3
    return l2(shapes(draw, (least, 5), high=4), **attrs)


def draw_lrn(draw: DrawFn) -> Case:
    positive = {name: draw(st.none() | EPS) for name in ("alpha", "beta", "knorm")}
    attrs = attributes(draw, "LRN", nsize=draw(st.sampled_from([1, 3, 5, 7])), **positive)
    return Case("LRN", (Data(shapes(draw, 4)),), attrs)


ROWS = [
    Row(
        "BatchNorm",
        draw_batch_norm,
        {
            "defaults": batch_norm(IMAGE),
            "gamma used": batch_norm(IMAGE, fix_gamma=False, eps=2e-5),
            "global statistics": batch_norm(IMAGE, use_global_stats=True, momentum=0.5),
            "matrix": batch_norm((3, 4), eps=1e-2),
            "sequence": batch_norm(SOUND),
            "video": batch_norm(VIDEO, fix_gamma=False),
            "last axis": batch_norm(IMAGE, axis=-1, fix_gamma=False),
            "first axis": batch_norm(SOUND, axis=0),
            "computed": batch_norm(IMAGE, weights=Data, fix_gamma=False),
            "computed, gamma fixed": batch_norm(IMAGE, weights=Data),
            "six dimensions": batch_norm((2, 3, 2, 2, 2, 2), fix_gamma=False),
        },
        MOVING,
    ),
    old_norm("BatchNorm_v1", (2, 4), "eps", "BatchNorm_v1 has none", eps=0.1),
    old_norm("_contrib_SyncBatchNorm", (2, 3, 4, 5), "gluon", "SyncBatchNorm has none"),
    old_norm("_contrib_BatchNormWithReLU", (4,), "", "MXNet has it on axis 1 only"),
    Row(
        "InstanceNorm",
        draw_instance_norm,
        {
            "image": normalised(IMAGE, "InstanceNorm", 4),
            "sound": normalised(SOUND, "InstanceNorm", 4, eps=1e-5),
            "video": normalised(VIDEO, "InstanceNorm", 4, Data),
        },
    ),
    Row(
        "LayerNorm",
        draw_layer_norm,
        {
            "last": normalised((2, 3, 7), "LayerNorm", 7),
            "last, far from 0": Case("LayerNorm", (FAR_FROM_0, Stored((7,)), Stored((7,)))),
            "channels": normalised(IMAGE, "LayerNorm", 4, axis=1, eps=1e-3),
            "moments": normalised(IMAGE, "LayerNorm", 9, axis=-2, output_mean_var=True),
        },
    ),
    Row(
        "GroupNorm",
        draw_group_norm,
        {
            "one group": normalised(SOUND, "GroupNorm", 1),
            "two groups": normalised(IMAGE, "GroupNorm", 2, num_groups=2),
            "a group each": normalised(VIDEO, "GroupNorm", 4, num_groups=4, eps=0.1),
            "moments": normalised(IMAGE, "GroupNorm", 2, num_groups=2, output_mean_var=True),
        },
    ),
    Row("L2Normalization", draw_l2, {mode: l2(IMAGE, mode=mode) for mode in MODES}),
    Row("LRN", draw_lrn, {"AlexNet": Case("LRN", (Data(IMAGE),), {"nsize": 5, "knorm": 2})}),
]
