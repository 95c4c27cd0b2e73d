"""Graph -> ONNX, judged by ONNX itself: its checker, its shape inference, its evaluator."""

from __future__ import annotations

from typing import Callable, Dict, List, Tuple

import numpy as np
import onnx
import onnx.version_converter
import pytest

from converters import DEFAULT_OPSET, SUPPORTED_OPSETS, Graph, ShapeError, UnsupportedError, to_onnx
from converters.errors import DroppedOutputsWarning
from fixtures.networks import Network, evaluate, noise, proto, resnet

OPSETS = (SUPPORTED_OPSETS[0], DEFAULT_OPSET, SUPPORTED_OPSETS[-1])


def stated(model: onnx.ModelProto) -> List[onnx.ValueInfoProto]:
    """The results of nodes that the file states a type for."""
    infos = {i.name: i for i in (*model.graph.value_info, *model.graph.output)}
    return [infos[name] for node in model.graph.node for name in node.output if name in infos]


def pyramid() -> Graph:
    """Two scales joined: upsampling, cropping, concatenation, three outputs; a gamma unused."""
    net = Network()
    fine = net.batch_norm("norm", net.convolution("fine", net.variable("data"), 3, 4), 4)
    coarse = net.layer("Pooling", "pool", fine, kernel=(2, 2), stride=(2, 2), pool_type="max")
    up = net.layer("UpSampling", "up", coarse, scale=2, sample_type="nearest", num_args=1)
    cut = net.layer("Crop", "cut", up, coarse, num_args=2, offset=(1, 2))
    both = net.layer("Concat", "both", cut, coarse, num_args=2)
    head = net.layer("SoftmaxActivation", "head", both, mode="channel")
    return net.graph(head, cut, coarse)


def sequence() -> Graph:
    """Every row of a sequence through one matrix; sizes that only the input knows."""
    net = Network()
    x = net.layer("Reshape", "split", net.variable("data"), shape=(0, -4, -1, 2, 0))
    weight, bias = net.parameter("w", 5, 8), net.parameter("b", 5)
    x = net.layer("FullyConnected", "dense", x, weight, bias, num_hidden=5, flatten=False)
    x = net.layer("Reshape", "merge", x, shape=(-3, -2))
    x = net.layer("mean", "mean", x, axis=(-1,), keepdims=True)
    x = net.layer("Reshape", "flat", x, shape=(-3, 0))
    return net.graph(net.layer("squeeze", "out", x, axis=1), inputs={"data": ("N", "T", 8)})


def idle() -> Graph:
    """Layers that compute nothing, first and last."""
    net = Network()
    x = net.layer("Dropout", "first", net.variable("data"), p=0.1)
    x = net.layer("Activation", "middle", x, act_type="tanh")
    return net.graph(net.layer("Dropout", "last", x), inputs={"data": ("N", 3)})


NETWORKS: Dict[Callable[[], Graph], Tuple[int, ...]] = {
    resnet: (2, 3, 8, 6),
    pyramid: (1, 3, 12, 16),
    sequence: (2, 6, 8),
    idle: (4, 3),
}
cases = pytest.mark.parametrize(
    ("build", "opset"),
    [(build, opset) for build in NETWORKS for opset in OPSETS],
    ids=lambda v: v.__name__ if callable(v) else str(v),
)
each = pytest.mark.parametrize("build", NETWORKS, ids=lambda b: b.__name__)


@cases
def test_onnx_accepts_it_and_infers_our_shapes(build: Callable[[], Graph], opset: int) -> None:
    """The checker compares the shapes that we state with those that it infers."""
    model = proto(build(), opset)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", opset)]
    assert model.ir_version == onnx.helper.find_min_ir_version_for(model.opset_import)
    onnx.checker.check_model(model, full_check=True)
    options = {"check_type": True, "strict_mode": True, "data_prop": True}
    onnx.shape_inference.infer_shapes(model, **options)
    model = proto(build().with_inputs({"data": NETWORKS[build]}), opset)
    onnx.shape_inference.infer_shapes(model, **options)
    stated(model)[-1].type.tensor_type.shape.dim[-1].dim_value += 1
    with pytest.raises(onnx.shape_inference.InferenceError):
        onnx.shape_inference.infer_shapes(model, **options)


