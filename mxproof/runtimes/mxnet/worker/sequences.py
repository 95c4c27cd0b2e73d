"""Definitions for sequences; see definitions.py, which says what they are for."""

import numpy as np

from .attributes import defines, true

INTERLEAVED = "_contrib_interleaved_matmul_"


def is_relu(attrs, dtype):
    return dtype == "float64" and attrs["mode"] == "rnn_relu"


@defines("RNN", outputs=2, when=is_relu)
def rnn_relu(attrs, x, parameters, state):
    """Layers in one or two directions: h' = max(W x + b + R h + c, 0).

    MXNet's float64 kernel rounds what it cuts at 0 to float32.
    """
    size, layers = int(attrs["state_size"]), int(attrs["num_layers"])
    directions = 2 if true(attrs, "bidirectional") else 1
    weights = []
    at = 0
    for layer in range(layers):
        columns = directions * size if layer else x.shape[2]
        for _ in range(directions):
            for width in (columns, size):
                weights.append(parameters[at : at + size * width].reshape(size, width))
                at += size * width
    biases = parameters[at:].reshape(-1, 2, size).sum(axis=1)
    last = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            number = layer * directions + direction
            given = x.dot(weights[2 * number].T) + biases[number]
            hidden, column = state[number], []
            for row in given[::-1] if direction else given:
                hidden = np.maximum(row + hidden.dot(weights[2 * number + 1].T), 0)
                column.append(hidden)
            outputs.append(np.stack(column[::-1] if direction else column))
            last.append(hidden)
        x = np.concatenate(outputs, axis=2)
    return [x, np.stack(last)]


def _part(attrs, x, parts, part):
    """(T, N, heads * parts * D) -> (N * heads, T, D)."""
    time, batch, features = x.shape
    heads = int(attrs["heads"])
    split = x.reshape(time, batch * heads, parts, features // (heads * parts))
    return split[:, :, part].transpose(1, 0, 2)


def _scores(queries, keys):
    return [np.matmul(queries, keys.transpose(0, 2, 1)) / np.sqrt(queries.shape[2])]


def _joined(attrs, attention, values):
    out = np.matmul(attention, values).transpose(1, 0, 2)
    return [out.reshape(len(out), -1, int(attrs["heads"]) * values.shape[2])]


@defines(INTERLEAVED + "selfatt_qk")
def self_scores(attrs, x):
    return _scores(_part(attrs, x, 3, 0), _part(attrs, x, 3, 1))


@defines(INTERLEAVED + "selfatt_valatt")
def self_values(attrs, x, attention):
    return _joined(attrs, attention, _part(attrs, x, 3, 2))


@defines(INTERLEAVED + "encdec_qk")
def cross_scores(attrs, queries, x):
    return _scores(_part(attrs, queries, 1, 0), _part(attrs, x, 2, 0))


@defines(INTERLEAVED + "encdec_valatt")
def cross_values(attrs, x, attention):
    return _joined(attrs, attention, _part(attrs, x, 2, 1))
