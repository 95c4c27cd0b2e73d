"""Every row of DEVIATIONS, shown to be needed by a layer that fails without it."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Set, Tuple

import numpy as np
import pytest

from converters import Graph, Node
from mxproof.evidence import stored
from mxproof.prover import Prover
from mxproof.report.pytest_report import UNEXPECTED_PASS
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.targets import TARGETS, convert
from mxproof.tolerance import DEVIATIONS, Budget, Budgets, Deviation
from mxproof.truth import Truth
from mxproof.verdict import Comparison
from tests.converters.networks import Network

from .prove import judge, reference

Entry = Tuple[int, int]
Build = Callable[[Network, Entry], Entry]

#: What is added to the input: numbers near which the mean is.
NEAR = 40.0


def near_the_mean(net: Network, x: Entry) -> Entry:
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


#: Name -> (what is added to the input, the network).
NEEDING: Dict[str, Tuple[float, Build]] = {"near the mean": (NEAR, near_the_mean)}

#: What magnifies the rounding that it is given, and needs no row for that.
MAGNIFYING: Dict[str, Build] = {
    "SoftmaxOutput of large logits": large_logits,
    "softmax of large logits": softmax_of_large_logits,
}


def deviations(build: Build) -> Set[Deviation]:
    """Those that hold for the network's own layer."""
    net = Network()
    node = net.nodes[build(net, net.variable("data"))[0]]
    layer = Node("layer", "layer", node.op, node.attrs, (), ("layer",))
    runtimes = ("onnxruntime", "pytorch", "onnx-reference")
    return {d for d in DEVIATIONS if any(d.matches(r, layer, "layer") for r in runtimes)}


def test_every_deviation_is_shown_to_be_needed() -> None:
    assert set.union(*(deviations(build) for _, build in NEEDING.values())) == set(DEVIATIONS)


@contextmanager
def proven(
    build: Build, mxnet: MxnetProcess, shift: float = 0.0
) -> Iterator[Tuple[Graph, Truth, Path]]:
    """The network, what MXNet makes of one input, and a folder."""
    net = Network()
    data = net.variable("data")
    head = build(net, net.layer("elemwise_add", "before", data, data))
    values = np.random.default_rng(0).standard_normal((2, 4, 9, 8)) + shift
    inputs = {"data": ("N", 4, "H", "W")}
    with reference(net.symbol(head), net.arrays, inputs, mxnet) as (graph, model, folder):
        yield graph, model.truth({"data": values.astype(np.float32)}), folder


def judged(
    build: Build, mxnet: MxnetProcess, shift: float = 0.0, alone: bool = False
) -> List[Comparison]:
    """The network in all runtimes."""
    with proven(build, mxnet, shift) as (graph, truth, folder):
        results = (judge(graph, target, [truth], folder, alone=alone) for target in TARGETS)
        return list(chain.from_iterable(results))


@pytest.mark.parametrize("name", NEEDING)
def test_is_needed(
    name: str, mxnet: MxnetProcess, record_property: Callable[[str, object], None]
) -> None:
    shift, build = NEEDING[name]
    results = judged(build, mxnet, shift)
    needed = {c.row for r in results for c in r.checks if c.row and c.needs_row}
    for row in deviations(build) - needed:
        record_property(UNEXPECTED_PASS, f"no layer needs the row for {row}")
    assert needed == deviations(build)


@pytest.mark.parametrize("name", MAGNIFYING)
def test_magnified_rounding_is_the_networks(name: str, mxnet: MxnetProcess) -> None:
    """In the network more than the standard budget, by the layer alone not."""
    limit = Budget().float64_rel
    in_chain = [r.worst for r in judged(MAGNIFYING[name], mxnet)]
    assert any(c and not c.sums and c.rel > limit for c in in_chain)
    by_itself = [r.worst for r in judged(MAGNIFYING[name], mxnet, alone=True)]
    assert all(c and (c.sums or c.rel <= limit) for c in by_itself)


def test_what_a_network_magnifies_hides_no_fault(mxnet: MxnetProcess) -> None:
    """A fault that is less than what the layer carries is found where it is judged by itself."""
    with proven(softmax_of_large_logits, mxnet) as (graph, truth, folder):
        path = convert(graph, "pytorch", folder)[0]
        text = path.read_text()
        assert text.count(".softmax(1)") == 1
        path.write_text(text.replace(".softmax(1)", ".softmax(1) * (1 + 1e-11)"))
        proof = Prover(graph, {"pytorch": path}, Budgets()).prove(stored([truth]))[0]["pytorch"]
    assert proof.comparisons["float64"].passed
    assert not proof.passed
    assert [c.layer for c in proof.culprits] == ["layer"]
    assert "float64: softmax 'layer' introduced the first difference" in proof.explain("net")[0]
