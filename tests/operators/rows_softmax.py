"""Softmax in all its forms."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, Data, Label, case, whole
from .row import Draw, row

IMAGE = (2, 4, 9, 8)


@row("log_softmax", "softmin", use_length="MXNet has it for softmax only")
@row("softmax")
def along(draw: Draw) -> Case:
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
def output(draw: Draw) -> Case:
    return case(draw.shape((2, 4)), Label(), **draw.attrs())


@row("SoftmaxActivation")
def activation(draw: Draw) -> Case:
    attrs = draw.attrs()
    least = 3 if attrs.get("mode") == "channel" else 2
    return case(draw.shape((least, 4)), **attrs)


LENGTHS, LENGTH = Data((2, 9, 8), whole(0, 5), "int32"), Data((1,), whole(2, 5), "int64")
EXAMPLES = {
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
