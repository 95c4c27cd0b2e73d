"""All layers of a candidate together: lost, misplaced, pooled, introduced and propagated."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import pytest

from converters import Graph
from mxproof.compare import compare
from mxproof.proof import describe_failure
from mxproof.runtimes.base import Layer
from mxproof.tolerance import folded
from mxproof.truth import Truth
from mxproof.verdict import Comparison
from tests.converters.networks import Network

from .fakes import GRAPH, NAMES, NOISE, Chain, Fake, Layers, clean, judge, truth_of
from .test_compare import WRONG, each_precision

MISPLACED: Dict[str, Tuple[Callable[[Layers], Layers], Optional[str]]] = {
    "truncated": (lambda v: v[:-1], r"1 of 3 layers missing: \['dense'\]"),
    "one lost": (lambda v: [v[0], v[2]], r"1 of 3 layers missing: \['relu'\]"),
    "none": (lambda v: [], r"3 of 3 layers missing"),
    "reversed": (lambda v: v[::-1], "another order"),
    "twice": (lambda v: [*v, v[1]], "more than once"),
    "stopped": (
        lambda v: [*v[:1], ("relu", RuntimeError("no kernel"))],
        "stopped after 1 layers: RuntimeError: no kernel.*2 of 3 layers missing",
    ),
    "with helpers": (lambda v: [("conv/Flatten", np.zeros(3)), *v], None),
}


@each_precision
@pytest.mark.parametrize("change", MISPLACED)
def test_layers_lost_or_misplaced(change: str, precision: str) -> None:
    move, message = MISPLACED[change]
    result = judge(move(clean(truth_of(), precision)), precision)
    assert result.passed == (message is None)
    assert re.search(message or "", "; ".join(result.problems))
    assert (message or "") == "" or re.search(message or "", describe_failure("n", "t", result))


@each_precision
def test_a_reference_without_layers_proves_nothing(precision: str) -> None:
    result = judge(clean(truth_of(), precision), precision, [])
    assert not result.passed
    assert "nothing was compared" in result.problems[0]
    assert result.worst is None


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


def pooled(first: Layers, second: Layers, precision: str) -> Comparison:
    return judge(first, precision) + judge(second, precision, truth_of(1))


@pytest.mark.parametrize(("noises", "passes"), [((4.4, 0.5), True), ((4.4, 4.4), False)])
def test_more_inputs_steady_the_ratio(noises: Tuple[float, float], passes: bool) -> None:
    single = [clean(truth_of(seed), "float32", noises[seed]) for seed in (0, 1)]
    quiet = clean(truth_of(0), "float32", 0.5)
    first = [single[0][0], *quiet[1:]]
    assert [c.layer for c in judge(first, "float32").failed] == ["conv"]
    second = [single[1][0], *clean(truth_of(1), "float32", 0.5)[1:]]
    result = pooled(first, second, "float32")
    assert [c.layer for c in result.failed] == ([] if passes else ["conv"])
    root_mean_square = np.sqrt(np.mean(np.square(noises)))
    assert result.checks[0].ratio == pytest.approx(root_mean_square, rel=0.1)


@each_precision
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("fault", ["nan", "extra axis", "zeros", "truncated", "stopped"])
def test_more_inputs_hide_no_failure(fault: str, order: int, precision: str) -> None:
    if fault in MISPLACED:
        spoil = MISPLACED[fault][0]
    else:
        damage = WRONG[fault][0]
        spoil = lambda v: [(n, damage(a) if n == "relu" else a) for n, a in v]  # noqa: E731
    seeds = (0, 1)
    runs = [clean(truth_of(seed), precision) for seed in seeds]
    results = [judge(spoil(runs[0]), precision), judge(runs[1], precision, truth_of(1))][::order]
    result = results[0] + results[1]
    assert not result.passed
    assert fault in MISPLACED or [c.layer for c in result.failed] == ["relu"]


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
