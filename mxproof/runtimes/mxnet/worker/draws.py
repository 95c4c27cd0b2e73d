"""Many draws of one random layer: what a converted layer's draws are judged by. A part of the
worker."""

import numpy as np

DRAWS = 15  # of MXNet's, for each one of a candidate
NUMBERS = 4096  # a layer is drawn as often as it takes for so many,
RUNS = 8, 128  # but at least and at most so many times


def places(size):
    """Which of so many numbers are looked at: all, or NUMBERS of them."""
    return np.linspace(0, size - 1, min(size, NUMBERS)).astype(int)


def sampled(op, array):
    """The numbers that are drawn independently of each other: of a shuffle, each row's first."""
    array = np.asarray(array)
    numbers = array.reshape(len(array), -1)[:, 0] if op == "_shuffle" else array.reshape(-1)
    return numbers[places(numbers.size)]


def drawn(op, executor):
    """By output: (draws, numbers), from running the layer again and again."""
    rows, runs = [], 1
    while len(rows) < DRAWS * runs:
        outputs = executor.forward(is_train=False)
        rows.append([sampled(op, output.asnumpy()) for output in outputs])
        needed = -(-NUMBERS // max(rows[0][0].size, 1))
        runs = min(max(needed, RUNS[0]), RUNS[1])
    return [np.stack(column) for column in zip(*rows)]
