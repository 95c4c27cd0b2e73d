"""Functions for recurrent layers and sequences of several lengths that torch does not provide."""

import torch


def flat_states(result):
    """(output, (hidden, cell)) -> output, hidden, cell."""
    output, (hidden, cell) = result
    return output, hidden, cell


def packed_layers(x, packed, states, mode, size, layers, directions, p, training):
    """Recurrent layers whose weights lie in one vector: all matrices, then all biases."""
    run = {"lstm": torch.lstm, "gru": torch.gru}.get(mode)
    run = run or {"rnn_tanh": torch.rnn_tanh, "rnn_relu": torch.rnn_relu}[mode]
    rows = {"lstm": 4, "gru": 3}.get(mode, 1) * size
    output = states[0].shape[2] if mode == "lstm" else size
    shapes = []
    for layer in range(layers):
        columns = directions * output if layer else x.shape[2]
        parts = [(rows, columns), (rows, output), *([(output, size)] if output != size else [])]
        shapes += [parts] * directions
    sizes = [torch.Size(shape).numel() for parts in shapes for shape in parts]
    parts = iter(packed.split([*sizes, *[rows] * (2 * len(shapes))]))
    matrices = [[next(parts).reshape(shape) for shape in row] for row in shapes]
    weights = []
    for inner, hidden, *projection in matrices:
        weights += [inner, hidden, next(parts), next(parts), *projection]
    return run(x, states, weights, True, layers, p, training, directions == 2, False)


def reverse_sequences(data, lengths):
    """(time, batch, *), whole numbers (batch,) -> each sequence backwards within its length."""
    step = torch.arange(len(data), device=data.device)[:, None]
    source = torch.where(step < lengths, lengths - 1 - step, step)
    return data[source, torch.arange(data.shape[1], device=data.device)]
