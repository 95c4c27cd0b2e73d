"""How a layer is computed in float64: as another operator of MXNet's, with other types, or by its
definition, where MXNet has it in float32 only. A part of the worker.
"""

from functools import lru_cache

from .mxnet_attributes import DEFINITIONS, numbers, single
from .mxnet_definitions import defined
from .tiling import tiles


def _softmax_activation(attrs):
    return "softmax", {"axis": "1" if attrs.get("mode", "instance") == "channel" else "-1"}


def _batch_norm(attrs):
    """The epsilon of the old forms is a C float."""
    kept = {k: v for k, v in attrs.items() if k in ("fix_gamma", "output_mean_var")}
    return "BatchNorm", dict(kept, eps=repr(single(attrs, "eps", 1e-3)))


def _pooling_v1(attrs):
    """Its mean multiplies by 1 / (height * width), made in float32."""
    return "Pooling" if attrs.get("global_pool") == "True" else "Pooling_v1", attrs


#: MXNet's operators without a float64 form -> MXNet's operator that computes the same.
FLOAT64_FORMS = {
    "BatchNorm_v1": _batch_norm,
    "Pooling_v1": _pooling_v1,
    "SoftmaxActivation": _softmax_activation,
    "_contrib_SyncBatchNorm": _batch_norm,
    "amp_cast": lambda attrs: ("_copy", {}),
    "amp_multicast": lambda attrs: ("_np_atleast_1d", {"num_args": attrs["num_outputs"]}),
}

FLOATS = ("float16", "float32", "float64")


@lru_cache(maxsize=None)
def float32_by_default(op):
    """Does the operator make float32 numbers where no dtype is stated?"""
    import mxnet as mx

    arguments = mx.operator.get_operator_arguments(op)
    described = dict(zip(arguments.names, arguments.types)).get("dtype", "")
    drawn = op.startswith(("_random_", "_sample_")) and op != "_random_randint"
    return described.endswith(("='float32'", "='None'") if drawn else "='float32'")


def form(node, dtype):
    """The node as it computes in `dtype`: the element types that it names are that wide, and an
    operator that MXNet has in float32 only is another in float64."""
    attrs = node.get("attrs", {})
    for key in ("dtype", "out_dtype"):
        stated = attrs.get(key, "None")
        if (key, stated) == ("dtype", "None") and node["op"] != "null":
            stated = "float32" if float32_by_default(node["op"]) else stated
        if stated in FLOATS[: FLOATS.index(dtype)]:
            attrs = dict(attrs, **{key: dtype})
            node = dict(node, attrs=attrs)
    if dtype == "float64" and node["op"] in FLOAT64_FORMS:
        op, attrs = FLOAT64_FORMS[node["op"]](node.get("attrs", {}))
        node = dict(node, op=op, attrs=attrs)
    definition = DEFINITIONS.get(node["op"])
    needed = definition is not None and definition.when(node.get("attrs", {}), dtype)
    return defined(node) if needed else node


def open_size(node):
    """Does MXNet find the node's shape where it is read?"""
    attrs = node.get("attrs", {})
    if node["op"] == "null" or node["inputs"]:
        return False
    if attrs.get("infer_range") in ("True", "1") and attrs.get("stop", "None") == "None":
        return True
    return 0 in numbers(attrs.get("shape", "()"))


def stated(node, shape):
    """The node, of this shape."""
    attrs = dict(node["attrs"])
    if "infer_range" in attrs:
        count = shape[0] // int(attrs.get("repeat", 1))
        end = float(attrs["start"]) + (count - 0.5) * float(attrs.get("step", 1))
        attrs.update(stop=repr(end), infer_range="False")
    else:
        attrs["shape"] = str(tuple(shape))
    return dict(node, attrs=attrs)


def convolved(nd, attrs, data, weights):
    """A convolution that takes too much memory as a whole (see tiling.py); None if not."""
    kernel = numbers(attrs["kernel"])
    stride, dilate, pad = (
        numbers(attrs.get(key, "()")) or [default] * len(kernel)
        for key, default in (("stride", 1), ("dilate", 1), ("pad", 0))
    )
    parts = tiles(data.shape, [2 * p for p in pad], kernel, stride, dilate)
    if not parts or len(kernel) < 2:  # MXNet pads no axis of a sequence
        return None
    widths = [0, 0, 0, 0, pad[0], pad[0], *[0, 0] * (len(kernel) - 1)]
    padded = nd.pad(data, mode="constant", constant_value=0, pad_width=widths)
    options = dict(kernel=kernel, stride=stride, dilate=dilate, pad=[0, *pad[1:]])
    options.update(num_filter=int(attrs["num_filter"]), no_bias=len(weights) == 1)
    options.update(num_group=int(attrs.get("num_group", 1)))
    results = []
    for begin, end in parts:
        tile = nd.slice_axis(padded, axis=2, begin=begin, end=end)
        results.append(nd.Convolution(tile, *weights, **options))
        results[-1].wait_to_read()  # or all their matrices are made at once
    return nd.concat(*results, dim=2)
