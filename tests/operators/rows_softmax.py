"""Softmax in all its forms."""

from __future__ import annotations

from typing import Any, Tuple

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Label, Row, attributes, shapes, whole

Ints = Tuple[int, ...]

IMAGE = (2, 4, 9, 8)


def along(op: str) -> Any:
    def draw(draw: DrawFn) -> Case:
        shape = shapes(draw, (1, 4))
        by_length = op == "softmax" and draw(st.booleans())
        attrs = attributes(
            draw,
            op,
            axis=draw(st.none() | st.integers(-1 if by_length else -len(shape), len(shape) - 1)),
            temperature=draw(st.sampled_from([None, 1.0, 0.3, 2.5])),
            use_length=True if by_length else None,
        )
        inputs = [Data(shape)]
        if by_length:
            axis = attrs.get("axis", -1) % len(shape)
            of_length = tuple(d for a, d in enumerate(shape) if a != axis)
            kind = draw(st.sampled_from(["int32", "int64"]))
            inputs.append(Data(of_length or (1,), whole(0, shape[axis] + 1), kind, fixed=()))
        return Case(op, tuple(inputs), attrs)

    return draw


def output(shape: Ints, label: str = "softmax_label", **attrs: Any) -> Case:
    return Case("SoftmaxOutput", (Data(shape), Label(label)), attrs)


def draw_output(draw: DrawFn) -> Case:
    return output(shapes(draw, (2, 4)), **attributes(draw, "SoftmaxOutput"))


def draw_activation(draw: DrawFn) -> Case:
    attrs = attributes(draw, "SoftmaxActivation")
    least = 3 if attrs.get("mode") == "channel" else 2
    return Case("SoftmaxActivation", (Data(shapes(draw, (least, 4))),), attrs)


ROWS = [
    Row(
        "softmax",
        along("softmax"),
        {
            "axis": Case("softmax", (Data(IMAGE),), {"axis": 1}),
            "temperature": Case("softmax", (Data((3, 7)),), {"temperature": 0.1}),
            "length": Case(
                "softmax",
                (Data(IMAGE), Data((2, 9, 8), whole(0, 5), "int32")),
                {"axis": 1, "use_length": True},
            ),
            "length of a vector": Case(
                "softmax", (Data((7,)), Data((1,), whole(2, 5), "int64")), {"use_length": True}
            ),
            "float64": Case("softmax", (Data((3, 7)),), {"dtype": "float64"}),
        },
    ),
    Row(
        "log_softmax",
        along("log_softmax"),
        {
            "axis": Case("log_softmax", (Data(IMAGE),), {"axis": 1, "use_length": False}),
            "far apart": Case("log_softmax", (Data((3, 7), whole(-500, 500)),)),
        },
        {"use_length": "MXNet has it for softmax only"},
    ),
    Row(
        "softmin",
        along("softmin"),
        {"axis": Case("softmin", (Data(IMAGE),), {"axis": 1})},
        {"use_length": "MXNet has it for softmax only"},
    ),
    Row(
        "SoftmaxOutput",
        draw_output,
        {
            "matrix": output((3, 7)),
            "image": output(IMAGE, "prob1_label"),
            "multi_output": output(IMAGE, "label", multi_output=True, grad_scale=2),
            "preserve_shape": output(IMAGE, preserve_shape=True),
        },
    ),
    Row(
        "SoftmaxActivation",
        draw_activation,
        {
            "channel": Case("SoftmaxActivation", (Data(IMAGE),), {"mode": "channel"}),
            "instance": Case("SoftmaxActivation", (Data(IMAGE),)),
        },
    ),
]
