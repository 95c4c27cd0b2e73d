"""MXNet behind a pipe. Started as a script by mxproof/runtimes/mxnet.py.

It may run in another interpreter than the harness, so it needs Python >= 3.6, NumPy and MXNet,
and nothing of mxproof. Requests are JSON lines on standard input, each followed by the arrays it
announces in .npy form; answers come the same way. Nothing is ever unpickled.
"""

import json
import os
import sys
import time
from typing import Any

import numpy as np
from numpy.lib import format as npy


class Pipe:
    """A stream that NumPy does not take for a file, in which it would try to seek."""

    def __init__(self, stream):
        self.stream = stream

    def read(self, size):
        return self.stream.read(size)

    def write(self, data):
        return self.stream.write(data)


class Channel:
    """JSON lines and .npy arrays over two binary streams."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self.reader, self.writer = reader, writer

    def send(self, message: Any, arrays: Any = ()) -> None:
        arrays = [np.ascontiguousarray(a) for a in arrays]
        line = json.dumps(dict(message, arrays=len(arrays)))
        self.writer.write(line.encode() + b"\n")
        for array in arrays:
            npy.write_array(Pipe(self.writer), array, allow_pickle=False)
        self.writer.flush()

    def receive(self) -> Any:
        line = self.reader.readline()
        if not line:
            raise EOFError
        message = json.loads(line.decode())
        count = message.pop("arrays")
        stream = Pipe(self.reader)
        return message, [npy.read_array(stream, allow_pickle=False) for _ in range(count)]


def _numbers(text):
    return [int(n) for n in text.strip("()[]").split(",")]


def _crop(attrs):
    """The same elements by operators that only move them."""
    offset = _numbers(attrs.get("offset", "(0, 0)"))
    if attrs.get("center_crop", "False") != "True":
        if attrs["num_args"] == "2" and offset == [0, 0]:
            return "slice_like", {"axes": "(2, 3)"}
        if attrs["num_args"] == "1":
            end = [o + s for o, s in zip(offset, _numbers(attrs["h_w"]))]
            begin, end = ("(None, None, {}, {})".format(*pair) for pair in (offset, end))
            return "slice", {"begin": begin, "end": end}
    raise ValueError("MXNet has Crop in float32 only; no other operator does {}".format(attrs))


def _softmax_activation(attrs):
    if attrs.get("mode", "instance") == "channel":
        return "softmax", {"axis": "1"}
    raise ValueError("MXNet has SoftmaxActivation(mode='instance') in float32 only")


#: MXNet's operators without a float64 form -> MXNet's operator that computes the same.
FLOAT64_FORMS = {"Crop": _crop, "SoftmaxActivation": _softmax_activation}


def float64_symbol(text):
    """The symbol with MXNet operators in place of those that MXNet has in float32 only."""
    document = json.loads(text)
    for node in document["nodes"]:
        if node["op"] in FLOAT64_FORMS:
            attrs = {}
            for key in ("param", "attr", "attrs"):
                attrs.update(node.pop(key, {}))
            node["op"], node["attrs"] = FLOAT64_FORMS[node["op"]](attrs)
    return json.dumps(document)


class Model:
    """One checkpoint in one precision, read by MXNet's own loaders."""

    def __init__(self, mx, symbol, params, dtype, labels):
        self.mx, self.dtype, self.labels = mx, dtype, labels
        with open(symbol, encoding="utf-8") as file:
            text = file.read()
        self.symbol = mx.sym.load_json(float64_symbol(text) if dtype == "float64" else text)
        stored = mx.nd.load(params) or {}  # MXNet reads an empty file as a list
        self.params = {
            key[4:] if key[:4] in ("arg:", "aux:") else key: value.astype(dtype)
            for key, value in stored.items()
        }
        self.internals = self.symbol.get_internals()
        self.layers = [
            i for i in range(len(self.internals)) if self.internals[i].get_children() is not None
        ]

    def bind(self, inputs, traced):
        """An executor for these inputs: of the network, or of all its layers' outputs."""
        mx, symbol = self.mx, self.symbol
        if traced:
            symbol = mx.sym.Group([self.internals[i] for i in self.layers])
        shapes = {name: array.shape for name, array in inputs.items()}
        arg_shapes, _, aux_shapes = symbol.infer_shape(**shapes)
        if arg_shapes is None:
            raise ValueError("the shapes of {} do not determine the network's".format(shapes))
        names = zip(symbol.list_arguments(), arg_shapes)
        args = {name: self._argument(name, shape, inputs) for name, shape in names}
        aux_names = zip(symbol.list_auxiliary_states(), aux_shapes)
        aux = {name: self._argument(name, shape, inputs) for name, shape in aux_names}
        return symbol.bind(mx.cpu(), args, aux_states=aux, grad_req="null")

    def _argument(self, name, shape, inputs):
        if name in inputs:
            return self.mx.nd.array(inputs[name], dtype=self.dtype)
        if name in self.params:
            return self.params[name]
        if name in self.labels:
            return self.mx.nd.zeros(shape, dtype=self.dtype)
        raise ValueError("no value for {!r}".format(name))


