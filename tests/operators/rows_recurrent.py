"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from converters.ops import parse

from .case import Case, Data, DrawFn, Row, Stored, attributes, shapes, uniform

MODES = ("rnn_relu", "rnn_tanh", "lstm", "gru")


def rnn(mode: str, time: int = 4, batch: int = 2, features: int = 3, **attrs: Any) -> Case:
    """Its states are inputs of the network."""
    known = {"mode": mode, "state_size": 5, "num_layers": 1, **attrs}
    layer = parse("RNN", {k: str(v) for k, v in known.items()})
    length = layer.parameter_shapes((None, None, features))["parameters"][0]
    rows = known["num_layers"] * layer.directions
    inputs = [Data((time, batch, features)), Stored((length,), uniform(-0.5, 0.5))]
    inputs.append(Data((rows, batch, layer.output_size)))
    if mode == "lstm":
        inputs.append(Data((rows, batch, known["state_size"])))
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
    return rnn(mode, time, batch, features, **attrs)


def draw_concat(draw: DrawFn) -> Case:
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    inputs = (Data((sizes[0],)), *(Stored((n,)) for n in sizes[1:]))
    return Case("_rnn_param_concat", inputs, {"num_args": len(sizes), "dim": 0})


ROWS = [
    Row("_rnn_param_concat", draw_concat, narrowed={"dim": "vectors have no other axis"}),
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
