"""Heads and element types that the user chooses, and labels that nobody needs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List, Tuple

import numpy as np
import onnxruntime
import pytest

from converters import CheckpointError, load_checkpoint, to_onnx
from converters.mxnet_format import select_outputs as selecting
from converters.mxnet_format.naming import layer_outputs
from fixtures.networks import Network, small_resnet
from mxproof.model import load_for_run
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.mxnet.client import MxnetProcess

from .conftest import Succeed, activation, saved, saved_resnet


@pytest.mark.parametrize("layer", ["flat", "flat_output", "unit1_relu1"])
def test_an_embedding(succeed: Succeed, prefix: Path, tmp_path: Path, layer: str) -> None:
    """The layer that was named is the output, and what came after it is gone."""
    chosen = (prefix, "--to", "onnx", "--output", layer)
    succeed("convert", *chosen, "-o", tmp_path, "--no-verify")
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx")
    assert [o.name for o in session.get_outputs()] == [layer.replace("_output", "")]
    succeed("verify", *chosen, "--input", "data=1x3x9x8")


def test_several_outputs(prefix: Path, mxnet: MxnetProcess) -> None:
    """In the order in which they were asked for; the numbers are MXNet's own for these layers."""
    graph = load_checkpoint(prefix, outputs=["fc", "conv0"])
    assert graph.outputs == ("fc", "conv0")
    assert [n.name for n in graph.nodes][-1] == "fc"
    model = mxnet.load(prefix, 0, graph)
    feeds = {"data": np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)}
    truth = model.truth(feeds)
    assert truth.names[-1] == "fc"
    np.testing.assert_array_equal(truth.outputs[0], truth["fc"].float32)
    np.testing.assert_array_equal(truth.outputs[1], truth["conv0"].float32)


def test_an_input_is_no_layer(prefix: Path) -> None:
    """Another name that is none: docs/errors.md."""
    with pytest.raises(CheckpointError, match="--output data: .* no such layer"):
        load_checkpoint(prefix, outputs=["data"])


def half(folder: Path) -> Path:
    arrays = small_resnet()[0].arrays
    return saved_resnet(folder / "half", **{n: a.astype(np.float16) for n, a in arrays.items()})


def test_float16_is_kept(succeed: Succeed, tmp_path: Path, mxnet: MxnetProcess) -> None:
    """On request: half the size, inputs and outputs in float16, MXNet's numbers to float16."""
    prefix = half(tmp_path)
    succeed("convert", prefix, "-o", tmp_path / "out", "--float16")
    session = onnxruntime.InferenceSession(tmp_path / "out" / "half.onnx")
    assert session.get_inputs()[0].type == "tensor(float16)"
    data = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float16)
    (ours,) = session.run(None, {"data": data})
    assert ours.dtype == np.float16
    graph = load_checkpoint(prefix)
    truth = mxnet.load(prefix, 0, graph).truth({"data": data.astype(np.float32)})
    (exact,) = (truth[name].float64 for name in graph.outputs)
    # Some forty roundings of 2^-11 lie between the input and these probabilities.
    np.testing.assert_allclose(ours.astype(np.float64), exact, atol=40 * 2.0**-11)


def test_the_halves_agree(tmp_path: Path) -> None:
    """What keeping float16 changes is the types, nothing else."""
    wide, kept = (load_checkpoint(half(tmp_path), half=kept) for kept in (False, True))
    assert set(kept.types.values()) == {"float16"}
    assert set(wide.types.values()) == {"float32"}
    operators = [[n.op_type for n in to_onnx(graph).graph] for graph in (wide, kept)]
    assert operators[0] == operators[1]


def test_stated_types(succeed: Succeed, tmp_path: Path) -> None:
    prefix = saved(tmp_path / "typed", activation)
    assert load_checkpoint(prefix, inputs={"data": (2, 3)}).types["act"] == "float32"
    types = ("--input", "data=2x3", "--input-type", "data=float64")
    succeed("convert", prefix, *types, "-o", tmp_path, "--no-verify")
    session = onnxruntime.InferenceSession(tmp_path / "typed.onnx")
    assert session.get_inputs()[0].type == "tensor(double)"


def words(folder: Path) -> Path:
    """A network that begins with an embedding of 50 words, behind a layer that moves them."""

    def build(net: Network, data: Any) -> Any:
        x = net.layer("SwapAxis", "turned", data, dim1=0, dim2=1)
        table = net.parameter("table", 50, 4)
        x = net.layer("Embedding", "words", x, table, input_dim=50, output_dim=4)
        return net.layer("Flatten", "flat", x)

    return saved(folder / "words", build)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_indices_are_drawn_from_their_range(dtype: str, tmp_path: Path) -> None:
    subject = load_for_run(str(words(tmp_path)), {"data": (20, 20)}, types={"data": dtype})
    (array,) = subject.inputs({"data": (20, 20)}).values()
    assert array.dtype == dtype
    assert set(array.ravel()) == set(range(50))


def labelled(folder: Path) -> Path:
    """As a language model has it: one label for each step, in a row; and a target of two heads.
    Layers make what its heads compare with; they go with these heads' labels."""

    def build(net: Network, data: Any) -> Any:
        row = net.layer("Reshape", "row", net.variable("softmax_label"), shape=(-1,))
        dense = net.parameter("fc_weight", 5, 4), net.parameter("fc_bias", 5)
        x = net.layer("FullyConnected", "fc", data, *dense, num_hidden=5)
        half = net.layer("_mul_scalar", "half", net.variable("target"), scalar=0.5)
        first = net.layer("SoftmaxOutput", "softmax", x, row)
        return [first, net.layer("LinearRegressionOutput", "fitted", x, half)]

    return saved(folder / "net", build)


