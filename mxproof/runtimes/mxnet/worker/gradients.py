"""A training step in MXNet: its gradients, and its auxiliary states after it. A part of the worker.

The loss is the sum of the outputs, each number times a weight that is drawn for it, but for layers
that are a loss themselves (SoftmaxOutput, MakeLoss, ...): MXNet's backward pass begins there with
the gradient of that loss, whose labels are all 0, whatever weights it is given.
"""

import json
from typing import Any

import numpy as np

from .attributes import DEFINITIONS
from .forms import FLOATS
from .listing import readers
from .protocol import as_numpy


def weights(shapes: Any) -> Any:
    """The loss's weight of each number of the outputs, the same on every machine."""
    random = np.random.RandomState(0)
    return [random.uniform(-1, 1, shape) for shape in shapes]


def calm(node):
    """The node without random numbers, which no two libraries draw alike."""
    op, attrs = node["op"], node.get("attrs", {})
    if op == "Dropout" or (op == "RNN" and "p" in attrs):
        return dict(node, attrs=dict(attrs, p="0"))
    return node


def lacking(nodes):
    """Layers that are computed by a definition (definitions.py) which has no gradient."""
    found = []
    for node in nodes:
        op = node.get("attrs", {}).get("name") if node["op"] == "Custom" else node["op"]
        defined = node["op"] == "Custom" and op in DEFINITIONS
        if op == "_np_atleast_1d" or (defined and not DEFINITIONS[op].gradient):
            found.append("{} {!r}".format(op, node["name"]))
    return found


def training_step(model, inputs, dtype, train, moved):
    """Bind, run forward and backward -> a message that names the arrays, and the arrays.

    Args:
        model: mxnet_model.Model.
        dtype: "float64", or "float32" for MXNet's own operators where those have no other.
        train: as in training; otherwise batch norms read their moving statistics.
        moved: multiply each number by 1, or the next one above or below.
    """
    mx = model.mx
    document = json.loads(model.symbols["float64"].tojson())
    nodes = document["nodes"] if dtype == "float64" else model.given
    without = lacking(nodes)
    if without:
        raise ValueError("MXNet has no gradient in float64 of {}".format(", ".join(without)))
    document["nodes"] = [calm(node) for node in nodes]
    symbol = mx.sym.load_json(json.dumps(document))
    reading = readers(mx, symbol, symbol.list_inputs())
    labels = {
        n for n, op, role in reading if role == "label" or (op, role) == ("Embedding", "data")
    }
    values = model.arrays(inputs, dtype)
    for name in symbol.list_inputs():  # copies: training changes the states
        if name in model.params and name not in values:
            array = model.params[name]
            values[name] = array.astype(dtype if array.dtype.__name__ in FLOATS else array.dtype)
    arguments = [
        name
        for name in symbol.list_arguments()
        if name not in labels and name in values and values[name].dtype.__name__ in FLOATS
    ]
    if moved:
        random = np.random.RandomState(0)
        for name in arguments:
            step = random.randint(-1, 2, values[name].shape) * 2.0 ** (
                -52 if dtype == "float64" else -23
            )
            values[name] = mx.nd.array(values[name].asnumpy() * (1 + step), dtype=dtype)
    executor = model.bind(symbol, values, dtype, arguments)
    outputs = executor.forward(is_train=train)
    drawn = weights([output.shape for output in outputs])
    heads = [mx.nd.array(w, dtype=output.dtype) for w, output in zip(drawn, outputs)]
    executor.backward(heads, is_train=train)
    states = [name for name in symbol.list_auxiliary_states() if name in values]
    arrays = [*outputs, *(executor.grad_dict[n] for n in arguments), *(values[n] for n in states)]
    return {"arguments": arguments, "states": states}, map(as_numpy, arrays)
