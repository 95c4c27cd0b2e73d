"""Layers behind a sort: judged on given inputs, in MXNet and in the converted networks alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import numpy as np
import pytest

from converters import Graph
from fixtures.networks import Network
from mxproof.proof.compare import compare
from mxproof.proof.outputs.final import prove_outputs
from mxproof.proof.proof import PRECISIONS
from mxproof.proof.trace import ReferenceTrace
from mxproof.runtimes.base import Array, Candidate, Inputs, Visitor
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS, convert

from ..operators.prove import reference

BEHIND = ("nms", "behind", "last")


@dataclass
class Detector:
    """A small one, converted: convolution, boxes, non-maximum suppression, and what follows it."""

    graph: Graph
    truth: ReferenceTrace
    paths: Dict[str, Path]

    def open(self, target: str, precision: str) -> Candidate:
        return TARGETS[target].open(self.paths[target], precision)


def network(scores: float) -> Network:
    """Boxes of six numbers each: a class, a score, four corners.

    Args:
        scores: of the filter that makes the scores; 0 is a tie of all.
    """
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 6)
    net.arrays["conv_weight"][1] *= scores
    x = net.layer("transpose", "last_axis", x, axes=(0, 2, 3, 1))
    x = net.layer("Reshape", "boxes", x, shape=(0, -1, 6))
    x = net.layer("_contrib_box_nms", "nms", x, overlap_thresh=0.3, valid_thresh=-9)
    x = net.layer("slice_axis", "behind", x, axis=1, begin=0, end=9)
    net.layer("Activation", "last", x, act_type="sigmoid")
    return net


@pytest.fixture(scope="module", params=[1.0, 0.0], ids=["sorted", "ties"])
def detector(request: pytest.FixtureRequest, mxnet: MxnetProcess) -> Iterator[Detector]:
    net, inputs = network(request.param), {"data": ("N", 3, "H", "W")}
    symbol = net.symbol((len(net.nodes) - 1, 0))
    with reference(symbol, net.arrays, inputs, mxnet) as (graph, model, folder):
        paths = {target: convert(graph, target, folder)[0] for target in TARGETS}
        data = np.random.default_rng(0).standard_normal((2, 3, 6, 7)).astype(np.float32)
        yield Detector(graph, model.truth({"data": data}), paths)


def test_what_is_behind_a_sort_is_known(detector: Detector) -> None:
    assert detector.graph.anchored == set(BEHIND)
    assert detector.truth.portions(1 << 30, detector.graph.anchored) == [3, 1, 1, 1]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_every_layer_is_judged(detector: Detector, target: str, precision: str) -> None:
    candidate = detector.open(target, precision)
    found = compare(detector.truth, candidate, detector.graph)
    assert found.passed, (found.failed, found.problems)
    assert [c.layer for c in found.checks] == [n.name for n in detector.graph.nodes]
    assert prove_outputs(detector.open(target, "float32"), detector.truth, detector.graph).passed


@dataclass
class Wrong:
    """Shows one layer's result changed."""

    inner: Candidate
    layer: str
    change: Callable[[Array], Array]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def trace(self, inputs: Inputs, visit: Visitor, portions: Any = None) -> List[Array]:
        def shown(layer: str, value: Array) -> Any:
            return visit(layer, self.change(value) if layer == self.layer else value)

        return self.inner.trace(inputs, shown, portions)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("layer", "change"),
    [
        ("conv", lambda x: x * (1 + 1e-9)),
        ("nms", lambda x: x[:, ::-1]),
        ("nms", lambda x: np.where(x == x.max(), x * (1 + 1e-9), x)),
        ("behind", lambda x: x[:, :-1]),
        ("last", lambda x: x + 1e-9),
    ],
    ids=["before", "order", "numbers", "shape", "after"],
)
def test_a_wrong_layer_is_found(
    detector: Detector, target: str, layer: str, change: Callable[[Array], Array]
) -> None:
    candidate = Wrong(detector.open(target, "float64"), layer, change)
    found = compare(detector.truth, candidate, detector.graph)
    assert [c.layer for c in found.failed] == [layer]
