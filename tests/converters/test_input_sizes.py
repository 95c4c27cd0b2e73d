"""Sizes that a network's weights determine are found without MXNet; others are left free.

Each network is built for a size, which is what has to be found.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, Tuple

import numpy as np
import pytest

from converters import Graph, ShapeError, to_onnx
from converters.ir.examples import example_input, example_inputs
from converters.ir.input_sizes import fixed_shapes, shapes_that_fit
from fixtures.networks import Network, face, small_resnet


def dense(net: Network, x: Any, features: int) -> Any:
    flat = net.layer("Flatten", "flat", x)
    weight = net.parameter("fc_weight", 5, features)
    return net.layer("FullyConnected", "fc", flat, weight, num_hidden=5, no_bias=True)


def built(kind: str) -> Graph:
    """The networks, by what is read of their inputs."""
    net = Network()
    data = net.variable("data")
    if kind == "an input of 16000 steps":
        x = net.convolution("conv", data, 1, 2, kernel=(9,), stride=(4,), pad=(0,))
        return net.graph(dense(net, x, 2 * 3998))
    if kind == "clips of 16 frames":
        x = net.convolution("conv", data, 3, 2, kernel=(4, 8, 8), stride=(4, 8, 8), pad=(0, 0, 0))
        return net.graph(dense(net, x, 2 * 4 * 14 * 14))
    if kind == "height alone":  # a text line: what is behind reads column by column
        x = net.convolution("conv", data, 3, 2, kernel=(4, 1), stride=(4, 1), pad=(0, 0))
        x = net.layer(
            "Reshape", "flat", net.layer("transpose", "t", x, axes=(0, 3, 1, 2)), shape=(0, 0, -1)
        )
        weight = net.parameter("fc_weight", 5, 2 * 8)
        more = {"num_hidden": 5, "no_bias": True, "flatten": False}
        return net.graph(net.layer("FullyConnected", "fc", x, weight, **more))
    if kind == "channels last":
        x = net.layer("transpose", "t", data, axes=(0, 3, 1, 2))
        return net.graph(net.convolution("conv", x, 3, 4))
    if kind == "an added table":  # positions, as transformers have them
        x = net.convolution("conv", data, 3, 4, kernel=(16, 16), stride=(16, 16), pad=(0, 0))
        table = net.parameter("table", 1, 4, 14, 14)
        return net.graph(net.layer("broadcast_add", "sum", x, table))
    if kind == "a large kernel":
        x = net.convolution("conv", data, 3, 4, kernel=(75, 75), pad=(0, 0))
        return net.graph(x)
    sides = {"a face": (112, 112), "grey digits": (28, 28), "two small sides": (24, 24)}
    made, head = face(*sides[kind], channels=1 if kind == "grey digits" else 3)
    return made.graph(head)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("a face", ("N", 3, 112, 112)),
        ("grey digits", ("N", 1, 28, 28)),
        ("two small sides", ("N", 3, 24, 24)),
        ("an input of 16000 steps", ("N", 1, 16000)),
        ("clips of 16 frames", ("N", 3, 16, 112, 112)),
        ("height alone", ("N", 3, 32, "W")),
        ("channels last", ("N", "H", "W", 3)),
        ("an added table", ("N", 3, 224, 224)),
        ("a large kernel", ("N", 3, "H", "W")),
    ],
)
def test_what_is_determined_is_found(kind: str, shape: Tuple[Any, ...]) -> None:
    graph = built(kind)
    assert graph.inputs[0].shape == shape
    found = shapes_that_fit(graph, {"data": shape})["data"]
    graph.infer_shapes({"data": found})
    assert all(d in ("N", "H", "W") or d == size for d, size in zip(shape, found))


def test_any_size_stays_free() -> None:
    net, head = small_resnet()
    assert net.graph(head).inputs[0].shape == ("N", 3, "H", "W")


def test_letters_that_a_user_states_become_numbers_too() -> None:
    net, head = face(112, 112)
    shape = ("N", 3, "H", "W")
    assert net.graph(head, inputs={"data": shape}).inputs[0].shape == ("N", 3, 112, 112)


def test_a_wrong_size_is_answered_by_one_that_fits() -> None:
    net, head = face(112, 112)
    with pytest.raises(
        ShapeError, match=r"FullyConnected 'fc1'.*It takes, e\.g\., data=1x3x112x112\."
    ):
        net.graph(head, inputs={"data": (1, 3, 64, 64)})


def test_weights_that_no_size_explains() -> None:
    """A prime number of columns: then the files are to blame, and no size is named."""
    net, head = face(112, 112)
    net.arrays["fc1_weight"] = np.zeros((8, 4 * 28 * 28 + 1), np.float32)
    graph = net.graph(head)
    assert fixed_shapes(graph, {"data": ("N", 3, "H", "W")}) is None
    with pytest.raises(ShapeError, match="if none fits, symbol and parameters do not belong"):
        shapes_that_fit(graph, {"data": ("N", 3, "H", "W")})


def test_what_is_flattened_at_once_is_asked_for() -> None:
    """784 numbers, or pictures of 28 x 28: what is named can be stated."""
    net = Network()
    head = dense(net, net.variable("data"), 784)
    graph = net.graph(head)
    assert graph.inputs[0].shape is None
    assert example_input(graph, "data", free=True) == "data=Nx784"
    with pytest.raises(ShapeError, match="data=Nx784") as error:
        to_onnx(graph)
    for shape in re.findall(r"data=([NHWx0-9]+)", str(error.value)):
        stated = tuple(int(d) if d.isdigit() else d for d in shape.split("x"))
        assert net.graph(head, inputs={"data": stated}).shapes["fc"] == ("N", 5)


@pytest.mark.parametrize("sides", [(20, 30), (17, 23)])
def test_a_picture_of_unusual_sides_is_named(sides: Tuple[int, int]) -> None:
    made, head = face(*sides)
    with pytest.raises(ShapeError, match="It takes, e") as error:
        shapes_that_fit(made.graph(head), {"data": ("N", 3, "H", "W")})
    fitting = re.findall(r"data=1x3x(\d+)x(\d+)", str(error.value))
    for height, width in fitting:
        assert made.graph(head, inputs={"data": (1, 3, int(height), int(width))})
    assert max(map(int, fitting[0])) < 3 * min(map(int, fitting[0]))


def asking(kind: str) -> Tuple[Network, Any]:
    """Networks whose file does not say how many axes an input has."""
    net = Network()
    data = net.variable("it's" if kind == "a quoted name" else "data")
    if kind == "ids of 12 steps":
        table = net.parameter("table", 50, 8)
        x = net.layer("Embedding", "emb", data, table, input_dim=50, output_dim=8)
        return net, dense(net, x, 12 * 8)
    if kind == "two vectors":
        x = net.layer("elemwise_add", "sum", data, net.variable("y"))
        return net, dense(net, x, 6)
    if kind == "states of a batch of 4":
        table = net.parameter("table", 50, 6)
        x = net.layer("Embedding", "emb", data, table, input_dim=50, output_dim=6)
        x = net.layer("SwapAxis", "t", x, dim1=0, dim2=1)
        begin = net.layer("_zeros", "begin", shape=(1, 4, 5))
        weights = net.parameter("weights", 5 * (6 + 5) + 2 * 5)
        rnn: Any = {"state_size": 5, "num_layers": 1, "mode": "rnn_tanh"}
        return net, net.layer("RNN", "rnn", x, weights, begin, **rnn)
    x = net.convolution("conv", net.variable("x"), 3, 4, stride=(2, 2))
    if kind == "positions in two axes":
        return net, dense(net, net.layer("gather_nd", "gather", x, data), 150)
    if kind == "picked":
        return net, net.layer("pick", "pick", dense(net, x, 4 * 8 * 8), data, axis=1)
    if kind == "lengths":
        probabilities = {"axis": 1, "use_length": True}
        return net, net.layer("softmax", "p", dense(net, x, 4 * 8 * 8), data, **probabilities)
    if kind == "regions":
        scale: Any = {"pooled_size": (2, 2), "spatial_scale": 0.5}
        return net, dense(net, net.layer("ROIPooling", "roi", x, data, **scale), 4 * 4)
    masked = net.layer("broadcast_mul", "mul", x, data)
    return net, dense(net, masked, 4 * 24 * 13) if "upright" in kind else masked


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("ids of 12 steps", "--input data=NxT"),
        ("two vectors", ""),
        ("regions", ""),
        ("positions in two axes", "--input data=2x16 --input x=1x3x29x20"),
        ("states of a batch of 4", "--input data=4x16"),
        ("picked", ""),
        ("lengths", ""),
        ("a mask", "--input data=1"),
        ("a mask of an upright picture", "--input data=1 --input x=1x3x48x26"),
        ("a quoted name", "--input 'it'\"'\"'s=1'"),
    ],
)
def test_what_is_asked_for_fits(kind: str, asked: str) -> None:
    """In numbers, too, for any batch; what follows from a layer that reads it is not asked for."""
    net, head = asking(kind)
    graph = net.graph(head)
    assert example_inputs(graph) == asked
    given = [text.rpartition("=") for text in shlex.split(asked)[1::2]]
    shapes = {n: [int(d) if d.isdigit() else d for d in dims.split("x")] for n, _, dims in given}
    graph = net.graph(head, inputs=shapes)
    shapes_that_fit(graph, {value.name: value.shape for value in graph.inputs})
    assert example_inputs(graph) == ""
    assert graph.types[graph.inputs[-1].name] == ("int32" if kind == "lengths" else "float32")