def test_made_labels_are_cut_away_with_their_layers(tmp_path: Path) -> None:
    """But for those of a variable that is stated."""
    graph = load_checkpoint(labelled(tmp_path))
    assert [v.name for v in graph.inputs] == ["data"]
    assert [n.name for n in graph.nodes] == ["fc", "softmax", "fitted"]
    assert graph.labels == ("fitted_label", "softmax_label_")
    graph = load_checkpoint(tmp_path / "net", inputs={"data": (2, 4), "target": (2, 5)})
    assert [v.name for v in graph.inputs] == ["data", "target"]
    assert "half" in [n.name for n in graph.nodes]


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (half, "--input data=1x3x9x8"),  # widened to float32
        (labelled, "--input data=3x4"),
        *(
            (words, f"--input data=5x7 --input-type data={t}")
            for t in ("float32", "int32", "uint8")
        ),
    ],
)
def test_they_are_proven(
    succeed: Succeed, tmp_path: Path, build: Callable[[Path], Path], options: str
) -> None:
    succeed("verify", build(tmp_path), *options.split())


def test_made_labels_change_nothing_in_mxnet(tmp_path: Path, mxnet: MxnetProcess) -> None:
    """The network with its label layers, fed with labels, and without them."""
    prefix = labelled(tmp_path)
    data = np.random.default_rng(0).standard_normal((3, 4)).astype("f")
    feeds = {"data": data, "target": np.ones((3, 5), "f"), "softmax_label": np.ones((3, 1), "f")}
    outputs = []
    for names in (["data"], list(feeds)):
        graph = load_checkpoint(prefix, inputs={n: feeds[n].shape for n in names})
        model = mxnet.load(prefix, 0, graph)
        outputs.append(model.run({n: feeds[n] for n in names}))
        model.close()
    for cut, whole in zip(*outputs):
        np.testing.assert_array_equal(cut, whole)


def repeated(folder: Path) -> Path:
    """Layers of one name, as Gluon exports them, one called as another's second copy would be, and
    one of two outputs."""

    def build(net: Network, data: Any) -> Any:
        x = net.layer("relu", "fwd", data)
        x = net.layer("sigmoid", "fwd_1", x)
        x = net.layer("tanh", "fwd", x)
        x = net.layer("sqrt", "fwd", net.layer("square", "data", x))
        top = net.layer("topk", "top", x, ret_typ="both", k="2")
        return [x, top]

    return saved(folder / "repeated", build)


@pytest.mark.parametrize(
    ("outputs", "entries"),
    [
        (["fwd"], [(0, 0)]),
        (["fwd_1", "fwd"], [(1, 0), (0, 0)]),
        (["fwd_2"], [(2, 0)]),
        (["data_1_output", "fwd_3"], [(3, 0), (4, 0)]),
        (["top"], [(5, 0), (5, 1)]),
        (["top_output1", "fwd_1_output"], [(5, 1), (1, 0)]),
    ],
)
@pytest.mark.parametrize("off", [0, 1, -1])
def test_what_is_chosen_is_what_mxnet_calls_so(
    outputs: List[str],
    entries: List[Tuple[int, int]],
    off: int,
    tmp_path: Path,
    mxnet: MxnetProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A choice that is off by one is the same in MXNet as in what is converted."""
    found = selecting.choose

    def chosen(symbol: Any, names: Any) -> Any:
        listed = layer_outputs(symbol)
        return tuple(listed[(listed.index(e) + off) % 7] for e in found(symbol, names))

    monkeypatch.setattr(selecting, "choose", chosen)
    graph = load_checkpoint(repeated(tmp_path), outputs=outputs, inputs={"data": (2, 5)})
    assert (list(graph.cut_at) == entries) == (not off)
    if off:
        with pytest.raises(RuntimeFailure, match=r"\['.*'\] are \['.*'\] in MXNet; \['.*'\] were"):
            mxnet.load(tmp_path / "repeated", 0, graph)
    else:
        mxnet.load(tmp_path / "repeated", 0, graph).close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"outputs": ("fitted", "softmax")},
            "output 0 is 'softmax_output' in MXNet, 'fitted' here",
        ),
        ({"outputs": ("softmax",)}, "MXNet has the outputs ['softmax_output', 'fitted_output'],"),
        ({"cut_at": ((2, 0),), "made_labels": ()}, "were taken, unasked"),
        ({"labels": ("fc_weight",)}, "and FullyConnected reads it as its 'weight'; labels are"),
        ({"made_labels": ((0, 0, "softmax_label_"), (2, 1, "fitted_label"))}, "its 'data'"),
    ],
)
def test_outputs_and_labels_are_those_of_mxnet(
    change: Any, said: str, tmp_path: Path, mxnet: MxnetProcess
) -> None:
    graph = load_checkpoint(labelled(tmp_path))
    mxnet.load(tmp_path / "net", 0, graph).close()
    with pytest.raises(RuntimeFailure, match=re.escape(said)):
        mxnet.load(tmp_path / "net", 0, replace(graph, **change))
