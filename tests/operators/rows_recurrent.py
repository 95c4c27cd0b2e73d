"""Recurrent layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from converters.ops import parse

from .case import Case, Data, DrawFn, Row, Stored, attributes, moved, shapes, uniform

MODES = ("rnn_relu", "rnn_tanh", "lstm", "gru")


def rnn(mode: str, time: int = 4, batch: int = 2, features: int = 3, **attrs: Any) -> Case:
    """Its states are inputs of the network; with `fed`, its weights are, too."""
    fed = attrs.pop("fed", False)
    known = {"mode": mode, "state_size": 5, "num_layers": 1, **attrs}
    packing = parse("RNN", {k: str(v) for k, v in known.items()}).packing
    weights = Data if fed else Stored
    inputs = [
        Data((time, batch, features)),
        weights((packing.length(features),), uniform(-0.5, 0.5), fixed=(0,)),
    ]
    rows = packing.layers * packing.directions
    inputs.append(Data((rows, batch, packing.output)))
    if mode == "lstm":
        inputs.append(Data((rows, batch, packing.size)))
    return Case("RNN", tuple(inputs), known)


def draw_rnn(draw: DrawFn) -> Case:
    time, batch, features = shapes(draw, 3, high=5)
    mode = draw(st.sampled_from(MODES))
    attrs = attributes(
        draw,
        "RNN",
        mode=mode,
        state_size=st.integers(1, 5),
        num_layers=st.integers(1, 3),
        projection_size=st.none() if mode != "lstm" else st.sampled_from((None, 1, 2)),
        use_sequence_length=None,
        lstm_state_clip_min=None,
        lstm_state_clip_max=None,
    )
    del attrs["mode"]
    if attrs.get("projection_size"):
        attrs["state_outputs"] = True
        attrs["state_size"] = max(attrs["state_size"], attrs["projection_size"] + 1)
    return rnn(mode, time, batch, features, fed=draw(st.booleans()), **attrs)


def draw_concat(draw: DrawFn) -> Case:
    shape = shapes(draw, (2, 3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    inputs = []
    for size in sizes:
        part = list(shape)
        part[axis] = size
        inputs.append(
            moved(draw, tuple(part)) if not inputs else replace(inputs[0], shape=tuple(part))
        )
    attrs = attributes(draw, "_rnn_param_concat", dim=axis)
    return Case("_rnn_param_concat", tuple(inputs), {"num_args": len(sizes), **attrs})


ROWS = [
    Row(
        "_rnn_param_concat",
        draw_concat,
        {
            "vectors": Case(
                "_rnn_param_concat", (Data((5,)), Stored((3,))), {"num_args": 2, "dim": 0}
            ),
            "default": Case("_rnn_param_concat", (Data((2, 3)), Data((2, 4))), {"num_args": 2}),
        },
        narrowed={"dim": "depends on the shape"},
    ),
    Row(
        "RNN",
        draw_rnn,
        {
            **{mode: rnn(mode) for mode in MODES},
            **{
                f"{mode} in both directions, with states": rnn(
                    mode, num_layers=2, bidirectional=True, state_outputs=True, p=0.3
                )
                for mode in MODES
            },
            **{
                f"{mode} fed its weights": rnn(
                    mode, num_layers=2, bidirectional=True, state_outputs=True, fed=True
                )
                for mode in MODES
            },
            "lstm projected and fed its weights": rnn(
                "lstm", num_layers=2, projection_size=2, state_outputs=True, fed=True
            ),
            "lstm projected": rnn("lstm", projection_size=2, state_outputs=True),
            "lstm projected in both directions": rnn(
                "lstm", num_layers=2, bidirectional=True, projection_size=3, state_outputs=True
            ),
        },
        narrowed={
            "use_sequence_length": "MXNet's CPU has no lengths",
            "lstm_state_clip_min": "MXNet's CPU does not clip",
            "lstm_state_clip_max": "MXNet's CPU does not clip",
        },
    ),
]
