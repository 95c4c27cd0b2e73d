"""Recurrent layers in ONNX, one node a layer, and where their weights lie in MXNet's vector."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import numpy.typing as npt

from ..registry import OnnxBuilder
from ..splitting import onnx_split

Array = npt.NDArray[Any]
#: Name -> numbers, for each direction of each layer.
Layers = List[List[Dict[str, Array]]]

#: Mode -> ONNX's operator, and where MXNet has each of ONNX's gates.
KINDS = {
    "rnn_relu": ("RNN", (0,)),
    "rnn_tanh": ("RNN", (0,)),
    "lstm": ("LSTM", (0, 3, 1, 2)),  # input, output, forget, cell; in MXNet ifco
    "gru": ("GRU", (1, 0, 2)),  # update, reset, hidden; in MXNet ruh
}

#: What each of ONNX's three inputs joins.
NAMES = (("weight_ih",), ("weight_hh",), ("bias_ih", "bias_hh"))


@dataclass(frozen=True)
class Packing:
    """For each layer and direction the weights of the input, of the state and of the projection;
    then likewise the two vectors of biases. Gates are in cuDNN's order, which is PyTorch's.

    Source: src/operator/rnn-inl.h, GetRnnParamSize; rnn_impl.h, LstmForwardInference.
    """

    mode: str
    size: int
    layers: int
    directions: int
    projection: Optional[int]

    @property
    def rows(self) -> int:
        """Of a matrix of weights: the size for each gate."""
        return len(KINDS[self.mode][1]) * self.size

    @property
    def output(self) -> int:
        """Numbers that one direction hands on."""
        return self.projection or self.size

    def _shapes(self, layer: int, features: int) -> Dict[str, Tuple[int, int]]:
        """Of one layer's weights in one direction, named as PyTorch names them."""
        columns = self.directions * self.output if layer else features
        shapes = {"weight_ih": (self.rows, columns), "weight_hh": (self.rows, self.output)}
        if self.projection:
            shapes["weight_hr"] = (self.projection, self.size)
        return shapes

    def length(self, features: int) -> int:
        """Of the whole vector."""
        layers = (self._shapes(layer, features).values() for layer in range(self.layers))
        weights = sum(rows * columns for shapes in layers for rows, columns in shapes)
        return self.directions * (weights + 2 * self.rows * self.layers)

    def features(self, length: int) -> int:
        """How many numbers a vector of this length takes at each step."""
        return (length - self.length(0)) // (self.rows * self.directions)

    def unpacked(self, packed: Array) -> Layers:
        """The vector's parts."""
        rest = packed

        def take(*shape: int) -> Array:
            nonlocal rest
            part, rest = rest[: prod(shape)], rest[prod(shape) :]
            return part.reshape(shape)

        shapes = (self._shapes(layer, self.features(len(packed))) for layer in range(self.layers))
        found = [
            [{name: take(*shape) for name, shape in each.items()} for _ in range(self.directions)]
            for each in shapes
        ]
        for weights in chain(*found):
            weights.update(bias_ih=take(self.rows), bias_hh=take(self.rows))
        return found

    def in_onnx_order(self, directions: List[Dict[str, Array]], *names: str) -> Array:
        """(D, rows, columns) of weights or (D, 2 rows) of biases."""
        order = list(KINDS[self.mode][1])

        def gates(array: Array) -> Array:
            return array.reshape(len(order), -1, *array.shape[1:])[order].reshape(array.shape)

        return np.stack([np.concatenate([gates(w[name]) for name in names]) for w in directions])


def onnx_layers(
    g: OnnxBuilder,
    packing: Packing,
    packed: Array,
    read: Callable[[Array], Any],
    data: Any,
    initial_states: Any,
    outputs: int,
) -> List[Any]:
    """(T, N, C) -> (T, N, D H), and the last states of all layers, each (L D, N, H).

    Args:
        packed: the vector of weights; its indices, where the network computes it.
        read: a part of `packed`, in any order -> the value in ONNX.
        initial_states: those before the first step.
        outputs: how many of these results are wanted.
    """
    layers = packing.unpacked(packed)
    if packing.projection:
        return _projected(g, packing, layers, read, data, initial_states)
    states = [_by_layer(g, state, layers) for state in initial_states]
    last: List[List[Any]] = [[] for _ in states]
    value = data
    for number, directions in enumerate(layers):
        weights = [read(packing.in_onnx_order(directions, *names)) for names in NAMES]
        given = [None, *(parts[number] for parts in states)]
        kind, options = KINDS[packing.mode][0], _options(packing)
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


def _all_states(g: OnnxBuilder, states: List[Any]) -> Any:
    """A node behind the one that makes the output: layers are traced in the order of outputs."""
    return g.op("Concat", *states, axis=0) if len(states) > 1 else g.op("Identity", states[0])


def _projected(
    g: OnnxBuilder,
    packing: Packing,
    layers: Layers,
    read: Callable[[Array], Any],
    data: Any,
    states: Any,
) -> List[Any]:
    """LSTM whose state is a projection of its output, which ONNX's has not: a loop over time."""
    last: List[List[Any]] = [[], []]
    value = data
    for number, both in enumerate(layers):
        outputs = []
        for direction, weights in enumerate(both):
            row = g.constant(np.array(number * len(both) + direction))
            begin = [g.op("Gather", state, row, axis=0) for state in states]
            columns = {name: read(array.T) for name, array in weights.items()}
            *ends, output = _steps(g, packing, columns, value, data, begin, direction)
            outputs.append(output)
            for rows, end in zip(last, ends):
                rows.append(g.op("Unsqueeze", end, g.ints((0,))))
        value = g.op("Concat", *outputs, axis=2) if len(outputs) > 1 else outputs[0]
    return [value, *(_all_states(g, rows) for rows in last)]


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
