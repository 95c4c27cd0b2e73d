"""Functions of single numbers, with attributes and without, casts, and layers that are for
training."""

from __future__ import annotations

from typing import Any, Dict, Tuple

import numpy as np
from hypothesis import strategies as st

from converters.operators import REGISTRY
from converters.operators.training import Identity
from converters.operators.unary import Unary

from .case import (
    HUGE,
    TINY,
    Array,
    Case,
    Data,
    Label,
    Shape,
    Stored,
    Values,
    case,
    scaled,
    sparse,
    times,
    uniform,
    whole,
)
from .case import MOVABLE as ANY
from .row import Draw, row

WHOLE = ("int32", "int64", "uint8", "int8")


def quarters(random: np.random.Generator, shape: Shape) -> Array:
    """Many of them midway between whole numbers."""
    return random.integers(-20, 20, shape) / 4


def near(x: float) -> Values:
    return lambda random, shape: x * (1 + 1e-3 * random.standard_normal(shape))


#: Of about unit size, and next to nothing: what a function loses there is seen.
AROUND_0 = (scaled(1), times(TINY, sparse), times(4, sparse))
ANYWHERE = (*AROUND_0, times(HUGE, sparse))
POSITIVE = (uniform(0.1, 4), near(1), uniform(0, 1e4), uniform(0, 1e-6))
#: These overflow, or their float32 in MXNet is noise.
STEEP = ("exp", "expm1", "sinh", "cosh", "tan", "gamma")

#: Operator -> where it is tried, if not anywhere.
DOMAINS: Dict[str, Tuple[Values, ...]] = {
    **dict.fromkeys(("sqrt", "rsqrt", "log", "log2", "log10"), POSITIVE),
    **dict.fromkeys(
        ("ceil", "floor", "trunc", "fix", "round", "rint", "_contrib_round_ste"),
        (quarters, scaled(9), times(TINY, sparse), times(HUGE, quarters)),
    ),
    "log1p": (*AROUND_0[1:2], uniform(-0.9, 3), uniform(0, 1e4)),
    **dict.fromkeys(STEEP, AROUND_0),
    **dict.fromkeys(("sin", "cos"), (*AROUND_0, scaled(100))),
    **dict.fromkeys(("arcsin", "arccos"), (uniform(-1, 1), times(TINY, sparse))),
    "arctanh": (uniform(-0.99, 0.99), times(TINY, sparse)),
    "arccosh": (uniform(1.01, 9), uniform(1, 1e4)),
    "reciprocal": (*POSITIVE, uniform(-9, -0.1)),
    "rcbrt": (*POSITIVE, uniform(-9, -0.1)),
    "erfinv": (uniform(-0.99, 0.99), uniform(-0.1, 0.1)),
    "gamma": (uniform(0.1, 9), uniform(-4.9, -4.1), uniform(9, 30)),
    "gammaln": (uniform(0.1, 9), uniform(-4.9, -4.1), uniform(9, 1e4)),
}
UNARY = [op for op, cls in sorted(REGISTRY.items()) if issubclass(cls, Unary)]


@row("erfinv", data="nearer to 0 MXNet's own loses all but ten digits")
@row("gamma", data="MXNet makes NaN of its poles, where the limits are infinite")
@row(*(op for op in UNARY if op not in ("erfinv", "gamma")))
def unary(draw: Draw) -> Case:
    values = draw.choice(*DOMAINS.get(draw.op, ANYWHERE))
    dtype = draw.choice("float32", *WHOLE) if REGISTRY[draw.op].whole else "float32"
    if dtype != "float32":
        values = whole(0 if dtype == "uint8" else -9, 10)
    data = Data(draw.shape((1, 4)), values, dtype)
    return case(data, **draw.attrs(), free=draw.flag())


def draw_data(draw: Draw, *dtypes: str) -> Data:
    dtype = draw.choice(*(dtypes or ("float32",)))
    values = draw.choice(*ANYWHERE) if dtype == "float32" else whole(0, 9)
    return Data(draw.shape((1, 4)), values, dtype)


SHARES = st.floats(0, 1, width=32, allow_subnormal=False)
IN_TRAINING = "read in training only"


@row("Activation", "hard_sigmoid", "_contrib_quadratic", "_contrib_div_sqrt_dim", "MakeLoss")
@row("Dropout", mode=IN_TRAINING, axes=IN_TRAINING, p=IN_TRAINING)
@row("smooth_l1", scalar="0 is refused")
def of_floats(draw: Draw) -> Case:
    data = draw_data(draw)
    narrowed: Dict[str, Any] = {"scalar": st.sampled_from([1.0, 0.3, 3.0])}
    if draw.op == "Dropout":
        narrowed = {"mode": "training", "axes": None, "p": st.none() | SHARES}
    return case(data, **draw.attrs(**narrowed), free=draw.flag())


IDENTITIES = [op for op, cls in sorted(REGISTRY.items()) if issubclass(cls, Identity)]


@row(*(op for op in IDENTITIES if op != "MakeLoss"))  # which MXNet has of floats only
def identity(draw: Draw) -> Case:
    return case(draw_data(draw, *ANY), **draw.attrs(), free=draw.flag())


@row("zeros_like", "ones_like")
def like(draw: Draw) -> Case:
    return case(draw_data(draw, *ANY, "bool"), **draw.attrs(), free=draw.flag())


@row("clip")
def clip(draw: Draw) -> Case:
    data = draw_data(draw, *ANY)
    least = 0 if data.dtype == "uint8" else -9  # in C, a negative end has no unsigned value
    ends = st.floats(least, 9, width=32, allow_subnormal=False)
    return case(data, a_min=draw(ends), a_max=draw(ends))  # in any order


