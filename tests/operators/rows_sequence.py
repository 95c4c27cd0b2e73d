"""Sequences of several lengths in one array."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st

from .case import Case, Data, DrawFn, Row, attributes, moved, shapes, whole


def draw_sequence(op: str, draw: DrawFn) -> Case:
    shape = shapes(draw, (2, 4))
    axis = 0 if op == "SequenceReverse" else draw(st.integers(0, 1))
    use = draw(st.booleans())
    attrs = attributes(draw, op, axis=axis, use_sequence_length=use)
    data = moved(draw, shape)
    if data.dtype != "float32" and "value" in attrs:
        attrs["value"] = draw(st.integers(0, 9))
    low = 1 if op == "SequenceLast" else 0
    dtype = draw(st.sampled_from(("float32", "int32", "int64")))
    lengths = Data((shape[1 - axis],), whole(low, shape[axis] + 1), dtype)
    return Case(op, (data, lengths) if use else (data,), attrs)


ROWS = [
    Row("SequenceMask", partial(draw_sequence, "SequenceMask")),
    Row("SequenceReverse", partial(draw_sequence, "SequenceReverse")),
    Row(
        "SequenceLast",
        partial(draw_sequence, "SequenceLast"),
        narrowed={"sequence_length": "MXNet reads before the array for a length of 0"},
    ),
]
