"""Bounds on how far rounding alone may move a layer's results in float32.

A result is as precise as float32 allows if it is what exact arithmetic gives for numbers that are a
few roundings off. A sum of n products, in any order of additions, is that of factors (and of a
result) moved by about sqrt(n) roundings; what is no sum, by one. So all that a layer reads, and its
result, is moved by so much at random, and MXNet computes the layer in float64. That covers what
only some of the ways to compute a layer do: x * a + (b - m * a) in place of (x - m) * a + b is off
by what a rounding of x, a, b or m makes.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 1.5 (backward error) and
3.1 (inner products); Higham and Mary, A New Approach to Probabilistic Rounding Error Analysis,
SIAM J. Sci. Comput. 41, 2019 (sqrt(n) in place of n); Parker, Monte Carlo Arithmetic, UCLA report
CSD-970002, 1997 (rounding by random draws).
"""

import numpy as np

from .attributes import numbers, true

ROUNDING = 2.0**-24  # half of a float32 ulp of 1

#: Operators whose first stored input holds filters, which all read the same numbers -> the
#: attribute that counts them.
FILTERS = dict(Convolution="num_filter", Deconvolution="num_filter", FullyConnected="num_hidden")
#: Convolutions that read more before it -> the number of the input that holds the filters.
DEFORMABLE = {"_contrib_DeformableConvolution": 2, "_contrib_ModulatedDeformableConvolution": 3}
#: Products of two matrices; all but the first are of stacks of them.
PRODUCTS = ("dot", "batch_dot", "_linalg_gemm", "_linalg_gemm2", "_linalg_trmm", "_linalg_syrk")
#: exp(x - max) / sum(exp(x - max)): what is read is not summed up, its exponentials are.
SOFTMAXES = ("softmax", "softmin", "log_softmax", "SoftmaxOutput", "SoftmaxActivation")
#: Operators whose result is smaller because it is a part of what they read.
PARTS = (
    *("slice", "slice_axis", "slice_like", "SliceChannel", "Crop", "diag", "where", "sort", "topk"),
    *("take", "batch_take", "pick", "Embedding", "gather_nd", "choose_element_0index", "max"),
    *("max_axis", "min", "min_axis", "ROIPooling", "SequenceLast", "_contrib_boolean_mask"),
)
#: (x - mean) * scale + shift and x * scale + (shift - mean * scale) are equally right, and near a
#: large mean the second is off by a rounding of x: in float64, too.
BATCH_NORMS = (
    *("BatchNorm", "BatchNorm_v1", "CuDNNBatchNorm", "_contrib_SyncBatchNorm"),
    "_contrib_BatchNormWithReLU",
)
#: Functions, by operator or act_type, that are often computed by way of numbers around 1, and have
#: these numbers' rounding however small they are: (1 + tanh(x / 2)) / 2, log(1 + exp(x)).
AROUND_ONE = ("sigmoid", "softrelu", "LogisticRegressionOutput", "_npx_sigmoid")


def summed(node, shapes, result):
    """How many numbers are summed up for each one of the result, at most about: by how many
    roundings, squared, are what the layer reads and its result off?

    Args:
        shapes: of what it reads.
        result: the shape of its (first) result.
    """
    op, attrs = node["op"], node.get("attrs", {})
    if op in PARTS or not shapes:
        return 1, 1
    if op in SOFTMAXES:
        return 1, softmax_length(op, attrs, shapes[0])
    count = max(1, int(np.ceil(length(op, attrs, shapes, max(int(np.prod(result)), 1)))))
    return count, count


def length(op, attrs, shapes, made):
    """Numbers in a sum: products of weights or of matrices, a window, what is normalised over; or
    else the numbers of which one is made."""
    first, sizes = shapes[0], [int(np.prod(shape)) for shape in shapes]
    if op == "Deconvolution":  # at each place of the input all weights of its channel
        return sizes[0] / first[1] * sizes[1] / made
    if op in FILTERS or op in DEFORMABLE:
        return sizes[DEFORMABLE.get(op, 1)] / int(attrs[FILTERS.get(op, "num_filter")])
    if op in PRODUCTS:  # m k times k n is m n
        stack = 1 if op == "dot" else int(np.prod(first[:-2]))
        return np.sqrt(sizes[0] * (sizes + sizes)[1] / (made * stack))
    if op.startswith("_linalg_"):
        return first[-1]
    if op == "RNN":
        both = 2 if true(attrs, "bidirectional") else 1
        return max(first[-1], both * int(attrs["state_size"])) + int(attrs["state_size"])
    if "heads" in attrs:  # attention over time, or over what a head has
        return max(first[0], first[-1] // int(attrs["heads"]))
    if op == "Pooling" and not true(attrs, "global_pool"):
        return 1 if attrs.get("pool_type", "max") == "max" else np.prod(numbers(attrs["kernel"]))
    if op == "Pooling" and attrs.get("pool_type", "max") == "max":
        return 1
    if op in ("add_n", "ElementWiseSum"):
        return len(shapes)
    return max(normalised(op, attrs, first), *(size / made for size in sizes))


def normalised(op, attrs, shape):
    """How many numbers a mean, a norm or a running sum is of; 1 for other operators."""
    if op == "LayerNorm" or (op == "_np_cumsum" and attrs.get("axis", "None") != "None"):
        return shape[int(attrs.get("axis", -1))]
    counts = {
        "InstanceNorm": shape[2:],
        "GroupNorm": shape[1:],
        "L2Normalization": shape[1:],
        "LRN": (int(attrs.get("nsize", 1)),),
        "_np_cumsum": shape,
    }
    return int(np.prod(counts.get(op, ())))


def softmax_length(op, attrs, shape):
    """How many numbers a softmax is over."""
    if op in ("SoftmaxOutput", "SoftmaxActivation"):
        channels = true(attrs, "multi_output") or attrs.get("mode") == "channel"
        return int(np.prod(shape[1:2] if channels else shape[1:]))
    return shape[int(attrs.get("axis", -1))]


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


def largest(errors):
    """The largest magnitude, of those that are finite."""
    off = np.abs(errors)
    return off.max(initial=0, where=np.isfinite(off))
