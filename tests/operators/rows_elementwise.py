"""Functions of single numbers that have attributes, casts, and layers that are for training."""

from __future__ import annotations

from typing import Any, Tuple, Type

from hypothesis import strategies as st

from converters.ops import REGISTRY
from converters.ops.training import Identity

from .case import MOVABLE as ANY
from .case import Case, Data, DrawFn, Label, Row, Stored, attributes, normal, shapes, uniform, whole
from .rows_unary import AROUND_0

SHARES = st.floats(0, 1, width=32, allow_subnormal=False)


def draw_data(draw: DrawFn, *dtypes: str) -> Data:
    dtype = draw(st.sampled_from(dtypes or ("float32",)))
    values = draw(st.sampled_from(AROUND_0)) if dtype == "float32" else whole(0, 9)
    return Data(shapes(draw, (1, 4)), values, dtype)


def plain(op: str, *dtypes: str, narrowed: str = "", **given: object) -> Row:
    """One input of any shape."""

    def draw(draw: DrawFn) -> Case:
        data = draw_data(draw, *dtypes)
        return Case(op, (data,), attributes(draw, op, **given), draw(st.booleans()))

    return Row(op, draw, narrowed=dict.fromkeys(given, narrowed) if narrowed else {})


def draw_clip(draw: DrawFn) -> Case:
    data = draw_data(draw, *ANY)
    least = 0 if data.dtype == "uint8" else -9  # in C, a negative end has no unsigned value
    ends = st.floats(least, 9, width=32, allow_subnormal=False)
    return clipped(data, draw(ends), draw(ends))  # in any order


def clipped(data: Data, low: float, high: float) -> Case:
    return Case("clip", (data,), {"a_min": low, "a_max": high})


def draw_sparse_reg(draw: DrawFn) -> Case:
    shape = shapes(draw, (2, 4))
    inputs = (Data(shape), Stored(shape[1:2]))
    return Case("IdentityAttachKLSparseReg", inputs, {"penalty": 0.1})


def activation(act_type: str, low: float, high: float) -> Case:
    return Case("Activation", (Data((4, 5), uniform(low, high)),), {"act_type": act_type})


def draw_leaky(draw: DrawFn) -> Case:
    attrs = attributes(draw, "LeakyReLU")
    shape = shapes(draw, (1, 4))
    inputs: Tuple[Data, ...] = (Data(shape, draw(st.sampled_from(AROUND_0))),)
    if attrs.get("act_type") == "prelu":
        channels = shape[1] if len(shape) > 1 else shape[0]
        sizes = draw(st.sampled_from([(1,), (channels,), (1,) * (len(shape) > 1) + (channels,)]))
        kind: Type[Data] = draw(st.sampled_from([Data, Stored]))
        inputs += (kind(sizes, uniform(-1, 1)),)
    return Case("LeakyReLU", inputs, attrs, free=draw(st.booleans()))


def prelu(shape: Tuple[int, ...], slope: Data, **more: Any) -> Case:
    return Case("LeakyReLU", (Data(shape), slope), {"act_type": "prelu"}, **more)


def output(op: str, least: int = 1, **ignored: Any) -> Row:
    """A layer whose label only training reads."""

    def draw(draw: DrawFn) -> Case:
        return Case(op, (Data(shapes(draw, (least, 4))), Label("label")), ignored)

    return Row(op, draw)


def cross_entropy(rows: int, classes: int) -> Case:
    inputs = (Data((rows, classes)), Data((rows,), whole(0, classes)))
    return Case("softmax_cross_entropy", inputs)


def draw_cast(draw: DrawFn) -> Case:
    dtype = draw(st.sampled_from((*ANY, "bool")))
    values = normal if dtype == "float32" else whole(0, 3)
    attrs = attributes(draw, "Cast")
    if attrs["dtype"] == "uint8":
        values = whole(0, 9)
    return Case("Cast", (Data(shapes(draw, (1, 4)), values, dtype),), attrs)


def draw_amp_cast(draw: DrawFn) -> Case:
    dtype = draw(st.sampled_from(("float32", "int32")))
    attrs = attributes(draw, "amp_cast", dtype=st.sampled_from(("float16", "float32")))
    return Case("amp_cast", (Data(shapes(draw, (1, 4)), whole(-9, 9), dtype),), attrs)


def draw_multicast(draw: DrawFn) -> Case:
    count = draw(st.integers(1, 4))
    inputs = tuple(Data(shapes(draw, (1, 4))) for _ in range(count))
    attrs = attributes(draw, "amp_multicast", num_outputs=count)
    return Case("amp_multicast", inputs, attrs)


LIKE = "_identity_with_attr_like_rhs"
KINDS = ("relu", "sigmoid", "tanh", "softrelu", "softsign")
ACTIVATIONS = {kind: activation(kind, -3, 3) for kind in KINDS}
ACTIVATIONS["softrelu ends"] = activation("softrelu", 15, 30)
ROWS = [
    Row("Activation", plain("Activation").draw, ACTIVATIONS),
    plain("Dropout", mode="training", axes=None, p=SHARES, narrowed="read in training only"),
    plain("hard_sigmoid"),
    Row(
        "clip",
        draw_clip,
        {
            "whole": clipped(Data((9,), whole(-9, 9), "int64"), -2.5, 3),
            "tenth": clipped(Data((9,)), -0.1, 0.1),
        },
    ),
    plain("smooth_l1", scalar=st.sampled_from([1.0, 0.3, 3.0]), narrowed="0 is refused"),
    plain("_contrib_quadratic"),
    plain("_contrib_div_sqrt_dim"),
    plain("zeros_like", *ANY, "bool"),
    plain("ones_like", *ANY, "bool"),
    plain("MakeLoss"),
    *(
        plain(op, *ANY)
        for op, cls in sorted(REGISTRY.items())
        if issubclass(cls, Identity) and op != "MakeLoss"  # which MXNet has of floats only
    ),
    Row("IdentityAttachKLSparseReg", draw_sparse_reg),
    Row(LIKE, lambda draw: Case(LIKE, (Data(shapes(draw, (1, 4))),) * 2)),
    Row("Cast", draw_cast, narrowed={"data": "what the new type cannot hold is left open by C"}),
    Row("amp_cast", draw_amp_cast, narrowed={"dtype": "only between floating-point types"}),
    Row("amp_multicast", draw_multicast),
    output("LinearRegressionOutput", grad_scale=2),
    output("MAERegressionOutput", grad_scale=2),
    output("LogisticRegressionOutput", grad_scale=2),
    output("SVMOutput", least=2, margin=2, regularization_coefficient=0.5, use_linear=True),
    Row(
        "softmax_cross_entropy",
        lambda draw: cross_entropy(*shapes(draw, 2)),
        {"": cross_entropy(7, 5)},
    ),
    Row(
        "LeakyReLU",
        draw_leaky,
        examples={
            "slope a channel": prelu((2, 4, 3, 4), Stored((4,))),
            "slope where channels are last, too": prelu((4, 4, 4), Stored((4,)), free=False),
            "one slope": prelu((2, 4, 3), Stored((1,))),
            "computed slope": prelu((2, 4, 3), Data((4,))),
            "slope a sample": prelu((3, 4, 5), Data((3,)), free=False),
            "slope a sample and channel": prelu((3, 4, 5), Data((3, 4)), free=False),
            "slope 0": Case("LeakyReLU", (Data((4, 5)),), {"slope": 0.0}),
            **{
                kind: Case("LeakyReLU", (Data((2, 3, 4)),), {"act_type": kind})
                for kind in ("leaky", "elu", "selu", "gelu", "rrelu")
            },
        },
    ),
]
