"""MXNet behind a pipe. Started as a script by mxproof/runtimes/mxnet.py.

It may run in another interpreter than the harness, so it needs Python >= 3.6, NumPy and MXNet,
and nothing of mxproof. Requests and answers are JSON lines and .npy arrays, see worker.py.
"""

import json
import os
import re
from itertools import groupby

import numpy as np

from .mxnet_coverage import Isolated
from .mxnet_definitions import register
from .mxnet_draws import drawn
from .mxnet_forms import (
    FLOATS,
    boundary,
    convolved,
    cut,
    form,
    stated,
    variable,
    with_attributes,
)
from .mxnet_listing import chosen, described, readers
from .mxnet_rounding import BATCH_NORMS, least_of, moved, squares, summed
from .worker import Worker, as_numpy, digest, main


def wide(array, dtype):
    """Floating-point numbers in `dtype`; whole numbers stay."""
    return array.astype(dtype, copy=False) if array.dtype.__name__ in FLOATS else array


def largest(errors):
    """Of those that are finite."""
    off = np.abs(errors)
    return off.max(initial=0, where=np.isfinite(off))


class Model:
    """One checkpoint, read by MXNet's own loaders, in float32 and float64."""

    def __init__(self, mx, symbol, params, labels, cut_at, made_labels, restated=()):
        self.mx, self.labels = mx, labels
        original = mx.sym.load(symbol)
        whole = chosen(mx, original, cut_at, made_labels)
        made = {name for _, _, name in made_labels}
        self.listing = {
            "original": described(original),
            "cut": described(whole),
            "readers": readers(mx, whole, made.union(labels)),
        }
        if restated:
            whole = mx.sym.load_json(with_attributes(whole.tojson(), restated))
        document = json.loads(whole.tojson())  # upgraded from whatever age
        self.internals, self.given = whole.get_internals(), document["nodes"]
        self.heads = json.loads(self.internals.tojson())["heads"]  # of the same nodes
        self.nodes, self.symbols = {}, {}
        for dtype in ("float64", "float32"):
            self.nodes[dtype] = [form(node, dtype) for node in self.given]
            written = json.dumps(dict(document, nodes=self.nodes[dtype]))
            self.symbols[dtype] = mx.sym.load_json(written)
        self.layers = [entry for entry in self.heads if self.given[entry[0]]["op"] != "null"]
        self.last_use = {
            tuple(e[:2]): number for number, n in enumerate(self.given) for e in n["inputs"]
        }
        self.file = params
        self.params = self.load()

    def load(self):
        """The arrays of the file of parameters, by name."""
        stored = self.mx.nd.load(self.file) or {}  # MXNet reads an empty file as a list
        return {re.sub("^(arg|aux):", "", key): value for key, value in stored.items()}

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
                raise ValueError("no value for {!r}".format(name))
            if not found.get(name) or 0 in found[name]:
                raise ValueError("the shapes of {} do not determine it".format(sorted(inputs)))
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

    def trace(self, inputs, limit, anchored, draws, random_layers=()):
        """Each layer's (float64, float32), running as many layers at a time as have results of
        `limit` bytes: all of them may be more than fits in memory.

        Those that are `anchored` (by their number) run alone, on the float64 results of those
        before them, rounded to float32, in both precisions.

        With `draws`, layers run one at a time, and so many times more in float64 with all numbers
        moved by rounding (see mxnet_rounding.py). What that makes of the layer by itself (or what
        MXNet makes of it in float32, if that is more), and of the network up to it, follows as
        `Rounding` has it. What is anchored reads the same numbers
        everywhere.

        Of `random_layers` (some of the anchored ones) many draws follow, see mxnet_draws.py.
        """
        read = self.internals.list_inputs()
        shapes = {name: self.params[name].shape for name in read if name in self.params}
        shapes.update((name, array.shape) for name, array in inputs.items())
        found = self.internals.infer_shape_partial(**shapes)[1] or [()] * len(self.heads)
        for (number, _, _), shape in zip(self.heads, found):
            for dtype, nodes in self.nodes.items():
                nodes[number] = stated(form(self.given[number], dtype), shape)
        live = {dtype: self.arrays(inputs, dtype) for dtype in self.nodes}
        random = np.random.RandomState(0)
        chains = [self.arrays(inputs, "float64") for _ in range(draws)]
        done = first = 0
        for count in self.portions(found, 0 if draws else limit, anchored):
            heads = self.layers[done : done + count]
            given = live
            if done in anchored:
                exact = self.single(heads, live["float64"])
                given = {d: {n: wide(a, d) for n, a in exact.items()} for d in live}
            results = [self.piece(first, heads, given[d], d) for d in ("float64", "float32")]
            more = []
            if done in random_layers:
                executor = self.executor(first, heads, given["float32"], "float32")
                more = drawn(self.given[heads[0][0]]["op"], executor)
            alone, carried = [None] * len(heads), [results[0]] * draws
            if draws and done not in anchored:
                alone = self.by_itself(heads, live["float64"], results[0], draws, random)
                carried = [self.rounded(heads, chain, results[0], random) for chain in chains]
            for k, pair in enumerate(zip(*results)):
                arrays = list(map(as_numpy, pair))
                if draws:
                    off = [np.subtract(as_numpy(r[k]), arrays[0], dtype="float64") for r in carried]
                    isolated, own = alone[k] or (squares(np.zeros_like(off)), 0.0)
                    arrays += [isolated, squares(np.stack(off)), np.array([own, largest(off)])]
                yield arrays + more[k : k + 1]
            done, first = done + count, heads[-1][0] + 1
            for known, outputs in zip([*live.values(), *chains], [*results, *carried]):
                for entry, output in zip(heads, outputs):
                    known[boundary(entry)] = output
                for entry, last in self.last_use.items():
                    if last < first:
                        known.pop(boundary(entry), None)

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

    def portions(self, shapes, limit, anchored):
        """How many results come at a time: all of a layer, and of as many layers as fit."""
        known = {tuple(head[:2]): shape for head, shape in zip(self.heads, shapes)}
        counts, done, room = [], 0, 0
        for _, entries in groupby(self.layers, key=lambda entry: entry[0]):
            sizes = [self.size(tuple(entry[:2]), known, limit) for entry in entries]
            size = limit if done in anchored else sum(sizes)
            if not counts or size > room or not limit:
                counts.append(0)
                room = limit
            counts[-1] += len(sizes)
            done, room = done + len(sizes), room - size
        return counts

    def size(self, entry, shapes, unknown):
        """Bytes of a result in float64. A convolution counts with the matrix that MXNet makes of
        its input: a large one is a portion of its own, which can be computed in tiles."""
        shape, node = shapes[entry], self.given[entry[0]]
        if not shape or 0 in shape:
            return unknown
        numbers = int(np.prod(shape))
        if node["op"] == "Convolution":
            window = shapes[tuple(node["inputs"][1][:2])][1:]
            numbers = max(numbers, numbers // shape[1] * int(np.prod(window)))
        return 8 * numbers

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


class MxnetWorker(Worker):
    def __init__(self, channel):
        super().__init__(channel)
        self.models, self.loaded = {}, 0

    def library(self):
        # Fused operators would hide layers, and exist in float32 only.
        os.environ.setdefault("MXNET_SUBGRAPH_BACKEND", "NONE")
        if not hasattr(np, "bool"):
            np.bool = bool  # MXNet 1.9.1 on NumPy >= 1.24
        import mxnet as mx

        register(mx)
        self.mx = mx
        return mx

    def do_load(self, inputs, **files):
        self.loaded += 1
        model = self.models[self.loaded] = Model(self.mx, **files)
        self.channel.send({"model": self.loaded, "listing": model.listing})

    def do_unload(self, inputs, model):
        del self.models[model]
        self.channel.send({})

    def do_run(self, inputs, model, dtype):
        outputs = self.models[model].whole(inputs, dtype).forward(is_train=False)
        self.channel.send({}, map(as_numpy, outputs))

    def do_stored(self, inputs, model):
        """Name, element type, size and digest of each array of the file that the network reads.

        The file is read anew: MXNet's batch norms write 1 into a gamma that is fixed.
        """
        network = self.models[model]
        params = network.load()
        read = [name for name in network.internals.list_inputs() if name in params]
        arrays = ((name, as_numpy(params.pop(name))) for name in read)
        found = [(name, a.dtype.name, a.size, digest(a)) for name, a in arrays]
        self.channel.send({"stored": found})

    def do_trace(self, inputs, model, limit, anchored, **options):
        """One message a layer, so that the other side need not hold all layers."""
        network = self.models[model]
        nodes = network.nodes["float32"]
        names = [nodes[entry[0]]["name"] for entry in network.layers]
        self.channel.send({"layers": names, "more": len(names)})
        for pair in network.trace(inputs, limit, set(anchored), **options):
            self.channel.send({}, pair)

    def do_round(self, inputs, model, first, count, draws):
        """How far rounding moves each output of one layer by itself (see Model.by_itself)."""
        network = self.models[model]
        heads = network.layers[first : first + count]
        live = Isolated(network, heads, inputs).named("float64")[2]
        exact = network.piece(heads[0][0], heads, live, "float64")
        found = network.by_itself(heads, live, exact, draws, np.random.RandomState(0))
        self.channel.send({"own": [float(own) for _, own in found]}, [array for array, _ in found])

    def do_isolate(self, inputs, model, first, count, stored, results):
        """One layer by itself: its float64 results, and which stored numbers take part."""
        network = self.models[model]
        layer = Isolated(network, network.layers[first : first + count], inputs)
        found = layer.results() if results else []
        self.channel.send({}, [*found, *(layer.reached(stored) if stored else [])])

    def do_prepare(self, inputs, model):
        """Bind once, so that do_time measures the network and nothing else."""
        executor = self.models[model].whole(inputs, "float32")

        def run():
            outputs = executor.forward(is_train=False)
            for output in outputs:
                output.wait_to_read()
            return outputs

        self.run = run
        self.channel.send({})


if __name__ == "__main__":
    main(MxnetWorker)
