"""How far rounding alone may move a layer's results in float32. A part of the worker.

A result is as precise as float32 allows if it is what exact arithmetic gives for numbers that are a
few roundings off. A sum of n products, in any order of additions, is that of factors (and of a
result) moved by about sqrt(n) roundings; what is no sum, by one. So all that a layer reads, and its
result, is moved by so much at random, and MXNet computes the layer in float64. That covers what
only some of the ways to compute a layer do: x * a + (b - m * a) in place of (x - m) * a + b is off
by what a rounding of x, a, b or m makes.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 1.5 (backward error) and
3.1 (inner products); Higham and Mary, A New Approach to Probabilistic Rounding Error Analysis,
SIAM J. Sci. Comput. 41, 2019 (sqrt(n) in place of n).
"""

import numpy as np

ROUNDING = 2.0**-24  # half of a float32 ulp of 1

#: Operators whose sums are as long as a filter -> the attribute that counts filters.
FILTERS = dict(Convolution="num_filter", Deconvolution="num_filter", FullyConnected="num_hidden")
#: Operators whose sums are at most as long as their first input's longest axis.
PRODUCTS = ("dot", "batch_dot", "_linalg_gemm", "_linalg_gemm2", "_linalg_trmm", "_linalg_syrk")

#: Functions, by operator or act_type, that are often computed by way of numbers around 1, and have
#: these numbers' rounding however small they are: (1 + tanh(x / 2)) / 2, log(1 + exp(x)).
AROUND_ONE = ("sigmoid", "softrelu", "LogisticRegressionOutput", "_npx_sigmoid")


def summed(node, sizes, shape, result):
    """How many numbers each one of the result is a sum of, at most about.

    Args:
        sizes: how many numbers each input has.
        shape: of the first input.
        result: how many numbers the result has.
    """
    op = node["op"]
    if op in FILTERS:
        return sizes[1] // int(node["attrs"][FILTERS[op]])
    if op == "RNN":
        return shape[-1] + int(node["attrs"]["state_size"])
    if op in PRODUCTS:
        return max(shape)
    return max([1] + [size // max(result, 1) for size in sizes])


def least_of(node):
    """The least magnitude at which the results of this node are rounded; 0 for their own."""
    kind = node.get("attrs", {}).get("act_type", node["op"])
    return 1.0 if kind in AROUND_ONE else 0.0


def moved(array, count, random, least=0.0):
    """Each number off by sqrt(count) roundings, RMS; whole numbers are exact and may be indices.

    Args:
        least: all are rounded at this magnitude, or at their own where that is larger.
    """
    steps = np.sqrt(3.0 * count) * ROUNDING * random.uniform(-1, 1, array.shape)
    exact = array == np.floor(array) if not least else False
    return array + np.where(exact, 0.0, steps * np.maximum(np.abs(array), least))


def squares(errors):
    """The sum of squares of each channel, (C,), on average over the first axis.

    A number that was moved out of a function's domain (the logarithm's, say) counts as not moved.
    """
    errors = np.where(np.isfinite(errors), errors, 0.0)
    n, c = errors.shape[1:3] if errors.ndim > 2 else (1, 1)
    channels = errors.reshape(len(errors), n, c, -1)
    return np.einsum("dncs,dncs->c", channels, channels) / len(errors)
