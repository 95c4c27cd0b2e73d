"""A network in float16 throughout, and what float16 cannot hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converters import CheckpointError, UnsupportedError
from converters.passes.drop_softmax import logits
from converters.passes.float_types import halved, lost
from fixtures.networks import Network, resnet


def test_parameters_and_layers_are_float16() -> None:
    graph = resnet()
    half = halved(graph)
    assert set(half.types.values()) == {"float16"}
    for name, array in graph.params.items():
        np.testing.assert_array_equal(half.params[name], array.astype(np.float16))


def test_made_and_cast_numbers_follow() -> None:
    net = Network()
    x = net.layer("Cast", "cast", net.variable("data"), dtype="float32")
    zeros = net.layer("_zeros", "zeros", shape=(1, 3))
    x = net.layer("broadcast_add", "sum", x, zeros)
    ids = net.layer("Cast", "ids", x, dtype="int32")
    half = halved(net.graph(x, ids, inputs={"data": ("N", 3)}))
    types = {name: half.types[name] for name in ("data", "cast", "zeros", "sum", "ids")}
    assert types == {**dict.fromkeys(types, "float16"), "ids": "int32"}


def test_what_float16_cannot_hold() -> None:
    graph = resnet()
    large = np.array([1, 65504, 65520, 7e4], np.float32)
    with pytest.raises(UnsupportedError) as error:
        halved(replace(graph, params={**graph.params, "unit1_bn1_beta": large}))
    assert "float16, which ends at 65504: 'unit1_bn1_beta' 7e+04" in str(error.value)
    assert "--fuse" in str(error.value)
    small = np.array([1, 0, 1e-8, 1e-9], np.float32)
    assert lost(replace(graph, params={"small": small})) == 2


FINAL = "SoftmaxOutput softmax log_softmax SoftmaxActivation sigmoid LogisticRegressionOutput"


@pytest.mark.parametrize("op", [*FINAL.split(), "Activation"])
def test_logits(op: str) -> None:
    attrs = {"act_type": "sigmoid"} if op == "Activation" else {}
    net = Network()
    data = net.variable("data")
    weight, bias = net.parameter("fc_weight", 5, 4), net.parameter("fc_bias", 5)
    fc = net.layer("FullyConnected", "fc", data, weight, bias, num_hidden=5)
    end = net.layer(op, "end", fc, **attrs)
    other = net.layer("Activation", "other", fc, act_type="relu")
    assert logits(net.graph(end)) == ("fc",)
    assert logits(net.graph(end, other)) == ("fc", "other")


def test_no_logits() -> None:
    net = Network()
    data = net.variable("data")
    with pytest.raises(CheckpointError, match=r"'data' is no layer of net"):
        logits(net.graph(net.layer("softmax", "end", data), inputs={"data": ("N", 3)}))
