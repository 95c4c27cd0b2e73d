"""Parameters that a network makes of stored numbers are made beforehand."""

from __future__ import annotations

from typing import List

import numpy as np
import pytest

from converters import to_onnx, to_pytorch
from fixtures.networks import Network

SIZE, FEATURES = 3, 2


#: As Gluon exports a recurrent layer: matrices made flat and joined.
PARTS = {
    "l0_i2h_weight": (3 * SIZE, FEATURES),
    "l0_h2h_weight": (3 * SIZE, SIZE),
    "l0_i2h_bias": (3 * SIZE,),
    "l0_h2h_bias": (3 * SIZE,),
}


def test_layers_that_only_make_parameters_are_left_out() -> None:
    net = Network()
    stored = {name: net.parameter(name, *shape) for name, shape in PARTS.items()}
    parts = [net.layer("Reshape", f"flat_{n}", entry, shape="-1") for n, entry in stored.items()]
    packed = net.layer("_rnn_param_concat", "packed", *parts, dim=0, num_args=len(parts))
    inputs = (net.variable("data"), packed, net.variable("state"))
    head = net.layer("RNN", "gru", *inputs, state_size=SIZE, num_layers=1, mode="gru")
    graph = net.graph(head, inputs={"data": ("T", "N", 2), "state": (1, "N", 3)})
    assert [node.name for node in graph.nodes] == ["gru"]
    assert [node.op for node in graph.listed] == ["Reshape"] * 4 + ["_rnn_param_concat", "RNN"]
    assert set(graph.params) == {"packed"}
    expected = np.concatenate([net.arrays[name].ravel() for name in PARTS])
    np.testing.assert_array_equal(graph.params["packed"], expected)
    module = to_pytorch(graph)
    assert "nn.GRU(2, 3, num_layers=1" in module.source
    np.testing.assert_array_equal(module.state["gru.weight_ih_l0"], net.arrays["l0_i2h_weight"])
    assert [node.op_type for node in to_onnx(graph).graph] == ["GRU", "Squeeze"]


@pytest.mark.parametrize(
    ("reader", "layers"),
    [("weight", ["sum"]), ("data", ["flat", "sum"]), ("output", ["flat", "sum"])],
)
def test_a_layer_that_is_read_as_data_or_returned_stays(reader: str, layers: List[str]) -> None:
    net = Network()
    flat = net.layer("Reshape", "flat", net.parameter("w", 4, 3, 1, 1), shape=(4, 3))
    data = net.variable("data")
    if reader == "data":
        heads = [net.layer("broadcast_add", "sum", data, flat)]
    else:
        fc = net.layer("FullyConnected", "sum", data, flat, num_hidden=4, no_bias=1)
        heads = [fc, flat] if reader == "output" else [fc]
    graph = net.graph(*heads, inputs={"data": (4, 3)})
    assert [node.name for node in graph.nodes] == layers
    assert [node.name for node in graph.listed] == ["flat", "sum"]
    assert ("flat" in graph.params) == (reader == "weight")
