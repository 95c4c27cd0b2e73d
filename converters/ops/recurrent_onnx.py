"""Recurrent layers in ONNX: one node a layer."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from .recurrent_weights import Array, Packing
from .registry import OnnxBuilder
from .splitting import onnx_split

#: Mode -> ONNX's operator, and where MXNet has each of ONNX's gates.
KINDS = {
    "rnn_relu": ("RNN", (0,)),
    "rnn_tanh": ("RNN", (0,)),
    "lstm": ("LSTM", (0, 3, 1, 2)),  # input, output, forget, cell; in MXNet ifco
    "gru": ("GRU", (1, 0, 2)),  # update, reset, hidden; in MXNet ruh
}

#: Layer, direction, name -> numbers, or an ONNX value where the network is fed them.
Layers = Sequence[Sequence[Mapping[str, Any]]]

NAMES = (("weight_ih",), ("weight_hh",), ("bias_ih", "bias_hh"))


def onnx_unpacked(g: OnnxBuilder, packed: Any, places: Sequence[Any]) -> Layers:
    """The parts of a vector that the network is fed."""

    def part(at: int, shape: Tuple[int, ...]) -> Any:
        end = at + int(np.prod(shape))
        cut = g.op("Slice", packed, g.ints((at,)), g.ints((end,)), g.ints((0,)))
        return g.op("Reshape", cut, g.ints(shape))

    return [[{k: part(*place) for k, place in p.items()} for p in both] for both in places]


def onnx_layers(
    g: OnnxBuilder, packing: Packing, layers: Layers, data: Any, initial_states: Any, outputs: int
) -> List[Any]:
    """(T, N, C) -> (T, N, D H), and the last states of all layers, each (L D, N, H).

    Args:
        initial_states: those before the first step.
        outputs: how many of these results are wanted.
    """
    if packing.projection:
        return _projected(g, packing, layers, data, initial_states)
    kind, mode = KINDS[packing.mode][0], packing.mode
    states = [_by_layer(g, state, layers) for state in initial_states]
    last: List[List[Any]] = [[] for _ in states]
    value = data
    for number, directions in enumerate(layers):
        weights = [_stacked(g, mode, directions, names, data) for names in NAMES]
        given = [None, *(parts[number] for parts in states)]
        options = _options(packing)
        results = g.ops(kind, value, *weights, *given, outputs=1 + len(states), **options)
        value = _joined(g, results[0], len(directions))
        for ends, result in zip(last, results[1:]):
            ends.append(result)
    return [value, *(_all_states(g, ends) for ends in last[: outputs - 1])]


def _options(packing: Packing) -> Dict[str, Any]:
    options: Dict[str, Any] = {"hidden_size": packing.size}
    if packing.directions == 2:
        options["direction"] = "bidirectional"
    if packing.mode == "rnn_relu":
        options["activations"] = ["Relu"] * packing.directions
    if packing.mode == "gru":
        options["linear_before_reset"] = 1
    return options


def _stacked(g: OnnxBuilder, mode: str, directions: Any, names: Sequence[str], like: Any) -> Any:
    """(D, rows, columns) of weights or (D, 2 rows) of biases, gates in ONNX's order."""
    order = list(KINDS[mode][1])
    if isinstance(directions[0][names[0]], np.ndarray):
        rows = [np.concatenate([_ordered(w[n], order) for n in names]) for w in directions]
        return g.constant(np.stack(rows), like=like)
    values = []
    for weights in directions:
        value = _concatenated(g, [_onnx_ordered(g, weights[name], order) for name in names])
        values.append(g.op("Unsqueeze", value, g.ints((0,))))
    return _concatenated(g, values)


def _concatenated(g: OnnxBuilder, values: Sequence[Any], axis: int = 0) -> Any:
    return g.op("Concat", *values, axis=axis) if len(values) > 1 else values[0]


def _ordered(array: Array, order: Sequence[int]) -> Array:
    gates = array.reshape(len(order), -1, *array.shape[1:])
    return gates[list(order)].reshape(array.shape)


