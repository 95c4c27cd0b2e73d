"""MXNet behind a pipe. Started as a script by mxproof/runtimes/mxnet/client.py.

It may run in another interpreter than the harness, so it needs Python >= 3.6, NumPy and MXNet,
and nothing of mxproof. Requests and answers are JSON lines and .npy arrays, see protocol.py.
"""

import os

import numpy as np

from .coverage import Isolated
from .definitions import register
from .gradients import training_step
from .model import Model
from .protocol import Worker, as_numpy, digest, main
from .trace import Trace


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

    def network(self, model):
        """The model, with MXNet's shapes meaning what they mean in its files."""
        network = self.models[model]
        self.mx.util.set_np_shape(network.np_shape)
        return network

    def do_load(self, inputs, **files):
        self.loaded += 1
        model = self.models[self.loaded] = Model(self.mx, **files)
        self.channel.send({"model": self.loaded, "listing": model.listing})

    def do_unload(self, inputs, model):
        del self.models[model]
        self.channel.send({})

    def do_run(self, inputs, model, dtype):
        outputs = self.network(model).whole(inputs, dtype).forward(is_train=False)
        self.channel.send({}, map(as_numpy, outputs))

    def do_differentiate(self, inputs, model, **options):
        """One training step (see gradients.py)."""
        self.channel.send(*training_step(self.network(model), inputs, **options))

    def do_stored(self, inputs, model):
        """Name, element type, size and digest of each array of the file that the network reads.

        The file is read anew: MXNet's batch norms write 1 into a gamma that is fixed.
        """
        network = self.network(model)
        params = network.load()
        read = [name for name in network.internals.list_inputs() if name in params]
        arrays = ((name, as_numpy(params.pop(name))) for name in read)
        found = [(name, a.dtype.name, a.size, digest(a)) for name, a in arrays]
        self.channel.send({"stored": found})

    def do_trace(self, inputs, model, limit, anchored, **options):
        """One message a layer, so that the other side need not hold all layers."""
        network = self.network(model)
        nodes = network.nodes["float32"]
        names = [nodes[entry[0]]["name"] for entry in network.layers]
        self.channel.send({"layers": names, "more": len(names)})
        for arrays in Trace(network, inputs, set(anchored), **options).layers(limit):
            self.channel.send({}, arrays)

    def do_round(self, inputs, model, first, count, draws):
        """How far rounding moves each output of one layer by itself (see Model.by_itself)."""
        network = self.network(model)
        heads = network.layers[first : first + count]
        live = Isolated(network, heads, inputs).named("float64")[2]
        exact = network.piece(heads[0][0], heads, live, "float64")
        found = network.by_itself(heads, live, exact, draws, np.random.RandomState(0))
        self.channel.send({"own": [float(own) for _, own in found]}, [array for array, _ in found])

    def do_isolate(self, inputs, model, first, count, stored, results):
        """One layer by itself: its float64 results, and which stored numbers take part."""
        network = self.network(model)
        layer = Isolated(network, network.layers[first : first + count], inputs)
        found = layer.results() if results else []
        self.channel.send({}, [*found, *(layer.reached(stored) if stored else [])])

    def do_prepare(self, inputs, model):
        """Bind once, so that do_time measures the network and nothing else."""
        executor = self.network(model).whole(inputs, "float32")

        def run():
            outputs = executor.forward(is_train=False)
            for output in outputs:
                output.wait_to_read()
            return outputs

        self.run = run
        self.channel.send({})


if __name__ == "__main__":
    main(MxnetWorker)