@cases
def test_names(build: Callable[[], Graph], opset: int) -> None:
    """Every layer is there once by its name; weights are no inputs, and none is idle."""
    graph, model = build(), proto(build(), opset)
    results = [name for node in model.graph.node for name in node.output]
    layers = [name for node in graph.nodes for name in node.outputs]
    assert len(set(results)) == len(results)
    assert [name for name in results if name in set(layers)] == layers
    assert [i.name for i in stated(model)] == layers, "helpers state no type: they are no layers"
    assert [o.name for o in model.graph.output] == list(graph.outputs)
    assert [i.name for i in model.graph.input] == ["data"]
    stored = {t.name for t in model.graph.initializer}
    assert stored.isdisjoint(["data"])
    assert stored <= {name for node in model.graph.node for name in node.input}


def test_symbolic_dimensions_keep_their_names() -> None:
    graph = proto(resnet()).graph
    data, out = (v.type.tensor_type.shape.dim for v in (*graph.input, *graph.output))
    assert [d.dim_param or d.dim_value for d in data] == ["N", 3, "H", "W"]
    assert [d.dim_param or d.dim_value for d in out] == ["N", 5]


@pytest.mark.parametrize("opset", [SUPPORTED_OPSETS[0] - 1, SUPPORTED_OPSETS[-1] + 1, 0, -1])
def test_an_opset_out_of_range(opset: int) -> None:
    with pytest.raises(UnsupportedError, match=rf"opset {opset}; supported: 13 to {OPSETS[-1]}"):
        to_onnx(resnet(), opset=opset)


def test_the_default_epsilon_is_a_float() -> None:
    """MXNet's default is a C double of the float 1e-3f; a stored `0.001` is the double."""
    net = Network()
    x = net.batch_norm("stated", net.variable("data"), 4, eps=0.001)
    graph = net.graph(net.batch_norm("left out", x, 4))
    assert graph.operators["stated"].eps == 0.001  # type: ignore[attr-defined]
    assert graph.operators["left out"].eps == float(np.float32(0.001))  # type: ignore[attr-defined]


def test_an_input_of_unknown_shape() -> None:
    net = Network()
    x = net.layer("Activation", "act", net.variable("picture"), act_type="relu")
    with pytest.raises(ShapeError, match=r"'picture' .* --input picture=Nx3xHxW"):
        to_onnx(net.graph(x))


def test_heads_that_repeat_or_are_read_inside() -> None:
    net = Network()
    data = net.variable("data")
    a = net.layer("Activation", "a", data, act_type="relu")
    b = net.layer("elemwise_add", "b", a, a)
    model = proto(net.graph(a, b, a, data, inputs={"data": ("N", 3)}))
    onnx.checker.check_model(model, full_check=True)
    assert [o.name for o in model.graph.output] == ["a", "b", "data"]
    x = noise(2, 3)
    for found, expected in zip(evaluate(model, data=x), (x.clip(0), 2 * x.clip(0), x)):
        np.testing.assert_array_equal(found, expected)


def test_a_head_that_is_neither_layer_nor_input() -> None:
    """A parameter is refused, a label left out."""
    net = Network()
    parameter, label = net.parameter("w", 3), net.variable("label")
    x = net.layer("SoftmaxOutput", "softmax", net.variable("data"), label)
    with pytest.raises(UnsupportedError, match="output 'w' is a stored parameter"):
        net.graph(x, parameter)
    del net.arrays["w"]
    with pytest.warns(DroppedOutputsWarning, match="only training needs the outputs label: "):
        graph = net.graph(x, label)
    assert graph.outputs == ("softmax",)


def test_a_second_output_that_no_operator_has() -> None:
    net = Network()
    index, _ = net.layer("Activation", "act", net.variable("data"), act_type="relu")
    with pytest.raises(UnsupportedError, match="'act': 2 outputs are read; supported: 1"):
        net.graph((index, 1), inputs={"data": (1, 3)})
