"""A network in MXNet, whole or a few layers at a time. A part of the worker."""

import re
import struct

import numpy as np

from .forms import (
    FLOATS,
    convolved,
    cut,
    determined,
    form,
    from_json,
    stated,
    to_json,
    variable,
    with_attributes,
    without_float64,
)
from .listing import chosen, described, readers
from .protocol import as_numpy
from .rounding import BATCH_NORMS, largest, least_of, moved, squares, summed


def wide(array, dtype):
    """Floating-point numbers in `dtype`; whole numbers stay."""
    return array.astype(dtype, copy=False) if array.dtype.__name__ in FLOATS else array


def saved_in_np_shape(params):
    """Whether the file was saved under NumPy's shape semantics, which have arrays of no axes and of
    no numbers. MXNet reads it under these alone, as its user runs the network."""
    with open(params, "rb") as file:
        return file.read(28)[24:] == struct.pack("<I", 0xF993FACA)


class Model:
    """One checkpoint, read by MXNet's own loaders, in float32 and float64."""

    def __init__(
        self, mx, symbol, params, labels, cut_at, made_labels, restated, narrowed, renamed
    ):
        """
        Args:
            narrowed: the checkpoint is in float64, and what is judged in float32.
            renamed: names in the file of parameters -> those that the symbol has.
        """
        self.mx, self.labels, self.narrowed, self.renamed = mx, labels, narrowed, renamed
        self.file, self.np_shape = params, saved_in_np_shape(params)
        mx.util.set_np_shape(self.np_shape)
        whole, original = chosen(mx, symbol, cut_at, made_labels)
        if restated:
            whole = mx.sym.load_json(with_attributes(whole.tojson(), restated))
        made = {name for _, _, name in made_labels}
        self.listing = {
            "original": original,
            "cut": described(whole),
            "readers": readers(mx, whole, made.union(labels)),
        }
        document = from_json(whole.tojson())  # upgraded from whatever age
        self.internals, self.given = whole.get_internals(), document["nodes"]
        if narrowed:
            self.given = list(map(without_float64, self.given))
        self.heads = from_json(self.internals.tojson())["heads"]  # of the same nodes
        self.nodes, self.symbols = {}, {}
        for dtype in ("float64", "float32"):
            self.nodes[dtype] = [form(node, dtype) for node in self.given]
            written = to_json(dict(document, nodes=self.nodes[dtype]))
            self.symbols[dtype] = mx.sym.load_json(written)
        self.layers = [entry for entry in self.heads if self.given[entry[0]]["op"] != "null"]
        self.last_use = {
            tuple(e[:2]): number for number, n in enumerate(self.given) for e in n["inputs"]
        }
        self.params = self.load()
        variables = ((n, name) for n, (op, name, _) in enumerate(original["nodes"]) if op == "null")
        original["free"] = [n for n, name in variables if name not in self.params]

    def load(self):
        """The arrays of the file of parameters, by name."""
        stored = self.mx.nd.load(self.file) or {}  # MXNet reads an empty file as a list
        names = {key: self.renamed.get(key, re.sub("^(arg|aux):", "", key)) for key in stored}
        arrays = {names[key]: value for key, value in stored.items()}
        if self.narrowed:
            doubles = [name for name, array in arrays.items() if array.dtype == np.float64]
            arrays.update((name, arrays[name].astype("float32")) for name in doubles)
        return arrays

    def bind(self, symbol, inputs, dtype, differentiated=()):
        """An executor for these inputs; a value in `inputs` is an NDArray of `dtype`.

        Args:
            differentiated: names of arguments to which it has gradients.
        """
        names, aux_names = symbol.list_arguments(), symbol.list_auxiliary_states()
        read = [name for name in names + aux_names if name not in inputs]
        values = {n: wide(self.params[n], dtype) for n in read if n in self.params}
        values.update(inputs)
        shapes = {name: value.shape for name, value in values.items()}  # definitions infer none
        # Labels are all whose shapes must be found; behind some layers none can be (boolean_mask).
        found = dict(zip(names, symbol.infer_shape_partial(**shapes)[0] or ()))
        for name in (n for n in read if n not in values):
            if name not in self.labels:
                raise ValueError(f"no value for {name!r}")
            if not determined(found.get(name)):
                raise ValueError(f"the shapes of {sorted(inputs)} do not determine it")
            values[name] = self.mx.nd.zeros(found[name], dtype=dtype)
        args, aux = ({name: values[name] for name in group} for group in (names, aux_names))
        grads = {
            name: self.mx.nd.zeros(args[name].shape, dtype=dtype)
            for name in differentiated
            if name in args
        }
        wanted = {name: "write" if name in grads else "null" for name in names}
        return symbol.bind(self.mx.cpu(), args, grads, wanted, aux)

    def arrays(self, inputs, dtype):
        return {
            name: self.mx.nd.array(array, dtype=dtype if array.dtype.kind == "f" else array.dtype)
            for name, array in inputs.items()
        }

    def whole(self, inputs, dtype):
        """An executor of the network as its user runs it."""
        return self.bind(self.symbols[dtype], self.arrays(inputs, dtype), dtype)

    def state_shapes(self, inputs):
        """The shapes of all results, as far as they are known; nodes that need theirs get them."""
        read = self.internals.list_inputs()
        shapes = {name: self.params[name].shape for name in read if name in self.params}
        shapes.update((name, array.shape) for name, array in inputs.items())
        found = self.internals.infer_shape_partial(**shapes)[1] or [()] * len(self.heads)
        for (number, _, _), shape in zip(self.heads, found):
            for dtype, nodes in self.nodes.items():
                nodes[number] = stated(form(self.given[number], dtype), shape)
        return found

    def single(self, heads, live):
        """What the first node of `heads` reads of the float64 results, rounded to float32."""
        nodes = self.nodes["float32"]
        read = {variable(nodes, entry) for entry in nodes[heads[0][0]]["inputs"]}
        return {name: wide(a, "float32") for name, a in live.items() if name in read}

    def by_itself(self, heads, live, exact, draws, random):
        """Of each output of one node, how far rounding moves it: the squares of the errors by
        channel, and the largest where the order of terms is open in float64 too, or else 0.

        MXNet's own float32 error on these inputs counts, too.
        """
        runs = [self.rounded(heads, live, exact, random) for _ in range(draws)]
        own = self.piece(heads[0][0], heads, self.single(heads, live), "float32")
        open_order, found = self.given[heads[0][0]]["op"] in BATCH_NORMS, []
        for k, array in enumerate(map(as_numpy, exact)):
            off, apart = (
                np.stack([np.subtract(as_numpy(r[k]), array, dtype="float64") for r in results])
                for results in (runs, [own])
            )
            most = largest(off) if open_order else 0.0
            found.append((np.maximum(squares(off), squares(apart)), most))
        return found

    def rounded(self, heads, live, exact, random):
        """The outputs `heads` of one node in float64, all numbers moved by rounding.

        Args:
            exact: the outputs without.
        """
        nodes, number = self.nodes["float64"], heads[0][0]
        names = [variable(nodes, entry) for entry in nodes[number]["inputs"]]
        names = [name for name in names if name in live or name in self.params]  # not labels
        read = [live[n] if n in live else wide(self.params[n], "float64") for n in names]
        own = self.given[number]
        count, made = summed(own, [array.shape for array in read], exact[0].shape)

        def shaken(array, count, least=0.0):
            if array.dtype != np.float64:
                return array
            return self.mx.nd.array(moved(array.asnumpy(), count, random, least), dtype="float64")

        given = dict(live, **{n: shaken(array, count) for n, array in zip(names, read)})
        results = self.piece(number, heads, given, "float64")
        return [shaken(result, made, least_of(own)) for result in results]

    def piece(self, first, heads, live, dtype):
        """The outputs `heads` of the nodes from number `first` on."""
        nodes = self.nodes[dtype]
        node = nodes[heads[0][0]]
        if dtype == "float64" and len(heads) == 1 and node["op"] == "Convolution":
            data, *stored = (variable(nodes, entry) for entry in node["inputs"])
            if all(name in self.params for name in stored):  # no other layer computes them
                weights = [live.get(name, wide(self.params[name], dtype)) for name in stored]
                result = convolved(self.mx.nd, node["attrs"], live[data], weights)
                if result is not None:
                    return [result]
        return list(self.executor(first, heads, live, dtype).forward(is_train=False))

    def executor(self, first, heads, live, dtype):
        symbol = self.mx.sym.load_json(cut(self.nodes[dtype], first, heads))
        read = set(symbol.list_inputs())
        inputs = {name: array for name, array in live.items() if name in read}
        return self.bind(symbol, inputs, dtype)
