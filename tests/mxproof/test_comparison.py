"""All layers of a candidate together: lost, misplaced, pooled, introduced and propagated."""

from __future__ import annotations

import re
from typing import Any, List, Tuple

import numpy as np
import pytest

from converters import Graph
from mxproof.compare import compare
from mxproof.proof import describe_failure
from mxproof.runtimes.base import Layer
from mxproof.tolerance import folded
from mxproof.truth import Truth
from tests.converters.networks import Network

from .fakes import GRAPH, NAMES, NOISE, Chain, Fake, clean


def deep(count: int) -> Tuple[List[Layer], Graph]:
    """A network of that many layers, as noisy in float32 as MXNet is."""
    net = Network()
    x = net.variable("data")
    names = [f"act{i}" for i in range(count)]
    for name in names:
        x = net.layer("Activation", name, x, act_type="relu")
    random = np.random.default_rng(0)
    truth = []
    for name in names:
        t = random.standard_normal((2, 4, 5, 6))
        m = t + NOISE * random.standard_normal(t.shape)
        truth.append(Layer(name, t, m.astype(np.float32)))
    return truth, net.graph(x)


@pytest.mark.parametrize(
    ("count", "noise", "passes"), [(20, 1.1, True), (20, 1.3, False), (19, 1.3, True)]
)
def test_all_layers_a_bit_too_noisy(count: int, noise: float, passes: bool) -> None:
    truth, graph = deep(count)
    candidate = Fake(clean(truth, "float32", noise), "float32")
    result = compare(Truth({}, truth), candidate, graph)
    assert not result.failed, "no single layer shows it"
    assert result.passed == passes
    if not passes:
        assert re.match(r".*median .* 20 layers is 1\.30 times.*allowed 1\.2", result.problems[0])
    assert compare(Truth({}, truth), candidate, graph, alone=True).passed


@pytest.mark.parametrize(("noise", "passes"), [(14.0, True), (15.0, False)])
def test_folded_networks_may_be_noisier(noise: float, passes: bool) -> None:
    truth, graph = deep(20)
    candidate = Fake(clean(truth, "float32", noise), "float32")
    result = compare(Truth({}, truth), candidate, graph, folded())
    assert not result.failed
    assert result.passed == passes


@pytest.mark.parametrize(("ulps", "passes"), [(3.5, True), (4.5, False)])
def test_all_layers_off_by_a_few_ulps(ulps: float, passes: bool) -> None:
    """A library whose tanh is two ulps off computes in no lower type."""
    truth, graph = deep(20)

    def off(layer: Layer, by: float) -> Any:
        return (layer.float64 * (1 + by * 2**-23)).astype("f")

    known = [Layer(t.name, t.float64, off(t, ulps / 3)) for t in truth]
    candidate = Fake([(t.name, off(t, ulps)) for t in truth], "float32")
    result = compare(Truth({}, known), candidate, graph)
    assert not result.failed, "no single layer shows it"
    assert result.passed == passes


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_introduced_and_propagated(wrong: int) -> None:
    data = np.ones((1, 3))
    truth = [Layer(n, data * 2 ** (i + 1), data.astype("f")) for i, n in enumerate(NAMES)]
    chain, reference = Chain(wrong), Truth({"data": data}, truth)
    result = compare(reference, chain, GRAPH)
    assert [c.layer for c in result.failed] == list(NAMES[wrong:])
    culprits = compare(reference, chain, GRAPH, alone=True).culprits
    assert [c.layer for c in culprits] == [NAMES[wrong]]
    text = describe_failure("net", "chain", result, culprits)
    assert f"{NAMES[wrong]!r} introduced the first difference (layer {wrong + 1} of 3)" in text
    assert text.endswith(f"{3 - wrong} of 3 layers differ in the chain.")
    assert compare(reference, Chain(-1), GRAPH, alone=True).culprits == ()
