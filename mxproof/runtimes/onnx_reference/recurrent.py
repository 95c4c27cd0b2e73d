"""ONNX's recurrent layers in NumPy: onnx's evaluator has them in one direction and in part.

Only what this project's files hold: no clipping, no peepholes, no lengths, ONNX's own order of
axes (layout 0).
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

import numpy as np
from onnx.reference.op_run import OpRun

from ..base import Array

States = Tuple[Array, ...]

#: Of RNN, by ONNX's names.
ACTIVATIONS: Dict[str, Any] = {"Relu": lambda x: np.maximum(x, 0), "Tanh": np.tanh}


def sigmoid(x: Array) -> Array:
    """Without an overflow for large negative numbers."""
    result: Array = (np.tanh(x / 2) + 1) / 2
    return result


class _Recurrent(OpRun):  # type: ignore[misc]
    """A layer in one direction or both: x (T, N, C), w (D, gates * H, C), r (D, gates * H, H),
    b (D, 2 * gates * H) -> (T, D, N, H), and each state at the end, (D, N, H)."""

    gates = 1

    def _run(self, x: Array, w: Array, r: Array, *more: Any, **options: Any) -> Any:
        b, _, h, c = list(more) + [None] * (4 - len(more))
        one_or_both = options.get("direction", "forward") in ("forward", "bidirectional")
        reset_after = self.gates != 3 or options.get("linear_before_reset")
        if not one_or_both or not reset_after or options.get("layout") or options.get("clip"):
            raise NotImplementedError(f"{type(self).__name__} with {options}")
        count, rows, size = len(w), w.shape[1], w.shape[1] // self.gates
        biases = np.zeros((count, 2 * rows), w.dtype) if b is None else b
        names = options.get("activations") or ["Tanh"] * count
        outputs, last = [], []
        for way in range(count):
            projected = x @ w[way].T + biases[way, :rows]
            zero = np.zeros((x.shape[1], size), x.dtype)
            states: States = tuple(zero if s is None else s[way] for s in (h, c))
            column = []
            for row in projected[::-1] if way else projected:
                inner = states[0] @ r[way].T + biases[way, rows:]
                states = self.step(row, inner, states, names[way])
                column.append(states[0])
            outputs.append(np.stack(column[::-1] if way else column))
            last.append(states)
        return (np.stack(outputs, axis=1), *(np.stack(states) for states in zip(*last)))

    def step(self, row: Array, inner: Array, states: States, activation: str) -> States:
        """The next states, of which the first is the output.

        Args:
            row, inner: the input and the first state, each times its weights plus its bias.
            activation: ONNX's name of RNN's.
        """
        raise NotImplementedError


class RNN(_Recurrent):
    def step(self, row: Array, inner: Array, states: States, activation: str) -> States:
        found: Array = ACTIVATIONS[activation](row + inner)
        return (found,)


class GRU(_Recurrent):
    gates = 3

    def step(self, row: Array, inner: Array, states: States, activation: str) -> States:
        update, reset, hidden = np.split(row, 3, axis=-1)
        of_update, of_reset, of_hidden = np.split(inner, 3, axis=-1)
        z = sigmoid(update + of_update)
        new = np.tanh(hidden + sigmoid(reset + of_reset) * of_hidden)
        return ((1 - z) * new + z * states[0],)


class LSTM(_Recurrent):
    gates = 4

    def step(self, row: Array, inner: Array, states: States, activation: str) -> States:
        into, out, forget, cell = np.split(row + inner, 4, axis=-1)
        new = sigmoid(forget) * states[1] + sigmoid(into) * np.tanh(cell)
        return sigmoid(out) * np.tanh(new), new
