"""ONNX back in MXNet: what MXNet computes of it is what it computed of the original."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from converters import SUPPORTED_OPSETS, Graph, load_checkpoint, save_checkpoint, to_onnx
from converters.mxnet_symbol import MxnetModel, from_onnx, save_mxnet
from fixtures.gluoncv import GLUONCV, Exporter, checkpoint
from fixtures.zoo import ZOO, obtain
from mxproof.runtimes.mxnet import MxnetProcess
from tests.converters.networks import Network

Arrays = Dict[str, Any]

#: Of float64: the same operators in the same order, but for a few that ONNX composes.
EQUAL = 1e-12
#: Of float32: how much worse than the original's own error one may be, where both round anew.
NOISE = 1.5


def inputs_of(graph: Graph, shapes: Dict[str, Any], scale: float = 1.0) -> Arrays:
    random = np.random.default_rng(0)
    names = [value.name for value in graph.inputs]
    return {n: (scale * random.standard_normal(shapes[n])).astype(np.float32) for n in names}


def assert_same(
    mxnet: MxnetProcess, prefix: Path, graph: Graph, model: MxnetModel, inputs: Arrays, folder: Path
) -> None:
    """In float64 equal; in float32 as far from the truth as the original."""
    save_mxnet(model, folder / "back")
    back = load_checkpoint(folder / "back", inputs=model.inputs)
    assert back.outputs == graph.outputs
    results: List[Any] = []
    for path, network in ((prefix, graph), (folder / "back", back)):
        loaded = mxnet.load(path, 0, network)
        results.append([loaded.run(inputs, dtype) for dtype in ("float64", "float32")])
        loaded.close()
    for truth, single, again, once_more in zip(*results[0], *results[1]):
        assert again.shape == truth.shape
        assert again.dtype == truth.dtype
        largest = np.abs(truth).max()
        assert largest > 0
        assert np.abs(again - truth).max() <= EQUAL * largest
        own = np.abs(single - truth).max()
        assert np.abs(once_more - truth).max() <= NOISE * own + 1e-7 * largest


#: Each of the six models at another opset, in turn, and half of them with sizes left free.
OPSETS = dict(zip(ZOO, (SUPPORTED_OPSETS[0], 17, 18, 21, 24, SUPPORTED_OPSETS[-1])))


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo(name: str, mxnet: MxnetProcess, tmp_path: Path) -> None:
    model = ZOO[name]
    prefix = obtain(model, "seeded").prefix
    shapes = {"data": model.layers_input}
    free = OPSETS[name] % 2 == 0
    graph = load_checkpoint(prefix, inputs={} if free else shapes)
    back = from_onnx(to_onnx(graph, opset=OPSETS[name]))
    assert_same(mxnet, prefix, graph, back, inputs_of(graph, shapes), tmp_path)


@pytest.mark.parametrize(
    ("stem", "shape"),
    [
        ("cifar_resnet20_v1", (2, 3, 32, 32)),
        ("cifar_resnet20_v2", (2, 3, 32, 32)),
        ("mnet.25", (1, 3, 64, 96)),
    ],
)
@pytest.mark.filterwarnings("ignore::converters.errors.UnusedParametersWarning")
def test_real_checkpoints(
    stem: str, shape: Any, samples_dir: Path, mxnet: MxnetProcess, tmp_path: Path
) -> None:
    graph = load_checkpoint(samples_dir / stem)
    inputs = inputs_of(graph, {"data": shape})
    assert_same(mxnet, samples_dir / stem, graph, from_onnx(to_onnx(graph)), inputs, tmp_path)


def embedding() -> Tuple[Network, Tuple[int, int]]:
    """As InsightFace's networks: slopes by channel, a gamma that is not read, a unit length."""
    net = Network()
    x = net.convolution("conv0", net.variable("data"), 3, 4)
    x = net.batch_norm("bn0", x, 4, eps=2e-5)  # fix_gamma, which is MXNet's default
    gamma = net.parameter("relu0_gamma", 4)
    x = net.layer("LeakyReLU", "relu0", x, gamma, act_type="prelu")
    x = net.convolution("dw1", x, 1, 4, num_group=4, stride=(2, 2))
    x = net.batch_norm("bn1", x, 4, eps=1e-3, fix_gamma=False)
    x = net.layer("Dropout", "drop", x, p=0.4)
    weight, bias = net.parameter("pre_fc1_weight", 6, 48), net.parameter("pre_fc1_bias", 6)
    x = net.layer("FullyConnected", "pre_fc1", x, weight, bias, num_hidden=6)
    x = net.batch_norm("fc1", x, 6, eps=2e-5)
    return net, net.layer("L2Normalization", "unit", x, mode="instance")


