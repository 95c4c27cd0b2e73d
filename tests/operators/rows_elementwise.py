"""Functions of single numbers that have attributes, and those that compute nothing."""

from __future__ import annotations

from hypothesis import strategies as st

from converters.ops import REGISTRY
from converters.ops.identity import Identity

from .case import Case, Data, DrawFn, Row, Stored, attributes, shapes, uniform, whole
from .rows_unary import AROUND_0

ANY = ("float32", "int32", "int64", "uint8", "int8")
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


def draw_like(draw: DrawFn) -> Case:
    shape = shapes(draw, (1, 4))
    return Case("_identity_with_attr_like_rhs", (Data(shape), Data(shape)))


def activation(act_type: str, low: float, high: float) -> Case:
    return Case("Activation", (Data((4, 5), uniform(low, high)),), {"act_type": act_type})


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
    Row("_identity_with_attr_like_rhs", draw_like),
]
