"""Symbol and parameters put together: names, roles, shapes; and what can be missing or wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters import (
    CheckpointError,
    ShapeError,
    load_checkpoint,
    save_checkpoint,
)
from fixtures.networks import Network, small_resnet


def test_from_disk(tmp_path: Path) -> None:
    net, head = small_resnet()
    arrays = {f"arg:{name}": array for name, array in net.arrays.items()}
    save_checkpoint(tmp_path / "small", net.symbol(head), arrays, epoch=12)
    graph = load_checkpoint(tmp_path / "small", 12)
    assert graph.name == "small"
    assert [(v.name, v.shape) for v in graph.inputs] == [("data", ("N", 3, "H", "W"))]
    assert graph.labels == ("softmax_label",)
    assert graph.outputs == ("softmax",)
    assert graph.shapes["softmax"] == ("N", 5)
    assert graph.source["params"] == "small-0012.params"
    assert set(graph.params) == set(net.arrays)
    stored = sum(array.size for array in net.arrays.values())
    said = f"13 layers, {stored:,} stored numbers, data Nx3xHxW -> softmax Nx5"
    assert repr(graph) == f"<Graph small: {said}>"


def test_repeated_names_become_distinct() -> None:
    net = Network()
    x = net.variable("data")
    for _ in range(3):
        x = net.layer("Activation", "relu", x, act_type="relu")
    x = net.layer("Activation", "relu_1", x, act_type="tanh")
    graph = net.graph(x, inputs={"data": (1, 3)})
    assert [n.name for n in graph.nodes] == ["relu", "relu_2", "relu_3", "relu_1"]
    assert [n.mxnet_name for n in graph.nodes] == ["relu", "relu", "relu", "relu_1"]


def test_a_layer_named_like_a_parameter_gives_way() -> None:
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 2)
    x = net.layer("Activation", "conv_weight", x, act_type="relu")
    graph = net.graph(x)
    assert [n.name for n in graph.nodes] == ["conv", "conv_weight_1"]
    assert "conv_weight" in graph.params


def test_a_missing_parameter_may_be_declared_an_input() -> None:
    net, head = small_resnet()
    del net.arrays["fc_bias"]
    graph = net.graph(head, inputs={"fc_bias": (5,)})
    assert {v.name for v in graph.inputs} == {"data", "fc_bias"}


@pytest.mark.parametrize(
    ("name", "array", "shape", "error", "message"),
    [
        ("unit1_conv1_weight", None, None, CheckpointError, "missing 1 .*: unit1_conv1_weight"),
        ("unit1_conv1_weight", (4, 3, 3, 3), None, ShapeError, "its weight .* 4x3.*, .* 4x4x3x3"),
        ("conv0_weight", (4, 3, 5, 5), None, ShapeError, "'conv0': .* 4x3x5x5, .* says 4x.x3x3"),
        ("unit2_bn1_gamma", (5,), None, ShapeError, "its gamma .* shape 5, the symbol says 4"),
        ("data", None, (1, 4, 32, 32), ShapeError, "its weight 'conv0_weight' has shape 4x3x3x3"),
        ("data", None, (1, 3, 5, 0), ShapeError, "'conv0' .*size 0.* smaller than the kernel of 3"),
        ("image", None, (1, 3, 8, 8), ShapeError, "input 'image': .* no such input; it has: data"),
        ("aux:fc_bias", (5,), None, CheckpointError, "'fc_bias' is stored both as arg: and as aux"),
    ],
)
def test_what_does_not_fit(name: str, array: Any, shape: Any, error: Any, message: str) -> None:
    """An array that is missing, of another shape or stored twice; an input of another shape."""
    net, head = small_resnet()
    net.arrays.pop(name, None)
    if array:
        net.arrays[name] = np.zeros(array, np.float32)
    with pytest.raises(error, match=message):
        net.graph(head, inputs={name: shape} if shape else None)


def test_two_variables_of_one_name() -> None:
    net = Network()
    x = net.layer("elemwise_add", "sum", net.variable("data"), net.variable("data"))
    with pytest.raises(CheckpointError, match="variables named alike: 'data'"):
        net.graph(x)


def test_what_reads_an_unknown_shape_has_an_unknown_shape() -> None:
    net = Network()
    x = net.layer("broadcast_add", "sum", net.variable("known"), net.variable("unknown"))
    graph = net.graph(x, inputs={"known": (1, 3)})
    assert graph.infer_shapes({"known": (1, 3), "unknown": None})["sum"] is None
    assert graph.infer_shapes({"known": (1, 3), "unknown": (1, 3)})["sum"] == (1, 3)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"data": "1x3x112x112"}, r"{'data': \(1, 3, 112, 112\)}"),
        ({"data": "Nx3xHxW"}, r"{'data': \('N', 3, 'H', 'W'\)}"),
        ({"data": (1, 3, -1, 8)}, "a tuple of sizes above 0"),
        ((1, 3, 8, 8), "give a dict from names to shapes"),
    ],
)
def test_shapes_are_tuples(tmp_path: Path, inputs: Any, said: str) -> None:
    net, head = small_resnet()
    save_checkpoint(tmp_path / "net", net.symbol(head), net.arrays)
    with pytest.raises(ShapeError, match=said):
        load_checkpoint(tmp_path / "net", inputs=inputs)
    fixed = load_checkpoint(tmp_path / "net", inputs={"data": [np.int64(1), 3, 8, 8]})
    assert fixed.inputs[0].shape == (1, 3, 8, 8)
