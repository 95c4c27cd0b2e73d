"""Labels that layers make of a variable: they go with these layers, in MXNet as in the targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters import load_checkpoint, save_checkpoint
from mxproof.runtimes.mxnet import MxnetProcess
from tests.converters.networks import Network

from .conftest import Run


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """As a language model has it: one label for each step, in a row; and a target of two heads."""
    net = Network()
    data, label = net.variable("data"), net.variable("softmax_label")
    row = net.layer("Reshape", "row", label, shape=(-1,))
    dense = [net.variable(f"fc_{n}", np.ones(s, "f")) for n, s in (("weight", (5, 4)), ("bias", 5))]
    x = net.layer("FullyConnected", "fc", data, *dense, num_hidden=5)
    first = net.layer("SoftmaxOutput", "softmax", x, row)
    half = net.layer("_mul_scalar", "half", net.variable("target"), scalar=0.5)
    second = net.layer("LinearRegressionOutput", "fitted", x, half)
    save_checkpoint(tmp_path / "net", net.symbol(first, second), net.arrays)
    return tmp_path / "net"


def test_are_cut_away_with_their_layers(prefix: Path) -> None:
    graph = load_checkpoint(prefix)
    assert [v.name for v in graph.inputs] == ["data"]
    assert [n.name for n in graph.nodes] == ["fc", "softmax", "fitted"]
    assert graph.labels == ("fitted_label", "softmax_label_")


def test_of_a_variable_that_is_stated_stay(prefix: Path) -> None:
    graph = load_checkpoint(prefix, inputs={"data": (2, 4), "target": (2, 5)})
    assert [v.name for v in graph.inputs] == ["data", "target"]
    assert "half" in [n.name for n in graph.nodes]


def test_are_proven(run: Run, prefix: Path) -> None:
    code, _, err = run("verify", prefix, "--input", "data=3x4", "--quiet")
    assert code == 0, err


def test_change_nothing_in_mxnet(prefix: Path, mxnet: MxnetProcess) -> None:
    """The network with its label layers, fed with labels, and without them."""
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