@pytest.mark.parametrize("opset", [SUPPORTED_OPSETS[0], 21])
def test_an_embedding(opset: int, mxnet: MxnetProcess, tmp_path: Path) -> None:
    net, head = embedding()
    save_checkpoint(tmp_path / "net", net.symbol(head), net.arrays)
    graph = load_checkpoint(tmp_path / "net")
    back = from_onnx(to_onnx(graph, opset=opset))
    inputs = inputs_of(graph, {"data": (3, 3, 8, 6)})
    assert_same(mxnet, tmp_path / "net", graph, back, inputs, tmp_path)


@pytest.fixture(scope="module")
def exporter(request: pytest.FixtureRequest) -> Iterator[Exporter]:
    python = request.config.getoption("--mxnet-python")
    if not python and not find_spec("gluoncv"):
        pytest.skip("needs MXNet and GluonCV: name the Python that has them by --mxnet-python")
    with Exporter(python) as process:
        yield process


#: Of GluonCV's families, those with operators of their own.
FAMILIES = (
    "cifar_residualattentionnet56",
    "cifar_resnext29_32x4d",
    "densenet121",
    "googlenet",
    "hrnet_w18_small_v1_c",
    "mobilenetv3_small",
    "resnest14",
    "resnet50_v1d_0.11",
    "se_resnet18_v2",
    "shufflenet_v1",
    "squeezenet1.1",
)


@pytest.mark.parametrize("name", FAMILIES)
def test_gluoncvs_families(
    name: str, exporter: Exporter, mxnet: MxnetProcess, tmp_path: Path
) -> None:
    prefix = checkpoint(GLUONCV[name], exporter, tmp_path)
    shapes = dict(GLUONCV[name].inputs)
    graph = load_checkpoint(prefix)
    inputs = inputs_of(graph, shapes)
    assert_same(mxnet, prefix, graph, from_onnx(to_onnx(graph)), inputs, tmp_path)


def node(op: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs, ["y"], **attributes)


