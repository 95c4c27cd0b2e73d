"""Recurrent networks as Gluon exports them: parameters joined, states that begin at 0."""

from __future__ import annotations

from typing import Any, List, Tuple

import numpy as np
import pytest

from converters.operators import parse
from fixtures.networks import Network
from mxproof.proof.reference import kept, live
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS

from .prove import judge, reference

TIME, BATCH, FEATURES, SIZE = 4, 2, 3, 5


def gluon_layer(net: Network, data: Tuple[int, int], **attrs: Any) -> Tuple[int, int]:
    """Each matrix and bias stored by itself; states of a batch that the file leaves open."""
    attrs = {"state_size": SIZE, "state_outputs": True, **attrs}
    packing = parse("RNN", {k: str(v) for k, v in attrs.items()}).packing
    places = packing.unpacked(np.arange(packing.length(FEATURES)))
    joined = {int(p.flat[0]): p.shape for both in places for one in both for p in one.values()}
    parts: List[Tuple[int, int]] = []
    for at, shape in sorted(joined.items()):
        values = np.random.default_rng(at).uniform(-0.5, 0.5, shape).astype(np.float32)
        stored = net.variable(f"stored{at}", values, __shape__=str(shape))
        parts.append(net.layer("Reshape", f"flat{at}", stored, shape="-1"))
    packed = net.layer("_rnn_param_concat", "packed", *parts, dim=0, num_args=len(parts))
    sizes = [packing.output, packing.size][: 1 + (packing.mode == "lstm")]
    rows = packing.layers * packing.directions
    states = [
        net.layer("_zeros", f"h{i}", shape=(rows, 0, size), dtype="float32")
        for i, size in enumerate(sizes)
    ]
    return net.layer("RNN", "rnn", data, packed, *states, **attrs)


@pytest.mark.parametrize(
    "attrs",
    [
        {"mode": "rnn_relu", "num_layers": 1},
        {"mode": "lstm", "num_layers": 2, "bidirectional": True, "p": 0.3},
        {"mode": "gru", "num_layers": 2},
        {"mode": "lstm", "num_layers": 1, "projection_size": 2},
    ],
    ids=str,
)
def test_gluons_export(attrs: Any, mxnet: MxnetProcess) -> None:
    net = Network()
    turned = net.layer("SwapAxis", "turned", net.variable("data"), dim1=0, dim2=1)
    head = net.layer("tanh", "last", gluon_layer(net, turned, **attrs))
    values = np.random.default_rng(0).standard_normal((BATCH, TIME, FEATURES))
    inputs = {"data": ("N", "T", FEATURES)}
    with reference(net.symbol(head), net.arrays, inputs, mxnet) as (graph, model, folder):
        assert not {"Reshape", "_rnn_param_concat"} & {node.op for node in graph.nodes}
        evidence = kept(live(model, [{"data": values.astype(np.float32)}], mxnet.versions))
        for target in TARGETS:
            judge(graph, target, evidence, folder)
