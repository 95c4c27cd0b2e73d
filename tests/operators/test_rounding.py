"""What loses digits in one order of operations and not in another, and hides no fault by that."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Tuple

import numpy as np
import pytest

from converters import Graph
from fixtures.networks import Network
from mxproof.proof.reference import Reference, kept, live
from mxproof.proof.tolerance import Budget, Budgets
from mxproof.proof.verify import Prover
from mxproof.recording.file import load_recording, save_recording
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS, convert

from .prove import judge, reference

Entry = Tuple[int, int]
Build = Callable[[Network, Entry], Entry]

#: What is added to the input: numbers near which the mean is.
NEAR = 40.0


def near_the_mean(net: Network, x: Entry) -> Entry:
    """onnxruntime computes x * a + b, with a and b made beforehand; MXNet subtracts first."""
    y = net.batch_norm("layer", x, 4, fix_gamma=False)
    net.arrays["layer_moving_mean"] += 2 * NEAR
    return y


def raised(net: Network, x: Entry) -> Entry:
    """Numbers around a million, of which a softmax sees the differences."""
    x = net.batch_norm("raised", x, 4, fix_gamma=False)
    net.arrays["raised_beta"] += np.float32(1e6)
    return x


def large_logits(net: Network, x: Entry) -> Entry:
    label = net.variable("softmax_label")
    return net.layer("SoftmaxOutput", "layer", raised(net, x), label, multi_output=True)


def softmax_of_large_logits(net: Network, x: Entry) -> Entry:
    return net.layer("softmax", "layer", raised(net, x), axis=1)


MAGNIFYING: Dict[str, Build] = {
    "SoftmaxOutput of large logits": large_logits,
    "softmax of large logits": softmax_of_large_logits,
}


@contextmanager
def proven(
    build: Build, mxnet: MxnetProcess, shift: float = 0.0, shape: Tuple[int, ...] = (2, 4, 9, 8)
) -> Iterator[Tuple[Graph, Reference, Path]]:
    """The network, what MXNet makes of one input, and a folder."""
    net = Network()
    data = net.variable("data")
    head = build(net, net.layer("elemwise_add", "before", data, data))
    values = np.random.default_rng(0).standard_normal(shape) + shift
    inputs = {"data": ("N", 4, "H", "W") if shape[2] != shape[1] else shape}
    with reference(net.symbol(head), net.arrays, inputs, mxnet) as (graph, model, folder):
        fed = {"data": values.astype(np.float32)}
        yield graph, kept(live(model, [fed], mxnet.versions)), folder


def test_another_order_of_operations_is_no_loss(mxnet: MxnetProcess) -> None:
    """A batch norm near its mean: beyond MXNet's own error, within what rounding may do."""
    with proven(near_the_mean, mxnet, NEAR) as (graph, evidence, folder):
        found = judge(graph, "onnx", evidence, folder)
    layer = found.comparisons["float32"].checks[-1]
    assert layer.ratio is not None
    assert layer.ratio > Budget().float32_ratio
    assert layer.part < 0.5
    alone = found.isolated["float32"].checks[-1]
    assert alone.ratio is not None
    assert found.digits_lost == {"layer": math.log10(alone.ratio)}


def test_a_recording_knows_what_rounding_may_do(mxnet: MxnetProcess, tmp_path: Path) -> None:
    """One without it, as older files are, is judged by MXNet's own error."""
    with proven(near_the_mean, mxnet, NEAR) as (graph, evidence, folder):
        for name, truths in {"closer": evidence.closer(), "older": iter(evidence)}.items():
            save_recording(tmp_path / name, graph, truths, {})
        judge(graph, "onnx", load_recording(tmp_path / "closer", graph), folder)
        with pytest.raises(AssertionError, match="float32: BatchNorm 'layer' is the first"):
            judge(graph, "onnx", load_recording(tmp_path / "older", graph), folder)


@pytest.mark.parametrize("target", TARGETS)
def test_subtracting_first_is_as_precise_as_mxnet(target: str, mxnet: MxnetProcess) -> None:
    """`convert --exact-batch-norm` loses nothing near the mean."""
    with proven(near_the_mean, mxnet, NEAR) as (graph, evidence, folder):
        exact = replace(graph, exact_batch_norm=True)
        ratios = [
            judge(g, target, evidence, folder / name).comparisons["float32"].checks[-1].ratio
            for name, g in {"plain": graph, "exact": exact}.items()
        ]
    assert None not in ratios
    assert ratios[0] > 3
    assert ratios[1] < 1.2


@pytest.mark.parametrize("attrs", [{"fix_gamma": True, "axis": 3}, {"axis": -2, "eps": 0.5}])
@pytest.mark.parametrize("op", ["BatchNorm", "_contrib_BatchNormWithReLU"])
def test_subtracting_first_on_any_axis(op: str, attrs: Dict[str, Any], mxnet: MxnetProcess) -> None:
    def layer(net: Network, x: Entry) -> Entry:
        more = {"axis": 1} if "ReLU" in op else {}
        y = net.batch_norm("layer", x, 4, **{**attrs, **more})
        net.nodes[y[0]] = replace(net.nodes[y[0]], op=op)
        return y

    with proven(layer, mxnet, shape=(2, 4, 4, 4)) as (graph, evidence, folder):
        for target in TARGETS:
            judge(replace(graph, exact_batch_norm=True), target, evidence, folder)


@pytest.mark.parametrize("name", MAGNIFYING)
def test_magnified_rounding_is_the_networks(name: str, mxnet: MxnetProcess) -> None:
    """In the network more than the standard budget, by the layer alone not."""
    limit = Budget().float64_rel
    with proven(MAGNIFYING[name], mxnet) as (graph, evidence, folder):
        proofs = [judge(graph, target, evidence, folder) for target in TARGETS]
    magnified = [p for p in proofs if p.comparisons["float64"].checks[-1].rel > limit]
    assert magnified
    assert all(p.isolated["float64"].checks[-1].rel <= limit for p in magnified)


def test_what_a_network_magnifies_hides_no_fault(mxnet: MxnetProcess) -> None:
    """A fault that is less than what the layer carries is found where it is judged by itself."""
    with proven(softmax_of_large_logits, mxnet) as (graph, evidence, folder):
        path = convert(graph, "pytorch", folder)[0]
        text = path.read_text()
        assert text.count(".softmax(1)") == 1
        path.write_text(text.replace(".softmax(1)", ".softmax(1) * (1 + 1e-11)"))
        proof = Prover(graph, {"pytorch": path}, Budgets()).prove(evidence)[0]["pytorch"]
    assert proof.comparisons["float64"].passed
    assert not proof.passed
    assert [c.layer for c in proof.culprits] == ["layer"]
    assert "float64: softmax 'layer' introduced the first difference" in proof.explain("net")[0]
