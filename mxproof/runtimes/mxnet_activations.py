"""Definitions of activations; see mxnet_definitions.py, which says what they are for."""

import math

import numpy as np

if __package__:
    from .mxnet_attributes import c_float
else:
    from mxnet_attributes import c_float


def slope(attrs, x, gamma):
    """What numbers below 0 are multiplied by."""
    kind = attrs.get("act_type", "leaky")
    if kind == "leaky":
        return c_float(attrs.get("slope", "0.25"))
    if kind == "rrelu":
        bounds = attrs.get("lower_bound", "0.125"), attrs.get("upper_bound", "0.334")
        low, high = (np.float32(c_float(bound)) for bound in bounds)
        return float((low + high) / np.float32(2))
    left, sizes = list(gamma.shape), [1] * x.ndim
    for axis in (1, 0)[-min(x.ndim, 2) :]:
        if left and left[-1] in (1, x.shape[axis]):
            sizes[axis] = left.pop()
    return gamma.reshape(sizes)


def leaky_relu(attrs, x, gamma=None):
    """Of the kinds that MXNet has in float32 only; rrelu's mask, which it leaves unset, is 0."""
    if attrs.get("act_type") == "gelu":
        erf = np.reshape([math.erf(number / math.sqrt(2)) for number in x.ravel()], x.shape)
        return [x / 2 * (1 + erf), np.zeros_like(x)]
    return [np.where(x > 0, x, x * slope(attrs, x, gamma)), np.zeros_like(x)]


def first(attrs, x, *others):
    return [x]


#: As DEFINITIONS in mxnet_definitions.py.
ACTIVATIONS = {
    "IdentityAttachKLSparseReg": (first, ["data", "moving_avg"], ["output"]),
    "LeakyReLU": (leaky_relu, ["data", "gamma"], ["output", "mask"]),
}
