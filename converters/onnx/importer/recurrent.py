"""Recurrent layers: one node of ONNX's is MXNet's RNN of one layer."""

from __future__ import annotations

from typing import List, Optional, Tuple

import numpy as np

from ...operators import Unsupported
from ...operators.emit.recurrent_onnx import KINDS
from .builder import SymbolBuilder
from .registry import onnx_operator
from .shaping import expanded
from .values import Array, Constant, Tensor, Value, is_stored

DIRECTIONS = {"forward": 1, "bidirectional": 2}


@onnx_operator("RNN", "LSTM", "GRU")
def recurrent(
    b: SymbolBuilder,
    data: Tensor,
    weights: Value,
    recurrences: Value,
    biases: Optional[Value] = None,
    lengths: Optional[Value] = None,
    hidden: Optional[Value] = None,
    cell: Optional[Value] = None,
    peepholes: Optional[Value] = None,
    *,
    hidden_size: int,
    direction: str,
    activations: Tuple[str, ...] = (),
    linear_before_reset: int = 0,
    op_type: str,
) -> List[Tensor]:
    """(T, N, C) -> (T, D, N, H), and the last states (D, N, H)."""
    mode = _mode(op_type, direction, activations)
    if lengths is not None or peepholes is not None:
        raise Unsupported("sequence_lens or P; supported: neither of them")
    if mode == "gru" and not linear_before_reset:
        raise Unsupported("linear_before_reset=0; supported in MXNet: 1")
    count = DIRECTIONS[direction]
    given = [data, _packed(b, mode, hidden_size, count, [weights, recurrences, biases])]
    for state in (hidden, cell)[: 2 if mode == "lstm" else 1]:
        given.append(_state(b, data, state, count, hidden_size))
    out, *states = b.several(
        "RNN",
        *given,
        state_size=hidden_size,
        num_layers=1,
        mode=mode,
        bidirectional=count == 2,
        state_outputs=True,
        p=0.0,
    )
    return [_by_direction(b, out, count, hidden_size), *states]


def _by_direction(b: SymbolBuilder, out: Tensor, directions: int, size: int) -> Tensor:
    """(T, N, D H) -> (T, D, N, H)."""
    if directions == 1:
        return b.node("expand_dims", out, axis=1)
    split = b.node("Reshape", out, shape=(0, 0, directions, size))
    return b.node("transpose", split, axes=(0, 2, 1, 3))


def _mode(op_type: str, direction: str, activations: Tuple[str, ...]) -> str:
    if direction not in DIRECTIONS:
        raise Unsupported(f"direction={direction}; supported: {', '.join(DIRECTIONS)}")
    names = set(activations)
    modes = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn_relu" if names == {"Relu"} else "rnn_tanh"}
    usual = {"LSTM": {"Sigmoid", "Tanh"}, "GRU": {"Sigmoid", "Tanh"}}
    if names not in (set(), usual.get(op_type, {"Relu"}), usual.get(op_type, {"Tanh"})):
        raise Unsupported(f"activations={sorted(names)}; supported: those of MXNet's RNN")
    return modes[op_type]


def _packed(
    b: SymbolBuilder, mode: str, size: int, directions: int, parts: List[Optional[Value]]
) -> Tensor:
    """One vector: the weights of each direction, then the biases; gates as MXNet has them."""
    if not all(part is None or is_stored(part) for part in parts):
        raise Unsupported("its weights are computed; supported: stored ones")
    arrays: List[Array] = [part.array for part in parts if is_stored(part)]
    gates = len(KINDS[mode][1])
    if len(arrays) < len(parts):
        arrays.append(np.zeros((directions, 2 * gates * size), arrays[0].dtype))
    back = np.argsort(KINDS[mode][1])

    pieces = [array[d] for d in range(directions) for array in arrays[:2]]
    pieces += [half for d in range(directions) for half in np.split(arrays[2][d], 2)]
    ordered = [piece.reshape(gates, size, -1)[back].ravel() for piece in pieces]
    return b.tensor(Constant(np.concatenate(ordered), f"{b.layer}/parameters"))


def _state(
    b: SymbolBuilder, data: Tensor, state: Optional[Value], directions: int, size: int
) -> Tensor:
    """Zeros where none is given: as many as the batch."""
    if state is not None:
        return b.tensor(state)
    zeros = Constant(np.zeros((directions, 1, size), data.dtype), f"{b.layer}/state")
    return expanded(b, b.tensor(zeros), [directions, b.size(data.shape[1]), size])
