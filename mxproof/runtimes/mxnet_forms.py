"""How a layer is computed in float64: as another operator of MXNet's, with other types, or by its
definition, where MXNet has it in float32 only. A part of the worker.
"""

if __package__:
    from .mxnet_attributes import numbers, single
    from .mxnet_definitions import defined
else:
    from mxnet_attributes import numbers, single
    from mxnet_definitions import defined


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


def _in_float64(attrs, dtype):
    return dtype == "float64"


def _always(attrs, dtype):
    return True


def _relu_in_float64(attrs, dtype):
    return dtype == "float64" and attrs["mode"] == "rnn_relu"


def _deconvolution_is_wrong(attrs, dtype):
    """oneDNN knows no target_shape; the float64 kernel no video, nor stride and dilation."""
    if any(numbers(attrs.get("target_shape", "()"))):
        return True
    dilated = set(numbers(attrs.get("dilate", "()"))) - {1}
    return dtype == "float64" and bool(dilated or len(numbers(attrs["kernel"])) == 3)


def _leaky_relu_is_single(attrs, dtype):
    """All but elu and selu round to float32; inference leaves the mask of rrelu unset."""
    kind = attrs.get("act_type", "leaky")
    return kind == "rrelu" or (dtype == "float64" and kind in ("leaky", "prelu", "gelu"))


#: MXNet's operators that are defined in mxnet_definitions.py instead -> when.
DEFINED = {
    "Crop": _in_float64,
    "Deconvolution": _deconvolution_is_wrong,
    "IdentityAttachKLSparseReg": _in_float64,
    "LeakyReLU": _leaky_relu_is_single,
    "InstanceNorm": _in_float64,
    "LRN": _in_float64,
    "_contrib_BatchNormWithReLU": _in_float64,
    "RNN": _relu_in_float64,
    "_contrib_interleaved_matmul_encdec_qk": _in_float64,
    "_contrib_interleaved_matmul_encdec_valatt": _in_float64,
    "_contrib_interleaved_matmul_selfatt_qk": _in_float64,
    "_contrib_interleaved_matmul_selfatt_valatt": _in_float64,
    "GridGenerator": _in_float64,
    "SpatialTransformer": _in_float64,
    "_contrib_MultiBoxDetection": _in_float64,
    "_contrib_MultiBoxPrior": _in_float64,
    "_contrib_MultiProposal": _in_float64,
    "_contrib_Proposal": _in_float64,
    "_contrib_ROIAlign": _always,  # it leaves the regions of an image below 0 unset
    "_image_to_tensor": _in_float64,
    "_contrib_BilinearResize2D": _in_float64,  # it rounds places to float32 in float64, too
}


FLOATS = ("float16", "float32", "float64")

DISTRIBUTIONS = (
    "exponential",
    "gamma",
    "generalized_negative_binomial",
    "negative_binomial",
    "normal",
    "poisson",
    "uniform",
)

#: Operators that make float32 numbers where no dtype is stated.
FLOAT32_BY_DEFAULT = {
    "Embedding",
    "_arange",
    "_eye",
    "_full",
    "_linspace",
    "_ones",
    *("_random_" + name for name in DISTRIBUTIONS),
    *("_sample_" + name for name in DISTRIBUTIONS),
    "_zeros",
    "argsort",
    "one_hot",
    "topk",
}


def form(node, dtype):
    """The node as it computes in `dtype`: the element types that it names are that wide, and an
    operator that MXNet has in float32 only is another in float64."""
    attrs = node.get("attrs", {})
    default = {"dtype": "float32"} if node["op"] in FLOAT32_BY_DEFAULT else {}
    for key in ("dtype", "out_dtype"):
        stated = attrs.get(key, "None")
        stated = default.get(key) if stated == "None" else stated
        if stated in FLOATS[: FLOATS.index(dtype)]:
            attrs = dict(attrs, **{key: dtype})
            node = dict(node, attrs=attrs)
    if dtype == "float64" and node["op"] in FLOAT64_FORMS:
        op, attrs = FLOAT64_FORMS[node["op"]](node.get("attrs", {}))
        node = dict(node, op=op, attrs=attrs)
    if node["op"] in DEFINED and DEFINED[node["op"]](node.get("attrs", {}), dtype):
        return defined(node)
    return node


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
