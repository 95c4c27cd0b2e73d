"""How far the least rounding moves each layer of a network. A part of the worker.

A float32 result is as good as can be had if it is the exact result for numbers moved by a few
roundings. A sum of n products, in whatever order, is one for factors moved by about sqrt(n)
roundings each; an element that is not a sum, by one. So every number that a layer reads is moved
by that much, at random, a few times, and MXNet computes the layer in float64.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 1.5 (backward error), 3.1
(inner products); Higham and Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019
(sqrt(n) in place of n).
"""

import numpy as np

from .mxnet_attributes import numbers

ROUNDING = 2.0 ** -24
DRAWS = 4

#: Sums of as many products as a filter has numbers.
KERNELS = {"Convolution": "num_filter", "Deconvolution": "num_filter", "FullyConnected": "num_hidden"}
#: Sums along an axis of their first input.
CONTRACTIONS = ("dot", "batch_dot", "_linalg_gemm", "_linalg_gemm2", "_linalg_trmm", "_linalg_syrk")


def summed(node, shapes, result):
    """How many numbers make up one of the result, about: (input shapes, result's shape) -> n."""
    op, sizes = node["op"], [int(np.prod(shape)) for shape in shapes]
    if op in KERNELS:
        return sizes[1] // int(node["attrs"][KERNELS[op]])
    if op == "RNN":
        return shapes[0][-1] + int(node["attrs"]["state_size"])
    if op in CONTRACTIONS:
        return max(shapes[0])
    return max([1] + [size // max(1, int(np.prod(result))) for size in sizes])


def moved(array, count, random):
    """Each number by sqrt(count) roundings, RMS; whole numbers hold no rounding and stay."""
    step = np.sqrt(3 * count) * ROUNDING
    return array * (1 + step * random.uniform(-1, 1, array.shape) * (array != np.floor(array)))


def spread(exact, drawn):
    """What the results in `drawn` are off `exact`: (C,) mean squares summed by channel, and the
    largest."""
    off = np.stack(drawn) - exact
    by_channel = off.reshape((len(drawn),) + (exact.shape[:2] if exact.ndim > 1 else (1, 1)) + (-1,))
    squares = np.einsum("dncs,dncs->c", by_channel, by_channel) / len(drawn)
    return np.append(squares, np.abs(off).max(initial=0))