def draw(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


IMAGE = (2, 4, 7, 6)
#: Forms that our own exports do not have: a node that reads x, and the arrays beside it.
FORMS: Dict[str, Any] = {
    "Conv padded behind": (
        IMAGE,
        node("Conv", "x", "w", kernel_shape=[3, 3], pads=[0, 0, 1, 2]),
        {"w": draw(5, 4, 3, 3)},
    ),
    "Conv 1d padded before": (
        (2, 3, 8),
        node("Conv", "x", "w", "b", pads=[2, 0], strides=[2]),
        {"w": draw(4, 3, 3), "b": draw(4)},
    ),
    "ConvTranspose cut on one side": (
        IMAGE,
        node("ConvTranspose", "x", "w", strides=[2, 2], pads=[0, 1, 2, 1], group=2),
        {"w": draw(4, 3, 3, 3)},
    ),
    "MaxPool padded on one side": (
        IMAGE,
        node("MaxPool", "x", kernel_shape=[2, 2], pads=[0, 0, 1, 1], strides=[2, 2]),
        {},
    ),
    "MaxPool whose last window begins in the padding": (
        (1, 2, 5, 5),
        node(
            "MaxPool", "x", kernel_shape=[2, 2], pads=[1] * 4, strides=[2, 2], ceil_mode=1
        ),
        {},
    ),
    "AveragePool counting padding on one side": (
        IMAGE,
        node("AveragePool", "x", kernel_shape=[3, 2], pads=[1, 0, 0, 1], count_include_pad=1),
        {},
    ),
    "AveragePool not counting": (
        IMAGE,
        node("AveragePool", "x", kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=0),
        {},
    ),
    "Pad a batch": (IMAGE, node("Pad", "x", "p"), {"p": ints(1, 0, 0, 0, 0, 0, 2, 0)}),
    "Pad and cut": (IMAGE, node("Pad", "x", "p"), {"p": ints(0, 0, -1, 1, 0, 0, 2, -2)}),
    "Pad a vector": ((5,), node("Pad", "x", "p", "v"), {"p": ints(2, 1), "v": np.float32(3)}),
    "Gemm of rows": (
        (3, 4),
        node("Gemm", "x", "w", "b", alpha=0.5, beta=2.0),
        {"w": draw(4, 5), "b": draw(1, 5)},
    ),
    "Gemm turned": ((4, 3), node("Gemm", "x", "w", transA=1, transB=1), {"w": draw(5, 4)}),
    "MatMul with a stored matrix": (IMAGE, node("MatMul", "x", "w"), {"w": draw(6, 5)}),
    "MatMul with stored matrices": (IMAGE, node("MatMul", "x", "w"), {"w": draw(4, 6, 5)}),
    "MatMul with a vector": (IMAGE, node("MatMul", "x", "w"), {"w": draw(6)}),
    "PRelu by channel": (IMAGE, node("PRelu", "x", "s"), {"s": draw(4, 1, 1)}),
    "PRelu by place": (IMAGE, node("PRelu", "x", "s"), {"s": draw(7, 6)}),
    "Round": ((9,), node("Round", "x"), {}),
    "Mod with the dividend's sign": (IMAGE, node("Mod", "x", "d", fmod=1), {"d": draw(6)}),
    "Max of three": (IMAGE, node("Max", "x", "a", "b"), {"a": draw(6), "b": draw(4, 1, 1)}),
    "Clip from below": (IMAGE, node("Clip", "x", "a"), {"a": np.float32(-0.3)}),
    "Where": (
        IMAGE,
        node("Where", "c", "x", "n"),
        {"c": np.arange(6) % 2 == 0, "n": draw(4, 1, 1)},
    ),
    "HardSwish": (IMAGE, node("HardSwish", "x"), {}),
    "Gelu by tanh": (IMAGE, node("Gelu", "x", approximate="tanh"), {}),
    "Selu": (IMAGE, node("Selu", "x"), {}),
    "Elu": (IMAGE, node("Elu", "x", alpha=0.3), {}),
    "Softplus": (IMAGE, node("Softplus", "x"), {}),
    "LogSoftmax": (IMAGE, node("LogSoftmax", "x", axis=1), {}),
    "ReduceLogSumExp": (IMAGE, node("ReduceLogSumExp", "x", "a", keepdims=0), {"a": ints(1, -1)}),
    "ReduceL2": (IMAGE, node("ReduceL2", "x", "a"), {"a": ints(2)}),
    "ReduceSumSquare of all": (IMAGE, node("ReduceSumSquare", "x"), {}),
    "LpNormalization": (IMAGE, node("LpNormalization", "x", axis=1, p=2), {}),
    "LRN": ((4, 4, 3, 2),  # as many pictures as channels: the evaluator counts the wrong ones
         node("LRN", "x", size=3, alpha=0.1, beta=0.7, bias=1.5), {}),
    "InstanceNormalization": (
        IMAGE,
        node("InstanceNormalization", "x", "s", "b", epsilon=1e-3),
        {"s": draw(4), "b": draw(4)},
    ),
    "LayerNormalization": (IMAGE, node("LayerNormalization", "x", "s"), {"s": draw(6)}),
    "Flatten in the middle": (IMAGE, node("Flatten", "x", axis=2), {}),
    "Flatten everything": (IMAGE, node("Flatten", "x", axis=0), {}),
    "Slice backwards": (
        IMAGE,
        node("Slice", "x", "b", "e", "a", "s"),
        {"b": ints(-1, 4), "e": ints(-100, 0), "a": ints(2, 3), "s": ints(-2, -1)},
    ),
    "Gather the last": (IMAGE, node("Gather", "x", "i", axis=1), {"i": np.int64(-1)}),
    "Gather a table": (IMAGE, node("Gather", "x", "i", axis=2), {"i": ints(3, -1, 0, 3)}),
    "GatherElements": (
        (2, 3),
        node("GatherElements", "x", "i", axis=1),
        {"i": np.array([[2, -1], [0, 1]], np.int64)},
    ),
    "Tile": (IMAGE, node("Tile", "x", "r"), {"r": ints(1, 2, 1, 3)}),
    "Expand by a new axis": ((4, 1), node("Expand", "x", "t"), {"t": ints(2, 1, 3)}),
    "CumSum exclusive, backwards": (
        IMAGE,
        node("CumSum", "x", "a", exclusive=1, reverse=1),
        {"a": np.int64(2)},
    ),
    "ArgMax": (IMAGE, node("ArgMax", "x", axis=1, keepdims=0), {}),
    "DepthToSpace": (IMAGE, node("DepthToSpace", "x", blocksize=2), {}),
    "Resize twice": (
        IMAGE,
        node(
            "Resize", "x", "", "s", mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
        {"s": np.array([1, 1, 2, 2], np.float32)},
    ),
    "Resize to corners": (
        IMAGE,
        node(
            "Resize", "x", "", "", "s", mode="linear",
            coordinate_transformation_mode="align_corners",
        ),
        {"s": ints(2, 4, 9, 11)},
    ),
    "Dropout": (IMAGE, node("Dropout", "x", "r"), {"r": np.float32(0.4)}),
    "Unsqueeze": (IMAGE, node("Unsqueeze", "x", "a"), {"a": ints(-1, 0)}),
    "Squeeze": ((2, 1, 3, 1), node("Squeeze", "x"), {}),
}  # fmt: skip


#: What ONNX's evaluator cannot compute: onnxruntime does, in float32.
BEYOND_THE_EVALUATOR = ("ConvTranspose cut on one side", "Pad and cut")
#: What ONNX defines by float32 numbers: 0.044715, the root of 2 / pi.
ROUNDED = ("Gelu by tanh",)


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_operators(name: str, mxnet: MxnetProcess, tmp_path: Path) -> None:
    shape, made, arrays = FORMS[name]
    model = from_onnx(model_of(made, shape, arrays, np.float32))
    save_mxnet(model, tmp_path / "back")
    graph = load_checkpoint(tmp_path / "back", inputs=model.inputs)
    x = np.arange(-4.5, 4.5).astype(np.float32) if name == "Round" else draw(*shape)
    loaded = mxnet.load(tmp_path / "back", 0, graph)
    found = {dtype: loaded.run({"x": x}, dtype)[0] for dtype in ("float64", "float32")}
    loaded.close()
    expected, limit = computed(name, x), EQUAL
    if name in (*BEYOND_THE_EVALUATOR, *ROUNDED):
        limit = 1e-7
    expected = expected.reshape(expected.shape or (1,))  # MXNet has no arrays without axes
    assert found["float64"].shape == found["float32"].shape == expected.shape
    largest = np.abs(expected).max()
    assert np.abs(found["float64"] - expected).max() <= limit * largest
    assert np.abs(found["float32"] - expected).max() <= 1e-5 * largest


def computed(name: str, x: Any) -> Any:
    """By an implementation of ONNX that is not ours."""
    shape, made, arrays = FORMS[name]
    if name in BEYOND_THE_EVALUATOR:
        onnxruntime = pytest.importorskip("onnxruntime")
        model = model_of(made, shape, arrays, np.float32)
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return session.run(None, {"x": x})[0]
    model = model_of(made, shape, arrays, np.float64)
    return ReferenceEvaluator(model).run(None, {"x": x.astype(np.float64)})[0]


def model_of(made: onnx.NodeProto, shape: Any, arrays: Arrays, dtype: Any) -> onnx.ModelProto:
    """A network of one node; its numbers in `dtype`."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    stored = []
    for name, array in arrays.items():
        array = np.asarray(array)
        is_scale = made.op_type == "Resize"
        wide = array.astype(dtype) if array.dtype == np.float32 and not is_scale else array
        stored.append(numpy_helper.from_array(wide, name))
    graph = helper.make_graph(
        [made],
        "net",
        [helper.make_tensor_value_info("x", kind, shape)],
        [
            helper.make_tensor_value_info(
                "y", TensorProto.INT64 if made.op_type == "ArgMax" else kind, None
            )
        ],
        stored,
    )
    opsets = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)
