"""Normalisation by moving statistics, by those of the input itself, by what is near; softmax."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from .case import TINY, Case, Data, Label, Shape, Stored, case, scaled, times, uniform, whole
from .row import Draw, row

IMAGE, SOUND, VIDEO = (2, 4, 9, 8), (2, 4, 11), (2, 4, 5, 6, 7)
EPS = st.sampled_from([1e-5, 2e-5, 1e-3, 0.1])
MOVING = {
    "momentum": "only training reads it",
    "output_mean_var": "refused: MXNet's float32 and float64 give different things",
}


def batch_norm(shape: Shape, weights: type = Stored, **attrs: Any) -> Case:
    size = (shape[attrs.get("axis", 1)],)
    stored = (weights(size), weights(size), weights(size), weights(size, uniform(0.5, 2)))
    return case(shape, *stored, **attrs)


def spread(draw: Draw, case: Case) -> Case:
    """With deviations of other magnitudes, and of 0."""
    values = draw.choice(uniform(0.5, 2), times(TINY, whole(0, 3)), uniform(1e3, 1e5))
    return replace(case, inputs=(*case.inputs[:4], replace(case.inputs[4], values=values)))


@row("BatchNorm", **MOVING)
def draw_batch_norm(draw: Draw) -> Case:
    shape = draw.shape((2, 6), high=4)
    eps = draw(st.none() | EPS)
    axis = draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    attrs = draw.attrs(eps=eps, momentum=None, output_mean_var=None, axis=axis)
    return spread(draw, batch_norm(shape, draw.choice(Stored, Data), **attrs))


#: With the channels on axis 1 -> how many axes there may be.
RANKS = {
    "BatchNorm_v1": (2, 4),
    "_contrib_SyncBatchNorm": (2, 3, 4, 5),
    "_contrib_BatchNormWithReLU": (4,),
}
KEY = {"key": "k", "ndev": 2}


@row("BatchNorm_v1", axis="BatchNorm_v1 has none", **MOVING)
@row("_contrib_SyncBatchNorm", axis="SyncBatchNorm has none", **MOVING)
@row("_contrib_BatchNormWithReLU", axis="MXNet has it on axis 1 only", **MOVING)
def old_norm(draw: Draw) -> Case:
    shape = draw.shape(draw.choice(*RANKS[draw.op]), high=4)
    eps = draw(st.none() | EPS)
    attrs = draw.attrs(eps=eps, momentum=None, output_mean_var=None, axis=None)
    return spread(draw, batch_norm(shape, **attrs, **(KEY if "Sync" in draw.op else {})))


def normalised(shape: Shape, size: int, weights: type = Stored, **attrs: Any) -> Case:
    return case(shape, weights((size,)), weights((size,)), **attrs)


def draw_normalised(draw: Draw, shape: Shape, size: int, **narrowed: Any) -> Case:
    attrs = draw.attrs(eps=draw(st.none() | EPS), **narrowed)
    return normalised(shape, size, draw.choice(Stored, Data), **attrs)


@row("InstanceNorm")
def instance_norm(draw: Draw) -> Case:
    shape = (*draw.shape(2, high=3), *draw.shape((1, 4), low=2, high=4))
    return draw_normalised(draw, shape, shape[1])


@row("LayerNorm")
def layer_norm(draw: Draw) -> Case:
    shape = draw.shape((1, 4), low=2)
    axis = draw.axis(shape)
    return draw_normalised(draw, shape, shape[axis], axis=axis)


@row("GroupNorm")
def group_norm(draw: Draw) -> Case:
    groups = draw.number(1, 3)
    batch, each = draw.shape(2, high=3)
    shape = (batch, groups * each, *draw.shape((1, 3), low=2, high=4))
    return draw_normalised(draw, shape, groups, num_groups=groups)


@row("L2Normalization")
def l2(draw: Draw) -> Case:
    attrs = draw.attrs(eps=draw(st.none() | EPS))
    least = 1 if attrs.get("mode", "instance") == "instance" else 3
    return case(draw.shape((least, 5), high=4), **attrs)


@row("LRN", data="onnxruntime loses digits where numbers of about 1e4 are among others")
def lrn(draw: Draw) -> Case:
    positive = {name: draw(st.none() | EPS) for name in ("alpha", "beta", "knorm")}
    attrs = draw.attrs(nsize=draw.choice(1, 3, 5, 7), **positive)
    return case(Data(draw.shape(4), draw.choice(scaled(1), times(TINY, scaled(1)))), **attrs)


@row("log_softmax", "softmin", use_length="MXNet has it for softmax only")
@row("softmax")
def softmax(draw: Draw) -> Case:
    shape = draw.shape((1, 4))
    by_length = draw.op == "softmax" and draw.flag()
    axes = st.integers(-1 if by_length else -len(shape), len(shape) - 1)
    along = {"axis": draw(st.none() | axes), "temperature": draw.choice(None, 1.0, 0.3, 2.5)}
    attrs = draw.attrs(**along, use_length=by_length or None)
    lengths = []
    if by_length:
        axis = attrs.get("axis", -1) % len(shape)
        of_length = tuple(d for a, d in enumerate(shape) if a != axis)
        kind = draw.choice("int32", "int64")
        lengths.append(Data(of_length or (1,), whole(0, shape[axis] + 1), kind, fixed=()))
    return case(shape, *lengths, **attrs)


@row("SoftmaxOutput")
def softmax_output(draw: Draw) -> Case:
    return case(draw.shape((2, 4)), Label(), **draw.attrs())


@row("SoftmaxActivation")
def softmax_activation(draw: Draw) -> Case:
    attrs = draw.attrs()
    least = 3 if attrs.get("mode") == "channel" else 2
    return case(draw.shape((least, 4)), **attrs)


FAR_FROM_0 = Data((2, 3, 7), lambda random, shape: random.standard_normal(shape) + 100)
LENGTHS, LENGTH = Data((2, 9, 8), whole(0, 5), "int32"), Data((1,), whole(2, 5), "int64")

EXAMPLES = {
    "BatchNorm defaults": batch_norm(IMAGE),
    "BatchNorm gamma used": batch_norm(IMAGE, fix_gamma=False, eps=2e-5),
    "BatchNorm global statistics": batch_norm(IMAGE, use_global_stats=True, momentum=0.5),
    "BatchNorm matrix": batch_norm((3, 4), eps=1e-2),
    "BatchNorm sequence": batch_norm(SOUND),
    "BatchNorm video": batch_norm(VIDEO, fix_gamma=False),
    "BatchNorm last axis": batch_norm(IMAGE, axis=-1, fix_gamma=False),
    "BatchNorm first axis": batch_norm(SOUND, axis=0),
    "BatchNorm computed": batch_norm(IMAGE, Data, fix_gamma=False),
    "BatchNorm computed, gamma fixed": batch_norm(IMAGE, Data),
    "BatchNorm six dimensions": batch_norm((2, 3, 2, 2, 2, 2), fix_gamma=False),
    "BatchNorm_v1 eps": batch_norm(IMAGE, fix_gamma=False, eps=0.1),
    "_contrib_SyncBatchNorm gluon": batch_norm(IMAGE, fix_gamma=False, **KEY),
    "_contrib_BatchNormWithReLU ": batch_norm(IMAGE, fix_gamma=False),
    "InstanceNorm image": normalised(IMAGE, 4),
    "InstanceNorm sound": normalised(SOUND, 4, eps=1e-5),
    "InstanceNorm video": normalised(VIDEO, 4, Data),
    "LayerNorm last": normalised((2, 3, 7), 7),
    "LayerNorm last, far from 0": case(FAR_FROM_0, Stored((7,)), Stored((7,))),
    "LayerNorm channels": normalised(IMAGE, 4, axis=1, eps=1e-3),
    "LayerNorm moments": normalised(IMAGE, 9, axis=-2, output_mean_var=True),
    "GroupNorm one group": normalised(SOUND, 1),
    "GroupNorm two groups": normalised(IMAGE, 2, num_groups=2),
    "GroupNorm a group each": normalised(VIDEO, 4, num_groups=4, eps=0.1),
    "GroupNorm moments": normalised(IMAGE, 2, num_groups=2, output_mean_var=True),
    "L2Normalization instance": case(IMAGE, mode="instance"),
    "L2Normalization channel": case(IMAGE, mode="channel"),
    "L2Normalization spatial": case(IMAGE, mode="spatial"),
    "LRN AlexNet": case(IMAGE, nsize=5, knorm=2),
    "softmax axis": case(IMAGE, axis=1),
    "softmax temperature": case((3, 7), temperature=0.1),
    "softmax length": case(IMAGE, LENGTHS, axis=1, use_length=True),
    "softmax length of a vector": case((7,), LENGTH, use_length=True),
    "softmax float64": case((3, 7), dtype="float64"),
    "log_softmax axis": case(IMAGE, axis=1, use_length=False),
    "log_softmax far apart": case(Data((3, 7), whole(-500, 500))),
    "softmin axis": case(IMAGE, axis=1),
    "SoftmaxOutput matrix": case((3, 7), Label()),
    "SoftmaxOutput image": case(IMAGE, Label("prob1_label")),
    "SoftmaxOutput multi_output": case(IMAGE, Label("label"), multi_output=True, grad_scale=2),
    "SoftmaxOutput preserve_shape": case(IMAGE, Label(), preserve_shape=True),
    "SoftmaxActivation channel": case(IMAGE, mode="channel"),
    "SoftmaxActivation instance": case(IMAGE),
}
