"""Definitions in NumPy of what MXNet computes in float32 only, or rounds to float32 on the way.

A proof in float64 needs a truth in float64. Where no other MXNet operator computes the same, the
definition is written down here and runs inside MXNet as a custom operator. So that it is MXNet's
and not merely ours, tests/mxproof/test_definitions.py compares each with MXNet's float32 result.

The MXNet worker imports this, so it needs nothing but Python 3.6, NumPy and MXNet.
"""

import json
import math
from functools import lru_cache

import numpy as np

from . import sequences, vision  # noqa: F401 - they enter their definitions
from .attributes import DEFINITIONS, c_float, defines, geometry, mxnet, numbers, single, true

#: The C float of 1e-3.
EPS = repr(float(np.float32(1e-3)))


@defines("_contrib_BatchNormWithReLU", outputs=4)
def batch_norm_relu(attrs, x, gamma, beta, mean, var):
    """max((x - mean) / sqrt(var + eps) * gamma + beta, 0) along axis 1."""
    options = {"fix_gamma": attrs.get("fix_gamma", "True"), "eps": attrs.get("eps", EPS)}
    y = mxnet("BatchNorm", x, gamma, beta, mean, var, **options)
    return [np.maximum(y, 0), mean, var, np.zeros_like(x)]


@defines("InstanceNorm", outputs=3)
def instance_norm(attrs, x, gamma, beta):
    axes = tuple(range(2, x.ndim))
    by_channel = (-1,) + (1,) * len(axes)
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    y = (x - mean) / np.sqrt(var + single(attrs, "eps", 1e-3))
    y = y * gamma.reshape(by_channel) + beta.reshape(by_channel)
    return [y, mean.reshape(x.shape[:2]), var.reshape(x.shape[:2])]


@defines("LRN", outputs=2)
def lrn(attrs, x):
    size = int(attrs["nsize"])
    half = size // 2
    padded = np.pad(x * x, [(0, 0), (half, half), (0, 0), (0, 0)], "constant")
    total = sum(padded[:, i : i + x.shape[1]] for i in range(size))
    norm = total * single(attrs, "alpha", 1e-4) / size + single(attrs, "knorm", 2)
    return [x * norm ** -single(attrs, "beta", 0.75), norm]


def deconvolution_is_wrong(attrs, dtype):
    """oneDNN ignores target_shape; the float64 kernel has neither video nor stride and dilation."""
    if any(numbers(attrs.get("target_shape", "()"))):
        return True
    dilated = set(numbers(attrs.get("dilate", "()"))) - {1}
    return dtype == "float64" and bool(dilated or len(numbers(attrs["kernel"])) == 3)


