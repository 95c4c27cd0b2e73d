"""Networks drawn from a seed whose numbers are those of trained ones, where rounding is at its
worst: convolution biases of 5 to 20, batch-norm means up to 100 deviations from 0, depthwise chains
of 30 layers, LSTMs of 30 steps, saturated gates.

A random network's batch norms do not normalise; a trained one's do, and what comes behind depends
on it. So the statistics are those of a batch that goes through the converted network in training
mode.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np

from converters import load_checkpoint, save_checkpoint
from converters.mxnet_format.symbol import VARIABLE
from mxproof.runtimes.base import Array
from mxproof.runtimes.registry import convert
from mxproof.zoo.symbols import SymbolBuilder
from mxproof.zoo.weights import parameter_keys

MXNET = 10901
STEPS = 30
#: Most deviations that a batch norm's mean is from 0.
FAR = 100.0
#: A network: the shape of its input, and the head that is its output.
Built = Tuple[Tuple[int, ...], int]


class Builder(SymbolBuilder):
    """A symbol and its arrays; channels are those of the layer that was made last."""

    def __init__(self, random: np.random.Generator) -> None:
        super().__init__()
        self.random = random
        self.arrays: Dict[str, Array] = {}
        self.norms: List[Tuple[str, str]] = []  # batch norm, the convolution it reads
        self.channels = 3

    def store(self, name: str, array: Array) -> None:
        self.arrays[name] = array.astype(np.float32)

    def linear(self, op: str, name: str, x: int, cin: int, window: Any = (), **attrs: Any) -> int:
        """A convolution or matrix product with a bias of 5 to 20, of either sign."""
        count = attrs.get("num_filter") or attrs["num_hidden"]
        fan_in = cin * int(np.prod(window))
        weight = self.random.standard_normal((count, cin, *window)) * (1.5 / fan_in) ** 0.5
        self.store(f"{name}_weight", weight)
        sign = self.random.choice([-1, 1])
        self.store(f"{name}_bias", sign * self.random.uniform(5, 20, count))
        return self.add(op, name, x, stored="weight bias", **attrs)

    def convolution(self, name: str, x: int, filters: int, kernel: int = 3, groups: int = 1) -> int:
        cin, self.channels = self.channels // groups, filters
        window, pad = (kernel, kernel), (kernel // 2, kernel // 2)
        shape = {"kernel": window, "pad": pad, "num_filter": filters, "num_group": groups}
        return self.linear("Convolution", name, x, cin, window, **shape)

    def dense(self, name: str, x: int, cin: int, count: int) -> int:
        return self.linear("FullyConnected", name, x, cin, num_hidden=count)

    def block(self, name: str, x: int, filters: int, act: str, **more: Any) -> int:
        """Convolution, batch norm, activation."""
        x = self.convolution(f"{name}_conv", x, filters, **more)
        self.norms.append((f"{name}_bn", f"{name}_conv"))
        self.store(f"{name}_bn_gamma", self.random.uniform(0.5, 1.5, filters))
        self.store(f"{name}_bn_beta", self.random.normal(0, 0.5, filters))
        for role in ("moving_mean", "moving_var"):
            self.store(f"{name}_bn_{role}", np.ones(filters))
        stored = "gamma beta moving_mean moving_var"
        eps = float(self.random.choice([1e-5, 2e-5, 1e-3]))
        x = self.add("BatchNorm", f"{name}_bn", x, stored=stored, fix_gamma=False, eps=eps)
        return self.add("Activation", f"{name}_act", x, act_type=act)

    def pool(self, name: str, x: int, kind: str) -> int:
        window = {"kernel": (2, 2), "stride": (2, 2)}
        return self.add("Pooling", name, x, pool_type=kind, **window)

    def mean(self, name: str, x: int) -> int:
        x = self.add("Pooling", name, x, kernel=(1, 1), global_pool=True, pool_type="avg")
        return self.add("Flatten", f"{name}_flat", x)


def pixels(net: Builder) -> int:
    """Pixels of 0..255, brought to -1..1 by the network itself."""
    x = net.add("_minus_scalar", "centred", net.add(VARIABLE, "data"), scalar=127.5)
    return net.add("_mul_scalar", "scaled", x, scalar=0.0078125)


def face(net: Builder) -> Built:
    """Two streams whose products are the result, as in SSR-Net (Yang et al., IJCAI 2018)."""
    data, ends = pixels(net), []
    for name, act, kind in (("a", "relu", "avg"), ("b", "tanh", "max")):
        x, net.channels = data, 3
        for k in range(4):
            x = net.block(f"{name}{k}", x, 8, act)
            x = net.pool(f"{name}{k}_pool", x, kind) if k < 3 else x
        ends.append(net.add("Flatten", f"{name}_flat", x))
    x = net.add("elemwise_mul", "product", *ends)
    return ((1, 3, 32, 32), net.dense("age", x, 8 * 4 * 4, 3))


def detector(net: Builder) -> Built:
    """A head of scores and one of boxes for each place, behind separable convolutions."""
    x = net.block("stem", net.add(VARIABLE, "data"), 8, "relu")
    for k in range(4):
        x = net.block(f"dw{k}", x, net.channels, "relu", groups=net.channels)
        x = net.block(f"pw{k}", x, 8 + 4 * k, "relu", kernel=1)
        x = net.pool(f"pool{k}", x, "max") if k < 2 else x
    scores = net.add("softmax", "prob", net.convolution("score", x, 2, 1), axis=1)
    net.channels = 20
    boxes = net.convolution("box", x, 4, 1)
    return ((1, 3, 32, 32), net.add("Concat", "out", scores, boxes, num_args=2, dim=1))


def depthwise(net: Builder) -> Built:
    """Thirty depthwise convolutions with batch norms."""
    x = net.convolution("first", net.add(VARIABLE, "data"), 8)
    for k in range(STEPS):
        x = net.block(f"dw{k}", x, 8, "relu", groups=8)
    return ((1, 3, 16, 16), net.dense("fc", net.mean("pool", x), 8, 2))


def unrolled(net: Builder) -> Built:
    """An LSTM of thirty steps, unrolled, whose output is a single number."""
    size, data = 8, net.add(VARIABLE, "data")
    shared = {}
    for name, shape in {"i2h": (4 * size, 4), "h2h": (4 * size, size)}.items():
        net.store(f"{name}_weight", net.random.normal(0, 0.6, shape))
        net.store(f"{name}_bias", net.random.normal(0, 0.6, shape[0]))
        shared[name] = [net.add(VARIABLE, f"{name}_{role}") for role in ("weight", "bias")]
    hidden = cell = -1
    for t in range(STEPS):
        x = net.add("slice_axis", f"x{t}", data, axis=1, begin=t, end=t + 1)
        gates = net.add("FullyConnected", f"i2h{t}", x, *shared["i2h"], num_hidden=4 * size)
        if t:
            read = net.add("FullyConnected", f"h2h{t}", hidden, *shared["h2h"], num_hidden=4 * size)
            gates = net.add("elemwise_add", f"gates{t}", gates, read)
        i, f, g, o = (
            net.add(act, f"{act}{t}_{k}", net.add("slice_axis", f"cut{t}_{k}", gates, **cut))
            for k, act in enumerate(("sigmoid", "sigmoid", "tanh", "sigmoid"))
            for cut in [{"axis": 1, "begin": k * size, "end": (k + 1) * size}]
        )
        new = net.add("elemwise_mul", f"new{t}", i, g)
        kept = net.add("elemwise_mul", f"kept{t}", f, cell) if t else new
        cell = net.add("elemwise_add", f"cell{t}", kept, new) if t else new
        hidden = net.add("elemwise_mul", f"h{t}", o, net.add("tanh", f"squashed{t}", cell))
    return ((1, STEPS, 4), net.dense("fc", hidden, size, 1))


def fused(net: Builder) -> Built:
    """Two LSTMs of thirty steps in one operator each."""
    x = net.add("swapaxes", "steps", net.add(VARIABLE, "data"), dim1=0, dim2=1)
    size, read = 16, 8
    for k in range(2):
        count = 4 * size * (read + size + 2)
        net.store(f"lstm{k}_parameters", net.random.normal(0, 0.5, count))
        states = [net.add("_zeros", f"lstm{k}_{state}", shape=(1, 1, size)) for state in ("h", "c")]
        parameters = net.add(VARIABLE, f"lstm{k}_parameters")
        options = {"mode": "lstm", "num_layers": 1, "state_size": size}
        x, read = net.add("RNN", f"lstm{k}", x, parameters, *states, **options), size
    x = net.add("slice_axis", "last", x, axis=0, begin=STEPS - 1, end=STEPS)
    return ((1, STEPS, 8), net.dense("fc", net.add("Flatten", "flat", x), size, 2))


def gated(net: Builder) -> Built:
    """Channels times a sigmoid that saturates (Hu et al., arXiv:1709.01507)."""
    x = net.block("stem", net.add(VARIABLE, "data"), 8, "relu")
    for k in range(3):
        x = net.block(f"unit{k}", x, 8, "relu")
        y = net.add("relu", f"se{k}_relu", net.dense(f"se{k}_in", net.mean(f"se{k}", x), 8, 8))
        y = net.dense(f"se{k}_out", y, 8, 8)
        net.arrays[f"se{k}_out_weight"] *= 10 ** net.random.uniform(0, 2)
        y = net.add("sigmoid", f"se{k}_gate", y)
        y = net.add("reshape", f"se{k}_shaped", y, shape=(-1, 8, 1, 1))
        x = net.add("broadcast_mul", f"se{k}_out2", x, y)
    return ((1, 3, 16, 16), net.dense("fc", net.mean("pool", x), 8, 4))


FAMILIES: Dict[str, Callable[[Builder], Built]] = {
    f.__name__: f for f in (face, detector, depthwise, gated, fused, unrolled)
}
#: Families in turn; MXNet takes as long for one unrolled LSTM of 500 layers as for ten others.
TURNS = (*(name for name in FAMILIES if name != "unrolled"), *FAMILIES)


def draw(folder: Path, family: str, seed: int) -> Tuple[Path, Tuple[int, ...]]:
    """Write a checkpoint; its prefix, and the shape of its input `data`."""
    number = list(FAMILIES).index(family)
    net = Builder(np.random.default_rng((seed, number)))
    shape, head = FAMILIES[family](net)
    symbol, prefix = net.symbol(head, version=MXNET), folder / f"{family}{seed}"
    keys = parameter_keys(symbol)

    def save() -> None:
        save_checkpoint(prefix, symbol, {keys[name]: a for name, a in net.arrays.items()})

    save()
    if net.norms:
        normalise(net, prefix, shape, folder / "training")
        save()
    return prefix, shape


def normalise(net: Builder, prefix: Path, shape: Tuple[int, ...], folder: Path) -> None:
    """Give all batch norms the statistics of a batch, then move their means and what is before
    them together: by up to FAR deviations."""
    import torch

    graph = load_checkpoint(prefix, inputs={"data": ("N", *shape[1:])})
    model = runpy.run_path(str(convert(graph, "pytorch", folder)[0]))["load"]().train()
    seen: List[Any] = []
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the average of all batches: of the only one
            module.reset_running_stats()
            module.register_forward_hook(lambda module, *_: seen.append(module))
    batch = pictures(net.random, (16, *shape[1:]))
    with torch.no_grad():
        model(torch.from_numpy(batch))
    for (name, before), module in zip(net.norms, seen):
        mean, var = module.running_mean.numpy(), module.running_var.numpy()
        deviations = net.random.uniform(-FAR, FAR, len(mean)) * net.random.choice([0, 0.1, 1])
        moved = (deviations * np.sqrt(var)).astype(np.float32)
        net.arrays[f"{before}_bias"] += moved
        net.store(f"{name}_moving_mean", mean + moved)
        net.store(f"{name}_moving_var", var)


def pictures(random: np.random.Generator, shape: Tuple[int, ...]) -> Array:
    """Numbers of 0..255: smooth over each picture, or over the steps of a sequence, with noise."""
    coarse = [n if k < 2 else -(-n // 8) for k, n in enumerate(shape)]
    smooth = random.uniform(0, 255, coarse)
    for axis in range(2, len(shape)):
        smooth = np.repeat(smooth, 8, axis).take(range(shape[axis]), axis)
    return np.clip(smooth + 8 * random.standard_normal(shape), 0, 255).astype(np.float32)


def of_size(size: float) -> Callable[[np.random.Generator, Tuple[int, ...]], Array]:
    """Draws normal numbers times this."""
    return lambda random, shape: (size * random.standard_normal(shape)).astype(np.float32)


#: What networks are given.
INPUTS = {"0..255": pictures, "normal": of_size(1), "1e4": of_size(1e4), "1e-6": of_size(1e-6)}
