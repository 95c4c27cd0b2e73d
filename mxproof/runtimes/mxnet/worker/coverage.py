"""One layer by itself on given inputs, and which stored numbers take part in it. A part of the
worker.

A number takes part if the layer's results depend on it: if the gradient of their sum, each weighted
by a random positive number, is not 0. The gradient is MXNet's own, in float32 and for inference.
"""

import numpy as np

from .forms import FLOATS, cut, variable
from .protocol import as_numpy
from .rounding import BATCH_NORMS, FILTERS


class Isolated:
    """A node of a model whose inputs are given by position; the others are stored.

    Args:
        heads: the node's outputs, as the model lists them.
    """

    def __init__(self, model, heads, inputs):
        self.model, self.heads, self.inputs = model, heads, inputs
        self.number = heads[0][0]

    def named(self, dtype):
        """The node, its inputs' names, and the arrays by name."""
        nodes = self.model.nodes[dtype]
        names = [variable(nodes, entry) for entry in nodes[self.number]["inputs"]]
        arrays = {names[int(k)]: array for k, array in self.inputs.items()}
        return nodes[self.number], names, self.model.arrays(arrays, dtype)

    def results(self, dtype="float64", **changed):
        """The outputs; `changed` are arrays in place of the node's, by name."""
        live = dict(self.named(dtype)[2], **changed)
        return list(map(as_numpy, self.model.piece(self.number, self.heads, live, dtype)))

    def reached(self, stored):
        """Which numbers of each of the inputs `stored`, by position, take part: of a shape that is
        broadcast to the array's.

        Where MXNet has no gradient, or one that is 0 (a sign's, say), all numbers of an array take
        part if the results change with it.
        """
        node, names, live = self.named("float32")
        arrays = {k: live.get(names[k], self.model.params.get(names[k])) for k in stored}
        floats = {k: a.astype("float32") for k, a in arrays.items() if a.dtype.__name__ in FLOATS}
        try:
            found = self.differentiated(node, names, live, floats)
        except self.model.mx.base.MXNetError:
            found = {}
        return [
            found[k] if k in found and found[k].any() else self.changed(names[k], arrays[k])
            for k in stored
        ]

    def differentiated(self, node, names, live, stored):
        """Position -> where the gradient is not 0."""
        op, attrs = node["op"], dict(node.get("attrs", {}))
        if op == "Custom":  # a definition in NumPy
            return {}
        normalises, wanted = op in BATCH_NORMS, list(stored)
        groups = copies = 1
        given = dict(live, **{names[k]: array for k, array in stored.items()})
        if op in FILTERS:  # all filters of a group read the same numbers: one says it for all
            groups = int(attrs.get("num_group", 1))
            copies = int(attrs[FILTERS[op]]) // groups
            attrs[FILTERS[op]] = str(groups)
            for k, name in enumerate(names[1:], 1):
                array = given.get(name, self.model.params.get(name))
                kept = array.shape[filter_axis(op, k)] // copies
                given[name] = array.slice_axis(filter_axis(op, k), 0, kept).astype("float32")
        if normalises:
            op, wanted = "BatchNorm", [1, 2]
            attrs = {k: v for k, v in attrs.items() if k in ("eps", "axis")}
            attrs["fix_gamma"] = "False"
        if op == "RNN":  # its gradient needs what only training keeps
            attrs["p"] = "0"
        nodes = list(self.model.nodes["float32"])
        nodes[self.number] = dict(node, op=op, attrs=attrs)
        gradients = self.gradients(nodes, given, [names[k] for k in wanted], op == "RNN")
        known = [k for k in wanted if gradients.get(names[k]) is not None]  # no auxiliary states
        masks = {k: gradients[names[k]].asnumpy() != 0 for k in known}
        if normalises:  # x -> (x - mean) / sqrt(var + eps) * gamma + beta
            factor = given.get(names[1], self.model.params.get(names[1])).asnumpy()
            fixed = node["attrs"].get("fix_gamma", "True") in ("True", "1")
            live_channels = fixed | (factor != 0)
            masks.update({3: masks[2] & live_channels, 4: masks[1] & live_channels})
        copies = copies if groups > 1 else 1  # one filter's mask is broadcast over all
        return {k: masks[k].repeat(copies, filter_axis(op, k)) for k in stored if k in masks}

    def gradients(self, nodes, given, names, train):
        """By name, of the outputs' weighted sum."""
        mx = self.model.mx
        symbol = mx.sym.load_json(cut(nodes, self.number, self.heads))
        executor = self.model.bind(symbol, given, "float32", names)
        outputs = executor.forward(is_train=train)
        random = np.random.RandomState(0)
        weights = [mx.nd.array(random.uniform(0.5, 1.5, a.shape), dtype=a.dtype) for a in outputs]
        executor.backward(weights, is_train=train)
        return executor.grad_dict

    def changed(self, name, array):
        """All or none of an array's numbers."""
        random = np.random.RandomState(0)
        numbers = as_numpy(array)
        if numbers.dtype.kind == "f":
            other = numbers * random.uniform(1.1, 1.5, numbers.shape) + 0.1
        else:  # the same numbers elsewhere: indices stay within their limits
            other = random.permutation(numbers.ravel()).reshape(numbers.shape)
        dtype = "float64" if numbers.dtype.kind == "f" else numbers.dtype
        moved = self.results(**{name: self.model.mx.nd.array(other, dtype=dtype)})
        pairs = zip(self.results(), moved)
        alike = all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)
        return np.full(numbers.shape, not alike)


def filter_axis(op, position):
    """Of an input by its position: where Deconvolution's weight counts filters, or the others."""
    return 1 if op == "Deconvolution" and position == 1 else 0
