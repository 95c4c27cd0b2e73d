"""ONNX's recurrent layers in NumPy: onnx's evaluator has them in one direction and in part.

Only what this project's files hold: no clipping, no peepholes, no lengths, ONNX's own order of
axes (layout 0).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
from onnx.reference.op_run import OpRun

from .base import Array

States = Tuple[Array, ...]
#: (projected input, states) -> the next states, of which the first is the output.
Step = Callable[[Array, States], States]

ACTIVATIONS: Dict[str, Callable[[Array], Array]] = {
    "Relu": lambda x: np.maximum(x, 0),
    "Tanh": np.tanh,
}


def sigmoid(x: Array) -> Array:
    """Without an overflow for large negative numbers."""
    result: Array = (np.tanh(x / 2) + 1) / 2
    return result


def run(
    x: Array,
    weights: Array,
    biases: Array,
    begin: Sequence[Optional[Array]],
    size: int,
    step: Callable[[int], Step],
) -> List[Array]:
    """(T, N, C) -> (T, D, N, H), and each state as it is in the end, (D, N, H).

    Args:
        step: direction -> its step.
    """
    shape = (len(weights), x.shape[1], size)
    given = [np.zeros(shape, x.dtype) if states is None else states for states in begin]
    outputs, last = [], []
    for direction, (weight, bias) in enumerate(zip(weights, biases)):
        projected = x @ weight.T + bias
        states: States = tuple(s[direction] for s in given)
        column = []
        for row in projected[::-1] if direction else projected:
            states = step(direction)(row, states)
            column.append(states[0])
        outputs.append(np.stack(column[::-1] if direction else column))
        last.append(states)
    return [np.stack(outputs, axis=1), *(np.stack(states) for states in zip(*last))]


class _Recurrent(OpRun):  # type: ignore[misc]
    gates = 1

    def _given(self, w: Array, b: Optional[Array], options: Any) -> Tuple[int, Array, Array]:
        """Size of the state, and the two biases (D, gates * size)."""
        supported = (
            options.get("direction", "forward") in ("forward", "bidirectional")
            and not options.get("layout")
            and not options.get("clip")
        )
        if not supported:
            raise NotImplementedError(f"{type(self).__name__} with {options}")
        rows = w.shape[1]
        both = np.zeros((len(w), 2 * rows), w.dtype) if b is None else b
        return rows // self.gates, both[:, :rows], both[:, rows:]


class RNN(_Recurrent):
    def _run(
        self, x: Array, w: Array, r: Array, b: Any = None, lens: Any = None, h: Any = None, **o: Any
    ) -> Any:
        size, input_bias, state_bias = self._given(w, b, o)
        names = o.get("activations") or ["Tanh"] * len(w)

        def step(direction: int) -> Step:
            activate = ACTIVATIONS[names[direction]]
            return lambda row, s: (activate(row + s[0] @ r[direction].T + state_bias[direction]),)

        return tuple(run(x, w, input_bias, [h], size, step))


class GRU(_Recurrent):
    gates = 3

    def _run(
        self, x: Array, w: Array, r: Array, b: Any = None, lens: Any = None, h: Any = None, **o: Any
    ) -> Any:
        size, input_bias, state_bias = self._given(w, b, o)
        if not o.get("linear_before_reset"):
            raise NotImplementedError("GRU with linear_before_reset=0")

        def step(direction: int) -> Step:
            def forward(row: Array, states: States) -> States:
                inner = states[0] @ r[direction].T + state_bias[direction]
                update, reset, hidden = np.split(row, 3, axis=-1)
                of_update, of_reset, of_hidden = np.split(inner, 3, axis=-1)
                z = sigmoid(update + of_update)
                new = np.tanh(hidden + sigmoid(reset + of_reset) * of_hidden)
                return ((1 - z) * new + z * states[0],)

            return forward

        return tuple(run(x, w, input_bias, [h], size, step))


class LSTM(_Recurrent):
    gates = 4

    def _run(
        self,
        x: Array,
        w: Array,
        r: Array,
        b: Any = None,
        lens: Any = None,
        h: Any = None,
        c: Any = None,
        **o: Any,
    ) -> Any:
        size, input_bias, state_bias = self._given(w, b, o)

        def step(direction: int) -> Step:
            def forward(row: Array, states: States) -> States:
                inner = row + states[0] @ r[direction].T + state_bias[direction]
                into, out, forget, cell = np.split(inner, 4, axis=-1)
                new = sigmoid(forget) * states[1] + sigmoid(into) * np.tanh(cell)
                return sigmoid(out) * np.tanh(new), new

            return forward

        return tuple(run(x, w, input_bias, [h, c], size, step))


NEW_OPS = [RNN, GRU, LSTM]