@row("IdentityAttachKLSparseReg")
def sparse_reg(draw: Draw) -> Case:
    shape = draw.shape((2, 4))
    return case(shape, Stored(shape[1:2]), penalty=0.1)


@row("_identity_with_attr_like_rhs")
def identity_like(draw: Draw) -> Case:
    return case(*(Data(draw.shape((1, 4))),) * 2)


@row("LeakyReLU")
def leaky(draw: Draw) -> Case:
    attrs = draw.attrs()
    shape = draw.shape((1, 4))
    inputs = [Data(shape, draw.choice(*ANYWHERE))]
    if attrs.get("act_type") == "prelu":
        channels = shape[1] if len(shape) > 1 else shape[0]
        sizes = draw.choice((1,), (channels,), (1,) * (len(shape) > 1) + (channels,))
        inputs.append(draw.choice(Data, Stored)(sizes, uniform(-1, 1)))
    return case(*inputs, free=draw.flag(), **attrs)


#: Layers whose label only training reads, and attributes that only training reads.
OUTPUTS: Dict[str, Dict[str, Any]] = {
    "LinearRegressionOutput": {"grad_scale": 2},
    "MAERegressionOutput": {"grad_scale": 2},
    "LogisticRegressionOutput": {"grad_scale": 2},
    "SVMOutput": {"margin": 2, "regularization_coefficient": 0.5, "use_linear": True},
}


@row(*OUTPUTS)
def output(draw: Draw) -> Case:
    least = 2 if draw.op == "SVMOutput" else 1
    return case(draw.shape((least, 4)), Label("label"), **OUTPUTS[draw.op])


def cross_entropy(rows: int, classes: int) -> Case:
    return case((rows, classes), Data((rows,), whole(0, classes)))


@row("softmax_cross_entropy")
def draw_cross_entropy(draw: Draw) -> Case:
    return cross_entropy(*draw.shape(2))


@row("Cast", data="what the new type cannot hold is left open by C")
def cast(draw: Draw) -> Case:
    dtype = draw.choice(*ANY, "bool")
    values = scaled(1) if dtype == "float32" else whole(0, 3)
    attrs = draw.attrs()
    if attrs["dtype"] == "uint8":
        values = whole(0, 9)
    return case(Data(draw.shape((1, 4)), values, dtype), **attrs)


@row("amp_cast", dtype="only between floating-point types")
def amp_cast(draw: Draw) -> Case:
    dtype = draw.choice("float32", "int32")
    attrs = draw.attrs(dtype=st.sampled_from(("float16", "float32")))
    return case(Data(draw.shape((1, 4)), whole(-9, 9), dtype), **attrs)


@row("amp_multicast")
def amp_multicast(draw: Draw) -> Case:
    count = draw.number(1, 4)
    inputs = [draw.shape((1, 4)) for _ in range(count)]
    return case(*inputs, **draw.attrs(num_outputs=count))


@row("cast_storage")
def cast_storage(draw: Draw) -> Case:
    return case(draw.shape(2), **draw.attrs())


def these(*numbers: float) -> Data:
    return of(lambda random, shape: np.resize(np.array(numbers), shape))


def of(values: Values, *shape: int) -> Data:
    return Data(shape or (3, 4, 5), values)


HALVES = (-2.5, -0.5, 0.5, 1.5, 2.5)
PRELU = {"act_type": "prelu"}
EXAMPLES = {
    "round corners": case(these(*HALVES, 0.49999997, -0.49999997, 8388609)),
    "rint corners": case(these(*HALVES, -0.49999997, 0.49999997, 8388609)),
    "log corners": case(of(scaled(100), 6, 7)),
    "sqrt corners": case(of(uniform(-100, 100), 6, 7)),
    "log1p corners": case(these(-1, -0.5, 0, 1e-9, 1e-3, 1, 1e30)),
    "expm1 corners": case(these(-1e3, -30, -1, 0, 1e-9, 1e-3, 1, 30)),
    "erfinv corners": case(these(-1, -0.5, 0, 0.25, 0.9, 1)),
    "tanh,tan corners": case(of(uniform(-100, 100))),
    "arcsin corners": case(of(uniform(-2, 2))),
    "exp corners": case(of(uniform(-80, 80))),
    "reciprocal corners": case(these(0, -2, 3)),
    "rcbrt corners": case(these(0, -8, 27)),
    **{
        f"Activation {kind}": case(of(uniform(-3, 3), 4, 5), act_type=kind)
        for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign")
    },
    "Activation softrelu ends": case(of(uniform(15, 30), 4, 5), act_type="softrelu"),
    "clip whole": case(Data((9,), whole(-9, 9), "int64"), a_min=-2.5, a_max=3),
    "clip tenth": case((9,), a_min=-0.1, a_max=0.1),
    "softmax_cross_entropy ": cross_entropy(7, 5),
    "LeakyReLU slope a channel": case((2, 4, 3, 4), Stored((4,)), **PRELU),
    "LeakyReLU slope where channels are last, too": case(
        (4, 4, 4), Stored((4,)), free=False, **PRELU
    ),
    "LeakyReLU one slope": case((2, 4, 3), Stored((1,)), **PRELU),
    "LeakyReLU computed slope": case((2, 4, 3), (4,), **PRELU),
    "LeakyReLU slope a sample": case((3, 4, 5), (3,), free=False, **PRELU),
    "LeakyReLU slope a sample and channel": case((3, 4, 5), (3, 4), free=False, **PRELU),
    "LeakyReLU slope 0": case((4, 5), slope=0.0),
    **{
        f"LeakyReLU {kind}": case((2, 3, 4), act_type=kind)
        for kind in ("leaky", "elu", "selu", "gelu", "rrelu")
    },
}
