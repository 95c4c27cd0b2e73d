"""Whole small networks of several operators: branches, several outputs and heads, labels, weights
and names used twice, against MXNet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, List, Tuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from converters.mxnet_format.symbol import in_visiting_order
from fixtures.networks import Network
from mxproof.proof.reference import kept, live
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS

from .prove import drawn, judge, reference
from .row import DrawFn

Entry = Tuple[int, int]
SHAPE = (2, 4, 6, 5)
NAMES = ("relu", "unit_relu", "conv0", "_plus", "a/b", "x")  # few: they repeat, as GluonCV's do


@dataclass
class Sketch:
    """A network under construction, all of whose values have the shape (N, 4, 6, 5)."""

    draw: DrawFn
    net: Network = field(default_factory=Network)
    values: List[Entry] = field(default_factory=list)
    stored: int = 0

    def value(self) -> Entry:
        """One that is there; the newest are the likeliest."""
        back = self.draw(st.integers(1, min(3, len(self.values))))
        return self.values[-back]

    def parameter(self, *shape: int) -> Entry:
        """Filters and matrices are scaled: what explodes, or saturates a softmax, leaves few
        numbers to judge by."""
        self.stored += 1
        name = f"stored{self.stored}"
        entry = self.net.parameter(name, *shape)
        self.net.arrays[name] /= np.float32(np.sqrt(np.prod(shape[1:], dtype=int)))
        return entry

    def layer(self, op: str, *inputs: Entry, **attrs: Any) -> Entry:
        return self.net.layer(op, self.draw(st.sampled_from(NAMES)), *inputs, **attrs)


def activated(s: Sketch) -> List[Entry]:
    kind = s.draw(st.sampled_from(["relu", "sigmoid", "tanh", "softsign"]))
    return [s.layer("Activation", s.value(), act_type=kind)]


def convolved(s: Sketch) -> List[Entry]:
    weight, bias = s.parameter(4, 4, 3, 3), s.parameter(4)
    twice = s.draw(st.booleans())  # weights that two layers share
    attrs = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4}
    return [s.layer("Convolution", s.value(), weight, bias, **attrs) for _ in range(1 + int(twice))]


def normalised(s: Sketch) -> List[Entry]:
    # Distinct names for the layer, whose parameters are named after it.
    s.stored += 1
    return [s.net.batch_norm(f"norm{s.stored}", s.value(), 4, fix_gamma=s.draw(st.booleans()))]


def pooled(s: Sketch) -> List[Entry]:
    kind = s.draw(st.sampled_from(["max", "avg"]))
    return [s.layer("Pooling", s.value(), kernel=(3, 3), pad=(1, 1), pool_type=kind)]


def added(s: Sketch) -> List[Entry]:
    op = s.draw(st.sampled_from(["elemwise_add", "elemwise_mul", "broadcast_sub", "_maximum"]))
    return [s.layer(op, s.value(), s.value())]


def scaled(s: Sketch) -> List[Entry]:
    """A stored array where data may be."""
    return [s.layer("broadcast_mul", s.value(), s.parameter(1, 4, 1, 1))]


def split(s: Sketch) -> List[Entry]:
    """Halves, of which one may stay unused, joined the other way round."""
    halves = s.layer("SliceChannel", s.value(), num_outputs=2)
    first, second = halves, (halves[0], 1)
    pair = (second, first) if s.draw(st.booleans()) else (first, first)
    return [s.layer("Concat", *pair, num_args=2, dim=1)]


def there_and_back(s: Sketch) -> List[Entry]:
    turned = s.layer("transpose", s.value(), axes=(0, 2, 3, 1))
    flat = s.layer("Reshape", turned, shape=(0, -3, 0))
    raised = s.layer("Reshape", flat, shape=(0, -4, 6, -1, 0))
    return [s.layer("transpose", raised, axes=(0, 3, 1, 2))]


def gated(s: Sketch) -> List[Entry]:
    """Squeeze and excitation. (Less the mean, twice, would be rounding and nothing else.)"""
    x = s.value()
    mean = s.layer("mean", x, axis=(2, 3), keepdims=True)
    return [s.layer("broadcast_mul", x, s.layer("sigmoid", mean))]


def chosen(s: Sketch) -> List[Entry]:
    return [s.layer("softmax", s.value(), axis=s.draw(st.sampled_from([1, -1])))]


def dropped(s: Sketch) -> List[Entry]:
    return [s.layer("Dropout", s.value(), p=0.3), s.layer("BlockGrad", s.value())]


STEPS: List[Callable[[Sketch], List[Entry]]] = [
    activated,
    added,
    chosen,
    convolved,
    dropped,
    gated,
    normalised,
    pooled,
    scaled,
    split,
    there_and_back,
]


def heads(s: Sketch) -> List[Entry]:
    """One to three of the values; the last may go through a classifier that has a label."""
    count = s.draw(st.integers(1, 3))
    found = list(dict.fromkeys([*(s.value() for _ in range(count - 1)), s.values[-1]]))
    if s.draw(st.booleans()):
        weight, bias = s.parameter(3, 4 * 6 * 5), s.parameter(3)
        out = s.layer("FullyConnected", found.pop(), weight, bias, num_hidden=3)
        name = s.draw(st.sampled_from(["softmax_label", "label", "prob1_label"]))
        found.append(s.layer("SoftmaxOutput", out, s.net.variable(name)))
    return found


@drawn(daily=10)
@given(data=st.data())
def test_graph(mxnet: MxnetProcess, data: st.DataObject) -> None:
    s = Sketch(data.draw)
    inputs = data.draw(st.integers(1, 2))
    s.values = [s.net.variable(f"data{i}") for i in range(inputs)]
    for step in data.draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=8)):
        s.values += step(s)
    check(s.net, heads(s), mxnet)


def check(net: Network, outputs: List[Entry], mxnet: MxnetProcess) -> None:
    """All layers, chained, on both targets in both precisions."""
    symbol = in_visiting_order(net.symbol(*outputs))
    read = [node.name for node in symbol.nodes if node.is_variable]
    used = [name for name in read if name.startswith("data")]
    arrays = {name: array for name, array in net.arrays.items() if name in read}
    inputs = dict.fromkeys(used, ("N", 4, 6, 5))
    with reference(symbol, arrays, inputs, mxnet) as (graph, model, folder):
        assert sorted(v.name for v in graph.inputs) == sorted(used)
        given = (np.random.default_rng(s).standard_normal((len(used), *SHAPE)) for s in range(4))
        fed = [dict(zip(used, each.astype(np.float32))) for each in given]
        evidence = kept(live(model, fed, mxnet.versions))
        for target in TARGETS:
            judge(graph, target, evidence, folder)
