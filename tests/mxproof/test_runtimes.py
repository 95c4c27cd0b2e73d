"""The runtimes: MXNet's worker and its deaths, and what tracing shows."""

from __future__ import annotations

import os
import signal
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Tuple

import numpy as np
import onnx
import pytest

from converters import Graph, save_checkpoint, save_onnx, save_pytorch, to_onnx, to_pytorch
from converters.checkpoint import load_checkpoint
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.runtimes.onnx_reference import to_double
from mxproof.targets import TARGETS, convert
from tests.converters.networks import Network, small_resnet

INPUTS = {"data": np.random.default_rng(0).random((2, 3, 8, 9)).astype(np.float32)}


@pytest.fixture
def small(tmp_path: Path) -> Tuple[Path, Graph]:
    net, head = small_resnet()
    save_checkpoint(tmp_path / "small", net.symbol(head), net.arrays)
    return tmp_path / "small", load_checkpoint(tmp_path / "small")


def test_layers_come_in_order_with_both_precisions(
    mxnet: MxnetProcess, small: Tuple[Path, Graph]
) -> None:
    prefix, graph = small
    model = mxnet.load(prefix, 0, graph)
    layers = list(model.layers(INPUTS))
    assert [t.name for t in layers] == [n.name for n in graph.nodes]
    assert {(t.float64.dtype.name, t.float32.dtype.name) for t in layers} == {
        ("float64", "float32")
    }
    np.testing.assert_array_equal(layers[-1].float64, model.run(INPUTS, "float64")[0])
    np.testing.assert_array_equal(layers[-1].float32, model.run(INPUTS, "float32")[0])
    model.close()


def test_a_caller_may_stop_early(mxnet: MxnetProcess, small: Tuple[Path, Graph]) -> None:
    prefix, graph = small
    model = mxnet.load(prefix, 0, graph)
    layers = model.layers(INPUTS)
    first = next(layers)
    layers.close()
    assert next(iter(model.layers(INPUTS))).name == first.name
    assert model.run(INPUTS)[0].shape == (2, 5)
    model.close()


def test_what_mxnet_refuses_is_said_and_the_worker_lives_on(
    mxnet: MxnetProcess, small: Tuple[Path, Graph]
) -> None:
    prefix, graph = small
    model = mxnet.load(prefix, 0, graph)
    with pytest.raises(RuntimeFailure, match="MXNet refused to run: .*conv0"):
        model.run({"data": np.zeros((1, 4, 8, 8), np.float32)})
    assert model.run(INPUTS)[0].shape == (2, 5)
    model.close()


def test_other_layers_than_mxnets_are_refused(
    mxnet: MxnetProcess, small: Tuple[Path, Graph]
) -> None:
    prefix, graph = small
    model = mxnet.load(prefix, 0, replace(graph, nodes=graph.nodes[::-1]))
    with pytest.raises(RuntimeFailure, match="MXNet lists 13 layers, the converters read 13"):
        list(model.layers(INPUTS))
    assert model.run(INPUTS)[0].shape == (2, 5)
    model.close()


def test_a_worker_that_dies_is_an_error_with_its_signal(
    mxnet: MxnetProcess, small: Tuple[Path, Graph], request: pytest.FixtureRequest
) -> None:
    prefix, graph = small
    with MxnetProcess(request.config.getoption("--mxnet-python")) as process:
        model = process.load(prefix, 0, graph)
        os.kill(process._process.pid, signal.SIGKILL)
        with pytest.raises(RuntimeFailure, match=r"ended \(signal 9\) while it had to run"):
            model.run(INPUTS)


def test_an_interpreter_that_does_not_exist() -> None:
    with pytest.raises(RuntimeFailure, match=r"/no/python: cannot be started"):
        MxnetProcess("/no/python")


def test_an_interpreter_without_mxnet(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S -c "import sys; sys.exit(3)"\n')
    bare.chmod(bare.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(RuntimeFailure, match="--mxnet-python PATH"):
        MxnetProcess(str(bare))


@pytest.mark.parametrize("target", ["onnx", "pytorch"])
def test_results_can_be_replaced(small: Tuple[Path, Graph], tmp_path: Path, target: str) -> None:
    """A layer's result handed to `visit` may be exchanged; what follows then reads that."""
    from mxproof.runtimes.onnx_reference import OnnxReference
    from mxproof.runtimes.pytorch import Pytorch

    _, graph = small
    if target == "onnx":
        candidate = OnnxReference(save_onnx(to_onnx(graph), tmp_path / "small.onnx")[0])
    else:
        candidate = Pytorch(save_pytorch(to_pytorch(graph), tmp_path)[0], "float64")
    seen = {}

    def visit(layer: str, value: np.ndarray) -> object:
        seen[layer] = value
        return np.ones_like(value) if layer == "flat" else None

    (result,) = candidate.trace(INPUTS, visit)
    weight, bias = (graph.params[f"fc_{k}"].astype(np.float64) for k in ("weight", "bias"))
    np.testing.assert_allclose(seen["fc"], np.ones((2, 4)) @ weight.T + bias, rtol=1e-14)
    assert list(seen) == [n.name for n in graph.nodes]
    np.testing.assert_array_equal(result, seen["softmax"])


def test_double_takes_the_epsilon_that_was_meant(small: Tuple[Path, Graph]) -> None:
    import onnx_ir as ir

    model = ir.to_proto(to_onnx(small[1]))
    norm = next(n for n in model.graph.node if n.op_type == "BatchNormalization")
    stored = next(a.f for a in norm.attribute if a.name == "epsilon")
    assert stored != 2e-5  # rounded to float32
    variance = small[1].params["unit1_bn1_moving_var"].astype(np.float64)

    def widened(proto: onnx.ModelProto) -> np.ndarray:
        double = to_double(proto)
        node = next(n for n in double.graph.node if n.op_type == "BatchNormalization")
        tensors = {t.name: onnx.numpy_helper.to_array(t) for t in double.graph.initializer}
        return tensors[node.input[4]]

    np.testing.assert_allclose(widened(model) + stored, variance + 2e-5, rtol=1e-16, atol=0)
    next(a for a in norm.attribute if a.name == "epsilon").f = 1e-5  # the metadata still says 2e-5
    np.testing.assert_array_equal(widened(model), variance)


@pytest.mark.parametrize("target", ["onnx", "pytorch"])
def test_inputs_are_matched_by_name(target: str, tmp_path: Path, mxnet: MxnetProcess) -> None:
    net = Network()
    first, second = net.variable("left"), net.variable("right")
    dense = net.layer(
        "FullyConnected", "fc", second, net.parameter("w", 3, 3), num_hidden=3, no_bias=True
    )
    save_checkpoint(
        tmp_path / "two", net.symbol(net.layer("elemwise_add", "sum", first, dense)), net.arrays
    )
    graph = load_checkpoint(tmp_path / "two", inputs={"left": ("N", 3), "right": ("N", 3)})
    inputs = {"right": INPUTS["data"][0, 0, :, :3], "left": INPUTS["data"][1, 0, :, :3]}
    model = mxnet.load(tmp_path / "two", 0, graph)
    (expected,) = model.run(inputs)
    model.close()
    path = convert(graph, target, tmp_path)[0]
    for precision in TARGETS[target].runtimes:
        (result,) = TARGETS[target].open(path, precision).run(inputs)
        np.testing.assert_allclose(result, expected, rtol=1e-5)