def _onnx_ordered(g: OnnxBuilder, value: Any, order: Sequence[int]) -> Any:
    if len(order) == 1:
        return value
    gates = onnx_split(g, value, len(order), 0)
    return g.op("Concat", *(gates[i] for i in order), axis=0)


def _by_layer(g: OnnxBuilder, state: Any, layers: Layers) -> List[Any]:
    """(L D, N, H) -> (D, N, H) for each layer."""
    if len(layers) == 1:
        return [state]
    sizes = g.ints((len(layers[0]),) * len(layers))
    return onnx_split(g, state, len(layers), 0, sizes)


def _joined(g: OnnxBuilder, output: Any, directions: int) -> Any:
    """(T, D, N, H) -> (T, N, D H)."""
    if directions == 1:
        return g.op("Squeeze", output, g.ints((1,)))
    return g.op("Reshape", g.op("Transpose", output, perm=(0, 2, 1, 3)), g.ints((0, 0, -1)))


def _all_states(g: OnnxBuilder, states: Sequence[Any]) -> Any:
    """A node behind the one that makes the output: layers are traced in the order of outputs."""
    return g.op("Concat", *states, axis=0) if len(states) > 1 else g.op("Identity", states[0])


def _projected(
    g: OnnxBuilder, packing: Packing, layers: Layers, data: Any, states: Any
) -> List[Any]:
    """LSTM whose state is a projection of its output, which ONNX's has not: a loop over time."""
    last: List[List[Any]] = [[], []]
    value = data
    for number, both in enumerate(layers):
        outputs = []
        for direction, weights in enumerate(both):
            row = g.constant(np.array(number * len(both) + direction))
            begin = [g.op("Gather", state, row, axis=0) for state in states]
            columns = {name: _transposed(g, weights[name], data) for name in weights}
            *ends, output = _steps(g, packing, columns, value, data, begin, direction)
            outputs.append(output)
            for rows, end in zip(last, ends):
                rows.append(g.op("Unsqueeze", end, g.ints((0,))))
        value = _concatenated(g, outputs, 2)
    return [value, *(_all_states(g, rows) for rows in last)]


def _transposed(g: OnnxBuilder, weight: Any, like: Any) -> Any:
    """A matrix with rows and columns exchanged; a vector as it is."""
    if isinstance(weight, np.ndarray):
        return g.constant(weight.T, like=like)
    return g.op("Transpose", weight)


def _steps(
    g: OnnxBuilder, packing: Packing, weights: Any, x: Any, like: Any, begin: Any, direction: int
) -> List[Any]:
    """(T, N, C) -> the last hidden state (N, P), the last cell (N, H), all outputs (T, N, P)."""
    given = g.op("Add", g.op("MatMul", x, weights["weight_ih"]), weights["bias_ih"])
    given = g.op("Add", given, weights["bias_hh"])
    time, batch = (g.op("Gather", g.op("Shape", x), g.ints((a,))) for a in (0, 1))
    shape = g.op("Concat", time, batch, g.ints((packing.output,)), axis=0)
    trips = g.op("Squeeze", time, g.ints((0,)))
    end = g.op("Sub", trips, g.constant(np.array(1)))

    def step(i: Any, hidden: Any, cell: Any, outputs: Any) -> List[Any]:
        now = g.op("Sub", end, i) if direction else i
        row = g.op("Gather", given, now, axis=0)
        gates = g.op("Add", row, g.op("MatMul", hidden, weights["weight_hh"]))
        admit, forget, new, out = onnx_split(g, gates, 4, 1)
        admit, forget, out = (g.op("Sigmoid", gate) for gate in (admit, forget, out))
        kept = g.op("Mul", forget, cell)
        cell = g.op("Add", kept, g.op("Mul", admit, g.op("Tanh", new)))
        result = g.op("Mul", out, g.op("Tanh", cell))
        hidden = g.op("MatMul", result, weights["weight_hr"])
        place = g.op("Reshape", now, g.ints((1, 1)))
        row = g.op("Unsqueeze", hidden, g.ints((0,)))
        return [hidden, cell, g.op("ScatterND", outputs, place, row)]

    empty = g.op("Expand", g.scalar(0, like=like), shape)
    return g.loop(step, *begin, empty, trips=trips)