class Worker:
    def __init__(self, channel):
        # Fused operators would hide layers, and exist in float32 only.
        os.environ.setdefault("MXNET_SUBGRAPH_BACKEND", "NONE")
        if not hasattr(np, "bool"):
            np.bool = bool  # MXNet 1.9.1 on NumPy >= 1.24
        import mxnet as mx

        self.mx, self.channel, self.models = mx, channel, {}

    def serve(self):
        while True:
            try:
                request, arrays = self.channel.receive()
            except EOFError:
                return
            try:
                getattr(self, "do_" + request["do"])(request, arrays)
            except Exception as error:  # every failure is the caller's to report
                first = str(error).split("Stack trace")[0].strip()
                self.channel.send({"error": "{}: {}".format(type(error).__name__, first)})

    def do_versions(self, request, arrays):
        self.channel.send(
            {
                "mxnet": self.mx.__version__,
                "numpy": np.__version__,
                "python": "{}.{}.{}".format(*sys.version_info[:3]),
            }
        )

    def do_load(self, request, arrays):
        key = str(len(self.models))
        files = request["symbol"], request["params"]
        self.models[key] = Model(self.mx, *files, request["dtype"], request["labels"])
        self.channel.send({"model": key})

    def do_unload(self, request, arrays):
        del self.models[request["model"]]
        self.channel.send({})

    def do_run(self, request, arrays):
        executor = self.models[request["model"]].bind(dict(zip(request["inputs"], arrays)), False)
        self.channel.send({}, [o.asnumpy() for o in executor.forward(is_train=False)])

    def do_trace(self, request, arrays):
        """One message a layer with the results of every model asked for, so that the other
        side need not hold all layers."""
        models = [self.models[key] for key in request["models"]]
        inputs = dict(zip(request["inputs"], arrays))
        results = [list(m.bind(inputs, traced=True).forward(is_train=False)) for m in models]
        self.channel.send({"layers": [models[0].internals[i].name for i in models[0].layers]})
        for outputs in zip(*results):
            self.channel.send({}, [o.asnumpy() for o in outputs])

    def do_prepare(self, request, arrays):
        """Bind once, so that do_time measures the network and nothing else."""
        model = self.models[request["model"]]
        model.prepared = model.bind(dict(zip(request["inputs"], arrays)), traced=False)
        self.channel.send({})

    def do_time(self, request, arrays):
        """Seconds for each of `rounds` passes of the prepared network."""
        executor = self.models[request["model"]].prepared
        seconds = []
        for _ in range(request["rounds"]):
            begin = time.perf_counter()
            for output in executor.forward(is_train=False):
                output.wait_to_read()
            seconds.append(time.perf_counter() - begin)
        self.channel.send({"seconds": seconds})


def main():
    del sys.path[0]  # this script's folder, whose mxnet.py is not MXNet
    # libmxnet prints on standard output; the pipe is ours alone.
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    channel = Channel(sys.stdin.buffer, writer)
    try:
        worker = Worker(channel)
    except Exception as error:
        channel.send({"error": "{}: {}".format(type(error).__name__, error)})
        return
    channel.send({})
    worker.serve()


if __name__ == "__main__":
    main()