@defines("Deconvolution", when=deconvolution_is_wrong)
def deconvolution(attrs, x, weight, bias=None):
    """Each number of x, times the kernel, is added to the window that it stands for."""
    kernel, stride, dilate, pad, adj = geometry(attrs, stride=1, dilate=1, pad=0, adj=0)
    axes = range(len(kernel))
    groups = int(attrs.get("num_group", 1))
    full = [stride[a] * (x.shape[a + 2] - 1) + (kernel[a] - 1) * dilate[a] + 1 for a in axes]
    target = numbers(attrs.get("target_shape", "()"))
    if any(target):
        total = [f - t for f, t in zip(full, target)]
        pad, adj = [(t + 1) // 2 for t in total], [t % 2 for t in total]
    n, c = x.shape[:2]
    filters = weight.shape[1]
    out = np.zeros([n, groups, filters] + [f + a for f, a in zip(full, adj)], x.dtype)
    grouped = x.reshape([n, groups, c // groups, *x.shape[2:]])
    kernels = weight.reshape([groups, c // groups, filters, *kernel])
    for position in np.ndindex(*kernel):
        term = np.einsum("ngc...,gcf->ngf...", grouped, kernels[(Ellipsis, *position)])
        at = [
            slice(p * dilate[a], p * dilate[a] + stride[a] * x.shape[a + 2], stride[a])
            for a, p in enumerate(position)
        ]
        out[(Ellipsis, *at)] += term
    cut = tuple(slice(pad[a], full[a] + adj[a] - pad[a]) for a in axes)
    y = out[(Ellipsis, *cut)]
    y = y.reshape([n, groups * filters, *y.shape[3:]])
    return [y if bias is None else y + bias.reshape([-1] + [1] * len(kernel))]


def resized(size, attrs, axis):
    """Height or width after BilinearResize2D; MXNet multiplies in float32."""
    name = ("height", "width")[axis]
    scale = attrs.get("scale_" + name, "None")
    scale = None if scale == "None" else np.float32(c_float(scale))
    mode = attrs.get("mode", "size")
    if mode == "size":
        return int(attrs.get(name, 1)) if scale is None else int(np.float32(size) * scale)
    if mode == "odd_scale":
        return int(np.float32(size - size % 2) * scale) + size % 2
    odd, up = mode.startswith("to_odd"), mode.endswith("up")
    return size if bool(size % 2) == odd else size + (1 if up else -1)


@defines("_contrib_BilinearResize2D")  # in float64, too, MXNet rounds places to float32
def bilinear_resize(attrs, x, like=None):
    """Along each axis, output i lies at i * scale, or (i + 0.5) * scale - 0.5 of the input."""
    sizes = [resized(x.shape[a + 2], attrs, a) for a in (0, 1)] if like is None else like.shape[2:]
    corners = true(attrs, "align_corners", "True")
    places = []
    for length, size in zip(x.shape[2:], sizes):
        index, last = np.arange(size), length - 1
        if corners or size == 1:
            place = index * last / max(size - 1, 1)
        else:
            place = np.clip((index + 0.5) * length / size - 0.5, 0, last)
        places.append(2 * place / max(last, 1) - 1)
    grid = np.stack(np.meshgrid(*places, indexing="ij")[::-1])
    return [mxnet("BilinearSampler", x, np.stack([grid] * len(x)))]


def cropped(attrs, x, like):
    """Which rows and columns Crop keeps: as many as h_w or the other input has, at the offset or
    in the middle."""
    sizes = like.shape[2:] if like is not None else numbers(attrs["h_w"])
    starts = numbers(attrs.get("offset", "(0, 0)"))
    if true(attrs, "center_crop"):
        starts = [(length - size) // 2 for length, size in zip(x.shape[2:], sizes)]
    kept = [slice(start, start + size) for start, size in zip(starts, sizes)]
    return (slice(None), slice(None), *kept)


def crop_gradient(attrs, g, x, *like):
    found = [np.zeros_like(array) for array in (x, *like)]
    found[0][cropped(attrs, x, *like or (None,))] = g
    return found


@defines("Crop", gradient=crop_gradient)
def crop(attrs, x, like=None):
    return [x[cropped(attrs, x, like)]]


@defines("IdentityAttachKLSparseReg")
def identity(attrs, x, moving_avg):
    return [x]


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


def leaky_relu_is_single(attrs, dtype):
    """All but elu and selu round to float32; inference leaves the mask of rrelu unset."""
    kind = attrs.get("act_type", "leaky")
    return kind == "rrelu" or (dtype == "float64" and kind in ("leaky", "prelu", "gelu"))


def leaky_relu_gradient(attrs, g, x, gamma=None):
    if attrs.get("act_type") == "gelu":
        below = np.reshape([math.erf(number / math.sqrt(2)) for number in x.ravel()], x.shape)
        density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        return [g * ((1 + below) / 2 + x * density)]
    factor = slope(attrs, x, gamma)
    own = np.where(x > 0, g, g * factor)
    if gamma is None:
        return [own]
    terms = np.where(x > 0, 0, g * x)
    axes = tuple(a for a, size in enumerate(factor.shape) if size == 1)
    return [own, terms.sum(axes).reshape(gamma.shape)]


@defines("LeakyReLU", outputs=2, when=leaky_relu_is_single, gradient=leaky_relu_gradient)
def leaky_relu(attrs, x, gamma=None):
    """Of the kinds that MXNet has in float32 only; rrelu's mask, which it leaves unset, is 0."""
    if attrs.get("act_type") == "gelu":
        erf = np.reshape([math.erf(number / math.sqrt(2)) for number in x.ravel()], x.shape)
        return [x / 2 * (1 + erf), np.zeros_like(x)]
    return [np.where(x > 0, x, x * slope(attrs, x, gamma)), np.zeros_like(x)]


def defined(node):
    """The node, computed by its definition."""
    attrs = {
        "op_type": "mxproof_definition",
        "name": node["op"],
        "attrs": json.dumps(node.get("attrs", {})),
        "inputs": str(len(node["inputs"])),
    }
    return dict(node, op="Custom", attrs=attrs)


def rising(shape):
    """Numbers from 0 to 1: each row of five is a region that is not empty."""
    return np.linspace(0, 1, int(np.prod(shape))).reshape(shape)


@lru_cache(maxsize=None)
def result_shapes(name, attrs, shapes):
    """Of the results; they are computed for it, which may take long."""
    results = DEFINITIONS[name].run(json.loads(attrs), *map(rising, shapes))
    return [result.shape for result in results]


def register(mx):
    """Tell MXNet of the definitions."""

    class Definition(mx.operator.CustomOp):
        def __init__(self, run, gradient):
            super().__init__()
            self.run, self.gradient = run, gradient

        def forward(self, is_train, req, in_data, out_data, aux):
            results = self.run(*[array.asnumpy() for array in in_data])
            for place, how, result in zip(out_data, req, results):
                self.assign(place, how, mx.nd.array(result, dtype=result.dtype))

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            found = self.gradient(out_grad[0].asnumpy(), *[array.asnumpy() for array in in_data])
            for place, how, result in zip(in_grad, req, found):
                self.assign(place, how, mx.nd.array(result, dtype=result.dtype))

    @mx.operator.register("mxproof_definition")
    class DefinitionProp(mx.operator.CustomOpProp):
        def __init__(self, name, attrs, inputs):
            super().__init__(need_top_grad=True)
            self.key = name, attrs
            self.definition, self.attrs = DEFINITIONS[name], json.loads(attrs)
            self.inputs = [f"input{i}" for i in range(int(inputs))]

        def run(self, *arrays):
            return self.definition.run(self.attrs, *arrays)

        def gradient(self, *arrays):
            return self.definition.gradient(self.attrs, *arrays)

        def list_arguments(self):
            return self.inputs

        def list_outputs(self):
            return self.definition.outputs

        def infer_shape(self, in_shape):
            return in_shape, result_shapes(*self.key, tuple(map(tuple, in_shape))), []

        def infer_type(self, in_type):
            real = in_type[0] if np.issubdtype(in_type[0], np.floating) else np.float64
            return in_type, [real] * len(self.definition.outputs), []

        def create_operator(self, ctx, shapes, dtypes):
            return Definition(self.run, self.gradient)
