"""ONNX back in MXNet: what MXNet computes of it is what it computed of the original."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np
import onnx
import pytest
from onnx import helper
from onnxruntime import InferenceSession

from converters import DEFAULT_OPSET, SUPPORTED_OPSETS, load_checkpoint, save_checkpoint, to_onnx
from converters.onnx.to_mxnet import from_onnx, save_mxnet
from fixtures.networks import Network, evaluate, onnx_model
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.zoo.gluoncv import GLUONCV, Exporter, checkpoint
from mxproof.zoo.models import ZOO, obtain

Arrays = Dict[str, Any]

#: Of float64: the same operators in the same order, but for a few that ONNX composes.
EQUAL = 1e-12
#: Of float32: how much worse than the original's own error one may be, where both round anew.
NOISE = 1.5


def assert_same(
    mxnet: MxnetProcess,
    prefix: Path,
    shapes: Dict[str, Any],
    folder: Path,
    opset: int = DEFAULT_OPSET,
    **stated: Any,
) -> None:
    """There and back: in float64 equal; in float32 as far from the truth as the original."""
    graph = load_checkpoint(prefix, **stated)
    model = from_onnx(to_onnx(graph, opset=opset))
    save_mxnet(model, folder / "back")
    back = load_checkpoint(folder / "back", inputs=model.inputs)
    assert back.outputs == graph.outputs
    random = np.random.default_rng(0)
    names = [value.name for value in graph.inputs]
    inputs = {n: random.standard_normal(shapes[n]).astype(np.float32) for n in names}
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
    prefix, shapes = obtain(ZOO[name], "seeded").prefix, {"data": ZOO[name].layers_input}
    stated = {} if OPSETS[name] % 2 == 0 else shapes
    assert_same(mxnet, prefix, shapes, tmp_path, OPSETS[name], inputs=stated)


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
    assert_same(mxnet, samples_dir / stem, {"data": shape}, tmp_path)


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
    assert_same(mxnet, tmp_path / "net", {"data": (3, 3, 8, 6)}, tmp_path, opset)


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
    assert_same(mxnet, prefix, dict(GLUONCV[name].inputs), tmp_path)


def draw(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


IMAGE = (2, 4, 7, 6)


def form(
    op: str, shape: Any = IMAGE, arrays: Any = None, inputs: str = "", **attributes: Any
) -> Tuple[onnx.NodeProto, Any, Arrays]:
    """A node that reads x and, unless `inputs` says otherwise, the arrays behind it."""
    names = inputs.split(",") if inputs else ["x", *(arrays or {})]
    return helper.make_node(op, names, ["y"], **attributes), shape, arrays or {}


WINDOW: Dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}
SIZED: Dict[str, Any] = {"coordinate_transformation_mode": "align_corners", "mode": "linear"}
NEAREST: Dict[str, Any] = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
CHOICE = {"c": np.arange(6) % 2 == 0, "n": draw(4, 1, 1)}
BACKWARDS = {"b": ints(-1, 4), "e": ints(-100, 0), "a": ints(2, 3), "s": ints(-2, -1)}
#: Forms that our own exports do not have: for those that they have, tests/operators.
FORMS: Dict[str, Tuple[onnx.NodeProto, Any, Arrays]] = {
    "Conv padded behind": form("Conv", IMAGE, {"w": draw(5, 4, 3, 3)}, pads=[0, 0, 1, 2]),
    "Conv 1d padded before": form(
        "Conv", (2, 3, 8), {"w": draw(4, 3, 3), "b": draw(4)}, pads=[2, 0], strides=[2]
    ),
    "ConvTranspose cut on one side": form(
        "ConvTranspose", IMAGE, {"w": draw(4, 3, 3, 3)}, strides=[2, 2], pads=[0, 1, 2, 1], group=2
    ),
    "MaxPool padded on one side": form("MaxPool", pads=[0, 0, 1, 1], **WINDOW),
    "MaxPool whose last window begins in the padding": form(
        "MaxPool", (1, 2, 5, 5), pads=[1] * 4, ceil_mode=1, **WINDOW
    ),
    "AveragePool counting padding on one side": form(
        "AveragePool", kernel_shape=[3, 2], pads=[1, 0, 0, 1], count_include_pad=1
    ),
    "Pad a batch": form("Pad", IMAGE, {"p": ints(1, 0, 0, 0, 0, 0, 2, 0)}),
    "Pad and cut": form("Pad", IMAGE, {"p": ints(0, 0, -1, 1, 0, 0, 2, -2)}),
    "Pad a vector": form("Pad", (5,), {"p": ints(2, 1), "v": np.float32(3)}),
    "Gemm of rows": form("Gemm", (3, 4), {"w": draw(4, 5), "b": draw(1, 5)}, alpha=0.5, beta=2.0),
    "Gemm turned": form("Gemm", (4, 3), {"w": draw(5, 4)}, transA=1, transB=1),
    "MatMul with a stored matrix": form("MatMul", IMAGE, {"w": draw(6, 5)}),
    "MatMul with stored matrices": form("MatMul", IMAGE, {"w": draw(4, 6, 5)}),
    "MatMul with a vector": form("MatMul", IMAGE, {"w": draw(6)}),
    "PRelu by place": form("PRelu", IMAGE, {"s": draw(7, 6)}),
    "Round": form("Round", (9,)),
    "Mod with the dividend's sign": form("Mod", IMAGE, {"d": draw(6)}, fmod=1),
    "Max of three": form("Max", IMAGE, {"a": draw(6), "b": draw(4, 1, 1)}),
    "Clip from below": form("Clip", IMAGE, {"a": np.float32(-0.3)}),
    "Where": form("Where", IMAGE, CHOICE, "c,x,n"),
    "HardSwish": form("HardSwish"),
    "Gelu by tanh": form("Gelu", approximate="tanh"),
    "Selu": form("Selu"),
    "Elu": form("Elu", alpha=0.3),
    "ReduceLogSumExp": form("ReduceLogSumExp", IMAGE, {"a": ints(1, -1)}, keepdims=0),
    "ReduceLogSumExp of all": form("ReduceLogSumExp", keepdims=0),
    "ReduceSumSquare of all": form("ReduceSumSquare"),
    "LpNormalization": form("LpNormalization", axis=1, p=2),
    "LayerNormalization": form("LayerNormalization", IMAGE, {"s": draw(6)}),
    "Flatten in the middle": form("Flatten", axis=2),
    "Flatten everything": form("Flatten", axis=0),
    "Slice backwards": form("Slice", IMAGE, BACKWARDS),
    "Gather the last": form("Gather", IMAGE, {"i": np.int64(-1)}, axis=1),
    "Gather a table": form("Gather", IMAGE, {"i": ints(3, -1, 0, 3)}, axis=2),
    "GatherElements": form("GatherElements", (2, 3), {"i": np.array([[2, -1], [0, 1]])}, axis=1),
    "Expand by a new axis": form("Expand", (4, 1), {"t": ints(2, 1, 3)}),
    "CumSum exclusive, backwards": form(
        "CumSum", IMAGE, {"a": np.int64(2)}, exclusive=1, reverse=1
    ),
    "Resize twice": form("Resize", IMAGE, {"s": np.float32([1, 1, 2, 2])}, "x,,s", **NEAREST),
    "Resize to corners": form("Resize", IMAGE, {"s": ints(2, 4, 9, 11)}, "x,,,s", **SIZED),
    "Dropout": form("Dropout", IMAGE, {"r": np.float32(0.4)}),
    "Unsqueeze": form("Unsqueeze", IMAGE, {"a": ints(-1, 0)}),
    "Squeeze": form("Squeeze", (2, 1, 3, 1)),
    **{f"{op} by default": form(op) for op in ("Elu", "HardSigmoid", "LeakyRelu", "Softmax")},
}
#: What ONNX's evaluator cannot compute: onnxruntime does, in float32.
BEYOND_THE_EVALUATOR = ("ConvTranspose cut on one side", "Pad and cut")
#: What ONNX defines by float32 numbers: 0.044715 and the root of 2 / pi.
ROUNDED = ("Gelu by tanh",)


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_operators(name: str, mxnet: MxnetProcess, tmp_path: Path) -> None:
    model = from_onnx(network(name, np.float32))
    save_mxnet(model, tmp_path / "back")
    graph = load_checkpoint(tmp_path / "back", inputs=model.inputs)
    x = np.arange(-4.5, 4.5).astype(np.float32) if name == "Round" else draw(*FORMS[name][1])
    loaded = mxnet.load(tmp_path / "back", 0, graph)
    found = {dtype: loaded.run({"x": x}, dtype)[0] for dtype in ("float64", "float32")}
    loaded.close()
    if name in BEYOND_THE_EVALUATOR:
        session = InferenceSession(network(name, np.float32).SerializeToString())
        (expected,) = session.run(None, {"x": x})
    else:
        (expected,) = evaluate(network(name, np.float64), x=x.astype(np.float64))
    expected = expected.reshape(expected.shape or (1,))  # MXNet has no arrays without axes
    limit = 1e-7 if name in (*BEYOND_THE_EVALUATOR, *ROUNDED) else EQUAL
    largest = np.abs(expected).max()
    for dtype, bound in (("float64", limit), ("float32", 1e-5)):
        assert found[dtype].shape == expected.shape
        assert np.abs(found[dtype] - expected).max() <= bound * largest


def network(name: str, dtype: Any) -> onnx.ModelProto:
    """A network of one node; its numbers in `dtype` (a Resize takes scales in float32 only)."""
    node, shape, arrays = FORMS[name]
    wide = {
        key: np.asarray(a, dtype if a.dtype == np.float32 and node.op_type != "Resize" else None)
        for key, a in arrays.items()
    }
    return onnx_model([node], shape, wide, dtype=dtype)
