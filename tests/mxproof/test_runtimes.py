"""The runtimes: MXNet's worker and its deaths, and what tracing shows."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Iterator, List, Set, Tuple

import numpy as np
import onnx
import pytest

from converters import Graph
from mxproof.output_order import misnamed
from mxproof.runtimes.base import RuntimeFailure
from mxproof.runtimes.mxnet import Mxnet, MxnetProcess
from mxproof.runtimes.mxnet_trace import Trace
from mxproof.runtimes.onnx_reference import OnnxReference
from mxproof.runtimes.onnxruntime import OnnxRuntime
from mxproof.targets import TARGETS, convert
from mxproof.truth import portions
from tests.converters.networks import Network, proto, saved
from tests.operators.prove import reference

Small = Tuple[Path, Graph]
INPUTS = {"data": np.random.default_rng(0).random((2, 3, 8, 9)).astype(np.float32)}


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return tmp_path / "small", saved(tmp_path / "small")


@pytest.fixture
def model(mxnet: MxnetProcess, small: Small) -> Iterator[Mxnet]:
    """The small network in MXNet."""
    loaded = mxnet.load(small[0], 0, small[1])
    yield loaded
    loaded.close()


def test_layers_come_in_order_with_both_precisions(model: Mxnet, small: Small) -> None:
    layers = list(model.layers(INPUTS))
    assert [t.name for t in layers] == [n.name for n in small[1].nodes]
    assert {(t.float64.dtype.name, t.float32.dtype.name) for t in layers} == {
        ("float64", "float32")
    }
    np.testing.assert_array_equal(layers[-1].float64, model.run(INPUTS, "float64")[0])
    np.testing.assert_array_equal(layers[-1].float32, model.run(INPUTS, "float32")[0])


def test_a_caller_may_stop_early(model: Mxnet) -> None:
    layers = model.layers(INPUTS)
    first = next(layers)
    layers.close()
    assert next(iter(model.layers(INPUTS))).name == first.name
    assert model.run(INPUTS)[0].shape == (2, 5)


def test_a_refusal_is_reported_and_the_worker_lives_on(model: Mxnet) -> None:
    with pytest.raises(RuntimeFailure, match="MXNet refused to run: .*conv0"):
        model.run({"data": np.zeros((1, 4, 8, 8), np.float32)})
    assert model.run(INPUTS)[0].shape == (2, 5)


def test_other_layers_than_mxnets_are_refused(mxnet: MxnetProcess, small: Small) -> None:
    prefix, graph = small
    others = [n.mxnet_name for n in graph.nodes[::-1]]
    renamed = tuple(replace(n, mxnet_name=name) for n, name in zip(graph.nodes, others))
    model = mxnet.load(prefix, 0, replace(graph, nodes=renamed))
    with pytest.raises(RuntimeFailure, match="MXNet lists 13 layers, the converters read 13"):
        list(model.layers(INPUTS))
    assert model.run(INPUTS)[0].shape == (2, 5)
    model.close()
    for fewer in (graph.nodes[:-1], graph.nodes[1:]):  # no head is where MXNet has it
        with pytest.raises(RuntimeFailure, match="output 0 is 'softmax_output' in MXNet, 'softm"):
            mxnet.load(prefix, 0, replace(graph, nodes=fewer))


@pytest.mark.parametrize("limit", [0, 5000])
def test_portions_change_no_bit(limit: int, model: Mxnet, small: Small, tmp_path: Path) -> None:
    """Whether a network is run as a whole, in pieces, or layer by layer."""
    whole = {t.name: t for t in model.layers(INPUTS, 1 << 30)}
    pieces = list(model.layers(INPUTS, limit))
    assert [t.name for t in pieces] == list(whole)
    sizes = [t.float64.nbytes for t in pieces]
    counts = portions(sizes, limit)
    assert 1 < len(counts) <= len(sizes)
    for piece in pieces:
        np.testing.assert_array_equal(piece.float64, whole[piece.name].float64)
        np.testing.assert_array_equal(piece.float32, whole[piece.name].float32)
    candidate = OnnxRuntime(convert(small[1], "onnx", tmp_path)[0], optimisation="disabled")
    seen: List[Dict[str, np.ndarray]] = []
    for given in (None, counts):
        seen.append({})
        outputs = candidate.trace(INPUTS, seen[-1].__setitem__, given)
        np.testing.assert_array_equal(outputs[0], candidate.run(INPUTS)[0])
    assert list(seen[0]) == list(seen[1]) == list(whole)
    for name, value in seen[0].items():
        np.testing.assert_array_equal(value, seen[1][name])


@pytest.mark.parametrize(
    ("anchored", "counts"), [(set(), [3, 1, 1]), ({1}, [1, 2, 1, 1]), ({0}, [1, 2, 1, 1])]
)
def test_layers_run_together_while_they_fit(anchored: Set[int], counts: List[int]) -> None:
    """64 bytes: 32, twice 16, a convolution's matrix, and a shape that is not known."""
    model: Any = SimpleNamespace()
    ops = {"data": (), "weight": (), "relu": (0,), "split": (2,), "Convolution": (3, 1), "copy": ()}
    model.given = [{"op": op, "inputs": [[n, 0, 0] for n in read]} for op, read in ops.items()]
    model.heads = [[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [3, 1, 0], [4, 0, 0], [5, 0, 0]]
    model.layers = model.heads[2:]
    trace = Trace.__new__(Trace)
    trace.model, trace.anchored = model, anchored
    trace.shapes = [(1, 4), (2, 4, 3), (1, 4), (1, 2), (1, 2), (1, 2, 2), ()]
    assert trace.portions(64) == counts
    assert trace.portions(0) == [1, 2, 1, 1], "each layer by itself"


def test_a_worker_that_dies_is_an_error_with_its_signal(mxnet: MxnetProcess, small: Small) -> None:
    with MxnetProcess(mxnet.python) as process:
        model = process.load(small[0], 0, small[1])
        os.kill(process._process.pid, signal.SIGKILL)
        # MXNet's log lines, which stand in stderr by now, say nothing of its end.
        with pytest.raises(
            RuntimeFailure, match=r"signal 9\) while .* run, given data 2x3x8x9 float32$"
        ):
            model.run(INPUTS)


def test_a_suspended_worker_goes_on(small: Small, mxnet: MxnetProcess) -> None:
    with MxnetProcess(mxnet.python) as process:
        model, other = (process.load(small[0], 0, small[1]) for _ in range(2))
        (before,) = model.run(INPUTS)
        process.suspend()
        np.testing.assert_array_equal(model.run(INPUTS)[0], before)
        process.suspend()
        other.close()
        np.testing.assert_array_equal(model.truth(INPUTS)["softmax"].float32, before)
        model.close()


@pytest.mark.parametrize("target", TARGETS)
def test_results_can_be_replaced(small: Small, tmp_path: Path, target: str) -> None:
    """`visit` may exchange a layer's result; later layers then read the new one."""
    _, graph = small
    candidate = TARGETS[target].open(convert(graph, target, tmp_path)[0], "float64")
    seen = {}

    def visit(layer: str, value: np.ndarray) -> object:
        seen[layer] = value
        return np.ones_like(value) if layer == "flat" else None

    (result,) = candidate.trace(INPUTS, visit)
    weight, bias = (graph.params[f"fc_{k}"].astype(np.float64) for k in ("weight", "bias"))
    np.testing.assert_allclose(seen["fc"], np.ones((2, 4)) @ weight.T + bias, rtol=1e-14)
    assert list(seen) == [n.name for n in graph.nodes]
    np.testing.assert_array_equal(result, seen["softmax"])


def test_double_takes_the_epsilon_that_was_meant(tmp_path: Path) -> None:
    net = Network()
    head = net.batch_norm("norm", net.variable("data"), 3, eps=2e-5, fix_gamma=False)
    model = proto(net.graph(head, inputs={"data": ("N", 3)}))
    (epsilon,) = (a for n in model.graph.node for a in n.attribute if a.name == "epsilon")
    assert epsilon.f != 2e-5  # rounded to float32
    names = ("gamma", "beta", "moving_mean", "moving_var")
    gamma, beta, mean, variance = (net.arrays[f"norm_{n}"].astype(np.float64) for n in names)
    data = INPUTS["data"][0, 0, :, :3]
    for meant in (2e-5, 1e-5):
        epsilon.f = meant  # the metadata says 2e-5
        onnx.save(model, tmp_path / "norm.onnx")
        (found,) = OnnxReference(tmp_path / "norm.onnx").run({"data": data})
        eps = 2e-5 if meant == 2e-5 else epsilon.f
        expected = (data - mean) / np.sqrt(variance + eps) * gamma + beta
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_inputs_are_matched_by_name(mxnet: MxnetProcess) -> None:
    net = Network()
    first, second = net.variable("left"), net.variable("right")
    weight = net.parameter("w", 3, 3)
    dense = net.layer("FullyConnected", "fc", second, weight, num_hidden=3, no_bias=True)
    symbol = net.symbol(net.layer("elemwise_add", "sum", first, dense))
    inputs = {"right": INPUTS["data"][0, 0, :, :3], "left": INPUTS["data"][1, 0, :, :3]}
    shapes = dict.fromkeys(("left", "right"), ("N", 3))
    with reference(symbol, net.arrays, shapes, mxnet) as (graph, model, folder):
        (expected,) = model.run(inputs)
        for target in TARGETS:
            path = convert(graph, target, folder)[0]
            for precision in TARGETS[target].runtimes:
                candidate: Any = TARGETS[target].open(path, precision)
                np.testing.assert_allclose(candidate.run(inputs)[0], expected, rtol=1e-5)
                assert candidate.input_names == ["left", "right"]
                assert list(misnamed(candidate, graph)) == []
        source = convert(graph, "pytorch", folder)[0]
        exchanged = {"left: torch": "right: torch", "right: torch": "left: torch"}
        text = re.sub("left: torch|right: torch", lambda m: exchanged[m[0]], source.read_text())
        source.write_text(text)
        assert list(misnamed(TARGETS["pytorch"].open(source, "float32"), graph)) == [
            "the file names its inputs ['right', 'left']; MXNet's are ['left', 'right']"
        ]
