"""Recurrent layers in ONNX: one node a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..onnx_model import OnnxBuilder

Array = npt.NDArray[Any]

#: Mode -> ONNX's operator, and where MXNet has each of ONNX's gates.
KINDS = {
    "rnn_relu": ("RNN", (0,)),
    "rnn_tanh": ("RNN", (0,)),
    "lstm": ("LSTM", (0, 3, 1, 2)),  # input, output, forget, cell; in MXNet ifco
    "gru": ("GRU", (1, 0, 2)),  # update, reset, hidden; in MXNet ruh
}

Layers = Sequence[Sequence[Mapping[str, Array]]]


def onnx_layers(
    g: OnnxBuilder,
    mode: str,
    size: int,
    layers: Layers,
    data: Any,
    state: Any,
    cell: Any,
    outputs: int,
) -> List[Any]:
    """(T, N, C) -> (T, N, D H), and the last states of all layers, each (L D, N, H).

    Args:
        outputs: how many of these results are wanted.
    """
    if "weight_hr" in layers[0][0]:
        return _projected(g, size, layers, data, state, cell)
    begin = [_by_layer(g, given, layers) for given in (state, cell)]
    last: List[List[Any]] = [[], []]
    value = data
    for number, both in enumerate(layers):
        given = [states[number] for states in begin[: 2 if mode == "lstm" else 1]]
        while given and given[-1] is None:
            given.pop()
        weights = [_stacked(g, mode, both, names, data) for names in NAMES]
        rest = [None, *given] if given else []
        results = g.ops(
            KINDS[mode][0],
            value,
            *weights,
            *rest,
            outputs=2 + (mode == "lstm"),
            **_options(mode, size, both),
        )
        value = _joined(g, results[0], len(both))
        for states, result in zip(last, results[1:]):
            states.append(result)
    return [value, *(_all_states(g, states) for states in last[: outputs - 1])]


NAMES = (("weight_ih",), ("weight_hh",), ("bias_ih", "bias_hh"))


def _options(mode: str, size: int, both: Sequence[Any]) -> Dict[str, Any]:
    options: Dict[str, Any] = {"hidden_size": size}
    if len(both) == 2:
        options["direction"] = "bidirectional"
    if mode == "rnn_relu":
        options["activations"] = ["Relu"] * len(both)
    if mode == "gru":
        options["linear_before_reset"] = 1
    return options


def _stacked(g: OnnxBuilder, mode: str, both: Any, names: Sequence[str], like: Any) -> Any:
    """(D, rows, columns) of weights or (D, 2 rows) of biases, gates in ONNX's order."""
    order = list(KINDS[mode][1])
    stacked = [
        np.concatenate([_ordered(weights[name], order) for name in names]) for weights in both
    ]
    return g.constant(np.stack(stacked), like=like)


def _ordered(array: Array, order: Sequence[int]) -> Array:
    gates = array.reshape(len(order), -1, *array.shape[1:])
    return gates[list(order)].reshape(array.shape)


def _by_layer(g: OnnxBuilder, state: Any, layers: Layers) -> List[Any]:
    """(L D, N, H) -> (D, N, H) for each layer."""
    if state is None or len(layers) == 1:
        return [state] * len(layers)
    directions = len(layers[0])
    sizes = g.ints((directions,) * len(layers))
    return g.ops("Split", state, sizes, outputs=len(layers), axis=0)


def _joined(g: OnnxBuilder, output: Any, directions: int) -> Any:
    """(T, D, N, H) -> (T, N, D H)."""
    if directions == 1:
        return g.op("Squeeze", output, g.ints((1,)))
    return g.op("Reshape", g.op("Transpose", output, perm=(0, 2, 1, 3)), g.ints((0, 0, -1)))


def _all_states(g: OnnxBuilder, states: Sequence[Any]) -> Any:
    """A node behind the one that makes the output: layers are traced in the order of outputs."""
    return g.op("Concat", *states, axis=0) if len(states) > 1 else g.op("Identity", states[0])


def _projected(
    g: OnnxBuilder, size: int, layers: Layers, data: Any, state: Any, cell: Any
) -> List[Any]:
    """LSTM whose state is a projection of its output, which ONNX's has not: a loop over time."""
    last: List[List[Any]] = [[], []]
    value = data
    for number, both in enumerate(layers):
        outputs = []
        for direction, weights in enumerate(both):
            row = g.constant(np.array(number * len(both) + direction))
            begin = [g.op("Gather", states, row, axis=0) for states in (state, cell)]
            *ends, output = _steps(g, weights, value, data, begin, reverse=bool(direction))
            outputs.append(output)
            for states, end in zip(last, ends):
                states.append(g.op("Unsqueeze", end, g.ints((0,))))
        value = outputs[0] if len(outputs) == 1 else g.op("Concat", *outputs, axis=2)
    return [value, *(_all_states(g, states) for states in last)]


def _steps(
    g: OnnxBuilder, weights: Mapping[str, Array], x: Any, like: Any, begin: Any, reverse: bool
) -> List[Any]:
    """(T, N, C) -> the last hidden state (N, P), the last cell (N, H), all outputs (T, N, P)."""

    def stored(name: str) -> Any:
        return g.constant(weights[name].T, like=like)

    given = g.op("Add", g.op("MatMul", x, stored("weight_ih")), stored("bias_ih"))
    given = g.op("Add", given, stored("bias_hh"))
    inner, outer = stored("weight_hh"), stored("weight_hr")
    time, batch = (g.op("Gather", g.op("Shape", x), g.ints((a,))) for a in (0, 1))
    shape = g.op("Concat", time, batch, g.ints((len(weights["weight_hr"]),)), axis=0)
    trips = g.op("Squeeze", time, g.ints((0,)))
    end = g.op("Sub", trips, g.constant(np.array(1)))

    def step(i: Any, hidden: Any, cell: Any, outputs: Any) -> List[Any]:
        now = g.op("Sub", end, i) if reverse else i
        row = g.op("Gather", given, now, axis=0)
        gates = g.op("Add", row, g.op("MatMul", hidden, inner))
        into, forget, new, out = g.ops("Split", gates, outputs=4, axis=1, **_parts(g))
        into, forget, out = (g.op("Sigmoid", gate) for gate in (into, forget, out))
        kept = g.op("Mul", forget, cell)
        cell = g.op("Add", kept, g.op("Mul", into, g.op("Tanh", new)))
        hidden = g.op("MatMul", g.op("Mul", out, g.op("Tanh", cell)), outer)
        place = g.op("Reshape", now, g.ints((1, 1)))
        row = g.op("Unsqueeze", hidden, g.ints((0,)))
        return [hidden, cell, g.op("ScatterND", outputs, place, row)]

    empty = g.op("Expand", g.scalar(0, like=like), shape)
    return g.loop(step, *begin, empty, trips=trips)


def _parts(g: OnnxBuilder) -> Dict[str, int]:
    """Since opset 18, Split is told in how many equal parts."""
    return {"num_outputs": 4} if g.opset >= 18 else {}
