"""LeakyReLU in its kinds."""

from __future__ import annotations

from typing import Any, Tuple, Type

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, Stored, attributes, shapes, uniform
from .rows_unary import AROUND_0


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


ROWS = [
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
