"""Recurrent layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from converters.operators import parse

from .case import Case, Data, Stored, case, uniform
from .row import Draw, row

MODES = ("rnn_relu", "rnn_tanh", "lstm", "gru")
DEEP = {"num_layers": 2, "bidirectional": True, "state_outputs": True}
PROJECTED = {"projection_size": 2, "state_outputs": True}


def rnn(mode: str, time: int = 4, batch: int = 2, features: int = 3, **attrs: Any) -> Case:
    """Its states are inputs of the network; with `fed`, its weights are, too."""
    weights = Data if attrs.pop("fed", False) else Stored
    known = {"mode": mode, "state_size": 5, "num_layers": 1, **attrs}
    packing = parse("RNN", {k: str(v) for k, v in known.items()}).packing
    parameters = weights((packing.length(features),), uniform(-0.5, 0.5), fixed=(0,))
    rows = packing.layers * packing.directions
    sizes = (packing.output, packing.size)[: 2 if mode == "lstm" else 1]
    states = ((rows, batch, size) for size in sizes)
    return case((time, batch, features), parameters, *states, **known)


@row(
    "RNN",
    use_sequence_length="MXNet's CPU has no lengths",
    lstm_state_clip_min="MXNet's CPU does not clip",
    lstm_state_clip_max="MXNet's CPU does not clip",
)
def draw_rnn(draw: Draw) -> Case:
    time, batch, features = draw.shape(3, high=5)
    mode = draw.choice(*MODES)
    attrs = draw.attrs(
        mode=mode,
        state_size=st.integers(1, 5),
        num_layers=st.integers(1, 3),
        p=st.sampled_from((None, 0.0, 0.3)),
        projection_size=st.none() if mode != "lstm" else st.sampled_from((None, 1, 2)),
        use_sequence_length=None,
        lstm_state_clip_min=None,
        lstm_state_clip_max=None,
    )
    if attrs.get("projection_size"):
        attrs["state_outputs"] = True
        attrs["state_size"] = max(attrs["state_size"], attrs["projection_size"] + 1)
    return rnn(time=time, batch=batch, features=features, fed=draw.flag(), **attrs)


@row("_rnn_param_concat", dim="depends on the shape")
def concat(draw: Draw) -> Case:
    shape = draw.shape((2, 3))
    dim = draw.axis(shape)
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    axis = dim % len(shape)
    parts = [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
    first = draw.moved(parts[0])
    given = (replace(first, shape=part) for part in parts)
    return case(*given, num_args=len(sizes), **draw.attrs(dim=dim))


EXAMPLES = {
    "_rnn_param_concat vectors": case((5,), Stored((3,)), num_args=2, dim=0),
    "_rnn_param_concat default": case((2, 3), (2, 4), num_args=2),
    **{f"RNN {mode}": rnn(mode) for mode in MODES},
    **{f"RNN {mode} in both directions, with states": rnn(mode, **DEEP, p=0.3) for mode in MODES},
    **{f"RNN {mode} fed its weights": rnn(mode, **DEEP, fed=True) for mode in MODES},
    "RNN lstm projected and fed its weights": rnn("lstm", num_layers=2, **PROJECTED, fed=True),
    "RNN lstm projected": rnn("lstm", **PROJECTED),
    "RNN lstm projected in both directions": rnn("lstm", **DEEP, projection_size=3),
}
