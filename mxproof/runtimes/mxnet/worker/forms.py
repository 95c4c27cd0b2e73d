"""Nodes of a symbol (JSON), rewritten for the worker.

A layer is computed in float64 as another operator of MXNet's, with other types, or by its
definition, where MXNet has it in float32 only. Parts of a symbol become symbols of their own.
"""

import json
import re
from functools import lru_cache

from .attributes import DEFINITIONS, geometry, single
from .definitions import defined
from .tiling import tiles


def _softmax_activation(attrs):
    return "softmax", {"axis": "1" if attrs.get("mode", "instance") == "channel" else "-1"}


def _batch_norm(attrs):
    """The epsilon of the old forms is a C float."""
    same = ("fix_gamma", "output_mean_var", "momentum", "use_global_stats")
    kept = {k: v for k, v in attrs.items() if k in same}
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
ESCAPE = re.compile(r"\\(u00..|.)")


def from_json(text):
    """The JSON of a symbol. MXNet writes control characters as they are."""
    return json.loads(text, strict=False)


def to_json(document):
    """A symbol as JSON in UTF-8: MXNet's reader knows no other escapes than those it writes."""
    text = json.dumps(document, ensure_ascii=False)
    return ESCAPE.sub(lambda m: m[0] if m[1] in '"\\nrt' else json.loads('"' + m[0] + '"'), text)


def determined(shape):
    """Whether MXNet has found all of a shape: unknown sizes are 0, or -1 in NumPy's semantics."""
    return bool(shape) and min(shape) > 0


@lru_cache(maxsize=None)
def float32_by_default(op):
    """Whether the operator returns float32 where no dtype is stated."""
    import mxnet as mx

    arguments = mx.operator.get_operator_arguments(op)
    described = dict(zip(arguments.names, arguments.types)).get("dtype", "")
    drawn = op.startswith(("_random_", "_sample_")) and op != "_random_randint"
    return described.endswith(("='float32'", "='None'") if drawn else "='float32'")


def form(node, dtype):
    """The node as it computes in `dtype`: the element types that it names are that wide, and an
    operator that MXNet has in float32 only is another in float64."""
    op, attrs = node["op"], dict(node.get("attrs", {}))
    if op == "null":
        return node
    if op == "_zeros_without_dtype":  # MXNet takes the type from what reads it
        op, attrs = "_zeros", dict(attrs, dtype="float32")
    if attrs.get("dtype", "None") == "None" and float32_by_default(op):
        attrs["dtype"] = "float32"
    for key in ("dtype", "out_dtype"):
        if attrs.get(key) in FLOATS[: FLOATS.index(dtype)]:
            attrs[key] = dtype
    if dtype == "float64" and op in FLOAT64_FORMS:
        op, attrs = FLOAT64_FORMS[op](attrs)
    node = dict(node, op=op, attrs=attrs)
    needed = op in DEFINITIONS and DEFINITIONS[op].when(attrs, dtype)
    return defined(node) if needed else node


def without_float64(node):
    """The node without float64, which the checkpoint has and the conversion has not."""
    attrs = node.get("attrs", {})
    wide = {key: "float32" for key in ("dtype", "out_dtype") if attrs.get(key) == "float64"}
    return dict(node, attrs=dict(attrs, **wide)) if wide else node


def stated(node, shape):
    """The node, of this shape, which MXNet may find only where the node is read: a piece may end
    before that."""
    attrs = dict(node.get("attrs", {}))
    if node["op"] == "null" or node["inputs"] or not determined(shape):
        return node
    if attrs.get("infer_range") in ("True", "1") and attrs.get("stop", "None") == "None":
        count = shape[0] // int(attrs.get("repeat", 1))
        end = float(attrs["start"]) + (count - 0.5) * float(attrs.get("step", 1))
        attrs.update(stop=repr(end), infer_range="False")
    elif "shape" in attrs:
        attrs["shape"] = str(tuple(shape))
    return dict(node, attrs=attrs)


def convolved(nd, attrs, data, weights):
    """A convolution that takes too much memory as a whole (see tiling.py); None if not."""
    kernel, stride, dilate, pad = geometry(attrs, stride=1, dilate=1, pad=0)
    parts = tiles(data.shape, [2 * p for p in pad], kernel, stride, dilate)
    if not parts or len(kernel) < 2:  # MXNet pads no axis of a sequence
        return None
    widths = [0, 0, 0, 0, pad[0], pad[0], *[0, 0] * (len(kernel) - 1)]
    padded = nd.pad(data, mode="constant", constant_value=0, pad_width=widths)
    read = "kernel", "stride", "dilate", "num_filter", "num_group", "no_bias"
    options = {name: attrs[name] for name in read if name in attrs}
    options["pad"] = [0, *pad[1:]]
    results = []
    for begin, end in parts:
        results.append(nd.Convolution(padded[:, :, begin:end], *weights, **options))
        results[-1].wait_to_read()  # or all their matrices are made at once
    return nd.concat(*results, dim=2)


def boundary(entry):
    """The name of the variable that stands for another piece's result."""
    return "mxproof:{}:{}".format(*entry[:2])


def variable(nodes, entry):
    """What a piece calls this result of a layer before it, or this variable."""
    node = nodes[entry[0]]
    return node["name"] if node["op"] == "null" else boundary(entry)


def cut(nodes, first, heads):
    """The nodes from number `first` to the last head's, as a symbol of their own (JSON)."""
    own = nodes[first : heads[-1][0] + 1]
    read = {tuple(e[:2]) for node in own for e in node["inputs"] if e[0] < first}
    places = {entry: len(own) + i for i, entry in enumerate(sorted(read))}

    def moved(entries):
        return [[places.get((n, k), n - first), 0 if n < first else k, 0] for n, k, *_ in entries]

    taken = [dict(node, inputs=moved(node["inputs"])) for node in own]
    for entry in places:
        source = nodes[entry[0]] if nodes[entry[0]]["op"] == "null" else {"op": "null"}
        taken.append(dict(source, name=variable(nodes, entry), inputs=[]))
    arguments = [i for i, node in enumerate(taken) if node["op"] == "null"]
    version = {"mxnet_version": ["int", 10901]}
    document = {"nodes": taken, "arg_nodes": arguments, "heads": moved(heads), "attrs": version}
    return to_json(document)


def with_attributes(symbol, restated):
    """The symbol (JSON) with other attributes: (number of the layer, name, value)."""
    document = from_json(symbol)
    layers = [node for node in document["nodes"] if node["op"] != "null"]
    for number, name, value in restated:
        layers[number]["attrs"][name] = value
    return to_json(document)


def without_labels(symbol, made_labels):
    """The symbol (JSON) with variables in place of labels that layers make: (number of the layer
    that reads it, number of the input, the variable)."""
    document = from_json(symbol)
    nodes = document["nodes"]
    layers = [node for node in nodes if node["op"] != "null"]
    for number, place, name in made_labels:
        layers[number]["inputs"][place] = [len(nodes), 0, 0]
        document["arg_nodes"].append(len(nodes))
        nodes.append({"op": "null", "name": name, "inputs": []})
    return to_json(document)
