"""Softmax in all its forms."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Label, Row, Shape, Values, attributes, normal, shapes, whole

IMAGE = (2, 4, 9, 8)
NO_LENGTH = {"use_length": "MXNet has it for softmax only"}


def along(op: str) -> Any:
    def draw(draw: DrawFn) -> Case:
        shape = shapes(draw, (1, 4))
        by_length = op == "softmax" and draw(st.booleans())
        axes = st.integers(-1 if by_length else -len(shape), len(shape) - 1)
        along = {"axis": draw(st.none() | axes)}
        along["temperature"] = draw(st.sampled_from([None, 1.0, 0.3, 2.5]))
        attrs = attributes(draw, op, **along, use_length=by_length or None)
        inputs = [Data(shape)]
        if by_length:
            axis = attrs.get("axis", -1) % len(shape)
            of_length = tuple(d for a, d in enumerate(shape) if a != axis)
            kind = draw(st.sampled_from(["int32", "int64"]))
            inputs.append(Data(of_length or (1,), whole(0, shape[axis] + 1), kind, fixed=()))
        return Case(op, tuple(inputs), attrs)

    return draw


def plain(op: str, shape: Shape, *lengths: Data, values: Values = normal, **attrs: Any) -> Case:
    return Case(op, (Data(shape, values), *lengths), attrs)


def output(shape: Shape, label: str = "softmax_label", **attrs: Any) -> Case:
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
            "axis": plain("softmax", IMAGE, axis=1),
            "temperature": plain("softmax", (3, 7), temperature=0.1),
            "length": plain(
                "softmax", IMAGE, Data((2, 9, 8), whole(0, 5), "int32"), axis=1, use_length=True
            ),
            "length of a vector": plain(
                "softmax", (7,), Data((1,), whole(2, 5), "int64"), use_length=True
            ),
            "float64": plain("softmax", (3, 7), dtype="float64"),
        },
    ),
    Row(
        "log_softmax",
        along("log_softmax"),
        {
            "axis": plain("log_softmax", IMAGE, axis=1, use_length=False),
            "far apart": plain("log_softmax", (3, 7), values=whole(-500, 500)),
        },
        NO_LENGTH,
    ),
    Row("softmin", along("softmin"), {"axis": plain("softmin", IMAGE, axis=1)}, NO_LENGTH),
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
            "channel": plain("SoftmaxActivation", IMAGE, mode="channel"),
            "instance": plain("SoftmaxActivation", IMAGE),
        },
    ),
]
