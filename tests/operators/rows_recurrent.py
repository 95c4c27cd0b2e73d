"""Recurrent layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from converters.ops import parse

from .case import Case, Data, DrawFn, Row, Stored, attributes, moved, shapes, uniform

MODES = ("rnn_relu", "rnn_tanh", "lstm", "gru")
CONCAT = "_rnn_param_concat"
DEEP = {"num_layers": 2, "bidirectional": True, "state_outputs": True}
PROJECTED = {"projection_size": 2, "state_outputs": True}


def rnn(mode: str, time: int = 4, batch: int = 2, features: int = 3, **attrs: Any) -> Case:
    """Its states are inputs of the network; with `fed`, its weights are, too."""
    fed = attrs.pop("fed", False)
    known = {"mode": mode, "state_size": 5, "num_layers": 1, **attrs}
    packing = parse("RNN", {k: str(v) for k, v in known.items()}).packing
    weights = Data if fed else Stored
    parameters = weights((packing.length(features),), uniform(-0.5, 0.5), fixed=(0,))
    rows = packing.layers * packing.directions
    sizes = (packing.output, packing.size)[: 2 if mode == "lstm" else 1]
    states = (Data((rows, batch, size)) for size in sizes)
    return Case("RNN", (Data((time, batch, features)), parameters, *states), known)


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
    dim = axis = draw(st.integers(-len(shape), len(shape) - 1))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    axis %= len(shape)
    parts = [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
    first = moved(draw, parts[0])
    attrs = attributes(draw, CONCAT, dim=dim)
    given = (replace(first, shape=part) for part in parts)
    return Case(CONCAT, tuple(given), {"num_args": len(sizes), **attrs})


ROWS = [
    Row(
        CONCAT,
        draw_concat,
        {
            "vectors": Case(CONCAT, (Data((5,)), Stored((3,))), {"num_args": 2, "dim": 0}),
            "default": Case(CONCAT, (Data((2, 3)), Data((2, 4))), {"num_args": 2}),
        },
        narrowed={"dim": "depends on the shape"},
    ),
    Row(
        "RNN",
        draw_rnn,
        {
            **{mode: rnn(mode) for mode in MODES},
            **{
                f"{mode} in both directions, with states": rnn(mode, **DEEP, p=0.3)
                for mode in MODES
            },
            **{f"{mode} fed its weights": rnn(mode, **DEEP, fed=True) for mode in MODES},
            "lstm projected and fed its weights": rnn("lstm", num_layers=2, **PROJECTED, fed=True),
            "lstm projected": rnn("lstm", **PROJECTED),
            "lstm projected in both directions": rnn("lstm", **DEEP, projection_size=3),
        },
        narrowed={
            "use_sequence_length": "MXNet's CPU has no lengths",
            "lstm_state_clip_min": "MXNet's CPU does not clip",
            "lstm_state_clip_max": "MXNet's CPU does not clip",
        },
    ),
]
