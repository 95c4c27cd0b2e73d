"""The judge judged: what is wrong fails and is named, what is right passes."""

from __future__ import annotations

import re
from typing import Any, List, Optional, Tuple

import numpy as np
import pytest

from converters import Graph
from fixtures.networks import Network
from mxproof.proof.compare import compare
from mxproof.proof.judge import check
from mxproof.proof.tolerance import FLOAT32_MEDIAN
from mxproof.proof.trace import ReferenceTrace
from mxproof.proof.trace_results import describe_failure
from mxproof.runtimes.base import Layer

from .fakes import (
    GRAPH,
    NAMES,
    NOISE,
    PRECISIONS,
    Array,
    Chain,
    Fake,
    Layers,
    clean,
    each_precision,
    judge,
    made_up,
    truth_of,
)


@each_precision
def test_a_layer_without_elements_proves_nothing(precision: str) -> None:
    empty = np.zeros((0, 4))
    truth = [Layer("relu", empty, empty.astype("f"))]
    result = judge([("relu", empty.astype(precision))], precision, truth)
    assert [c.problem for c in result.failed] == ["has no elements: nothing was compared"]


@each_precision
@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("value", [0.0, -0.0, 1e-30])
def test_a_layer_of_zeros(value: float, recorded: bool, precision: str) -> None:
    """No division by zero; nothing but zero equals zero."""
    zero = np.zeros((2, 64, 30, 20))
    truth, found = [Layer("relu", zero, zero.astype("f"))], (zero + value).astype(precision)
    result = judge([("relu", found)], precision, truth, recorded=recorded)
    assert result.passed == (value == 0)
    assert result.checks[0].rel == (0 if value == 0 else float("inf"))
    assert result.checks[0].ratio is None


@each_precision
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["float64", "float32", "both"])
def test_a_truth_that_is_not_finite_judges_nothing(where: str, bad: float, precision: str) -> None:
    layers = clean(truth_of(), precision)
    truth = truth_of()
    for kind in PRECISIONS if where == "both" else (where,):
        getattr(truth[1], kind)[0, 0, 0, 0] = bad
    result = judge(layers, precision, truth)
    harmless = where == "float32" and (precision == "float64" or bad == np.inf)
    assert [c.layer for c in result.failed] == ([] if harmless else ["relu"])


@pytest.mark.parametrize(("value", "passes"), [(np.inf, True), (-700.0, True), (-690.0, False)])
def test_where_mxnets_float32_alone_is_out_of_range(value: float, passes: bool) -> None:
    """Of the logarithm of a number that float32 does not hold, either answer is right."""
    t, m = np.array([[-1.0, -700.0]]), np.array([[-1.0, np.inf]])
    problem = one_layer(t, m, np.array([[-1.0, value]]), "float32")
    assert (problem is None) == passes


def one_layer(t: Array, m: Array, x: Array, precision: str) -> Optional[str]:
    truth = Layer("relu", t, m.astype(np.float32))
    return check("Activation", x.astype(precision), truth, precision).problem


@pytest.mark.parametrize(
    ("channel_size", "allowed"),
    [(1.0, 1e-12), (0.5, 0.5e-12), (0.125, 0.125e-12), (0.01, 0.125e-12), (0.0, 0.125e-12)],
)
@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_float64_boundary(channel_size: float, allowed: float, factor: float) -> None:
    """1e-12 of the channel's largest value, which counts as an eighth of the layer's at least."""
    t = np.full((1, 3, 4), 1.0)
    t[:, 1] = channel_size
    x = t.copy()
    x[0, 1, 2] += factor * allowed
    problem = one_layer(t, t, x, "float64")
    assert (problem is None) == (factor < 1)
    if problem:
        assert problem.startswith("1 of 12 values, worst ")
        assert "at (0, 1, 2), allowed" in problem


@pytest.mark.parametrize(("noise", "carried"), [(1e-2, True), (1e-5, False)])
@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_float64_boundary_of_what_a_network_magnifies(
    noise: float, carried: bool, factor: float
) -> None:
    """4 times MXNet's own largest float32 error, divided by 2^29, if that is more than 1e-12; by
    itself a layer carries nothing."""
    t = np.ones((1, 3, 4))
    m = (t + noise).astype(np.float32)
    allowed = 4 / 2**29 * float(m[0, 0, 0] - 1.0) if carried else 1e-12
    x = t.copy()
    x[0, 1, 2] += factor * allowed
    truth = Layer("relu", t, m)
    in_chain = check("Activation", x, truth, "float64")
    assert (in_chain.problem is None) == (factor < 1)
    assert in_chain.magnified == (carried or factor > 1)
    by_itself = check("Activation", x, truth, "float64", alone=True)
    assert (by_itself.problem is None) == (factor < 1 and not carried)
    assert not by_itself.magnified


@each_precision
def test_the_largest_differences_are_from_mxnet_in_the_same_precision(precision: str) -> None:
    """In proportion only where MXNet's number is not 0."""
    truth = Layer("relu", np.float64([[4, 2, 0]]), np.float32([[4.5, 2, 0]]))
    value = np.array([[4, 2.5, 0.25]], precision)
    found = check("Activation", value, truth, precision)
    assert (found.max_abs, found.max_rel) == (0.5, 0.25)


def test_one_value_in_a_million() -> None:
    t = np.random.default_rng(0).standard_normal((1, 10, 100_000))
    x = t.copy()
    x[0, 3, 77_777] += 1e-11
    assert one_layer(t, t, t, "float64") is None
    assert re.search(
        r"1 of 1000000 values, .* at \(0, 3, 77777\)", str(one_layer(t, t, x, "float64"))
    )


def test_the_value_that_is_named_is_one_that_is_wrong() -> None:
    """The largest error may be allowed where numbers are large."""
    t = np.ones((1, 2, 3))
    t[:, 1] = 80.0
    x = t.copy()
    x[0, 1, 0] += 5e-11  # allowed 8e-11
    x[0, 0, 2] += 2e-11  # allowed 1e-11
    said = str(one_layer(t, t, x, "float64"))
    assert said.startswith("1 of 6 values, worst 2.0e-11 at (0, 0, 2), allowed 1.0e-11")


@pytest.mark.parametrize(
    ("ulps", "factor", "passes"),
    [(3, 0, True), (4, 0, True), (5, 0, False), (0, 3.9, True), (0, 4.1, False)],
)
def test_float32_boundary_of_a_layer(ulps: int, factor: float, passes: bool) -> None:
    """Four times MXNet's noise; where MXNet happens to be exact, four ulps are no difference."""
    (_, relu, _) = truth_of()
    t, m = (np.ones((2, 3, 4)),) * 2 if ulps else (relu.float64, relu.float32)
    problem = one_layer(t, m, t + factor * (m - t) + ulps * 2.0**-23, "float32")
    own = r"0\.0e\+00" if ulps else ""
    words = rf"float32 error \S+ RMS, allowed \S+ \(MXNet's own: {own}"
    assert (problem is None) == passes
    assert passes or re.match(words, str(problem))


@pytest.mark.parametrize(("factor", "passes"), [(15.8, True), (16.2, False)])
def test_float32_boundary_of_a_channel(factor: float, passes: bool) -> None:
    """One bad channel of 64 that the layer as a whole would hide."""
    t = np.sign(np.random.default_rng(0).standard_normal((2, 64, 8)))
    m = t + NOISE  # the same noise everywhere
    x = m.copy()
    x[:, 5] = t[:, 5] + factor * NOISE
    problem = one_layer(t, m, x, "float32")
    assert (problem is None) == passes
    assert passes or "float32 error of channel 5 is" in str(problem)


@pytest.mark.parametrize(("lucky", "passes"), [(1.0, False), (0.01, True)])
def test_few_large_values_of_which_mxnet_happened_to_be_right(lucky: float, passes: bool) -> None:
    """A softmax: errors are relative; what is usual is known from the many small values."""
    t = np.full((1, 1000), 1e-3)
    t[0, 7] = 0.5
    m = t * (1 + NOISE * lucky)
    m[0, 7] = t[0, 7] * (1 + 0.01 * NOISE)
    x = t * (1 + 2 * NOISE * lucky)
    x[0, 7] = t[0, 7] * (1 + 3 * NOISE)
    assert (one_layer(t, m, x, "float32") is None) == (not passes)


def test_values_that_underflow_excuse_nothing() -> None:
    """A softmax so sure that all else is 0 in float32: there MXNet is wrong by 100 %."""
    t = np.full((2, 5), 1e-160)
    t[:, 2] = 1.0
    m = t.astype(np.float32)
    assert one_layer(t, m, m, "float32") is None
    assert one_layer(t, m, m * np.float32(1.0001), "float32") is not None


def deep(count: int) -> Tuple[List[Layer], Graph]:
    """A network of that many layers, as noisy in float32 as MXNet is."""
    net = Network()
    x = net.variable("data")
    names = [f"act{i}" for i in range(count)]
    for name in names:
        x = net.layer("Activation", name, x, act_type="relu")
    return made_up(names, [(2, 4, 5, 6)] * count), net.graph(x)


def median(truth: List[Layer], graph: Graph, layers: Layers, **options: Any) -> Optional[str]:
    """What is said of all layers together, where no single layer shows it."""
    result = compare(ReferenceTrace({}, truth), Fake(layers, "float32"), graph, **options)
    assert not result.failed
    assert result.passed == (not result.problems)
    return result.problems[0] if result.problems else None


@pytest.mark.parametrize(
    ("count", "noise", "passes"), [(20, 1.1, True), (20, 1.3, False), (19, 1.3, True)]
)
def test_all_layers_a_bit_too_noisy(count: int, noise: float, passes: bool) -> None:
    truth, graph = deep(count)
    layers = clean(truth, "float32", noise)
    said = median(truth, graph, layers)
    assert (said is None) == passes
    words = rf"the median .* 20 layers is {noise:.2f} times.*allowed {FLOAT32_MEDIAN:.3g}$"
    assert passes or re.match(words, str(said))
    assert median(truth, graph, layers, alone=True) is None


@pytest.mark.parametrize(("ulps", "passes"), [(3.5, True), (4.5, False)])
def test_all_layers_off_by_a_few_ulps(ulps: float, passes: bool) -> None:
    """A library whose tanh is two ulps off computes in no lower type."""
    truth, graph = deep(20)

    def off(layer: Layer, by: float) -> Any:
        return (layer.float64 * (1 + by * 2**-23)).astype("f")

    known = [Layer(t.name, t.float64, off(t, ulps / 3)) for t in truth]
    assert (median(known, graph, [(t.name, off(t, ulps)) for t in truth]) is None) == passes


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_introduced_and_propagated(wrong: int) -> None:
    data = np.ones((1, 3))
    truth = [Layer(n, data * 2 ** (i + 1), data.astype("f")) for i, n in enumerate(NAMES)]
    chain, reference = Chain(wrong), ReferenceTrace({"data": data}, truth)
    result = compare(reference, chain, GRAPH)
    assert [c.layer for c in result.failed] == list(NAMES[wrong:])
    culprits = compare(reference, chain, GRAPH, alone=True).culprits
    assert [c.layer for c in culprits] == [NAMES[wrong]]
    text = describe_failure("net", "chain", result, culprits)
    assert f"{NAMES[wrong]!r} introduced the first difference (layer {wrong + 1} of 3)" in text
    assert text.endswith(f"{3 - wrong} of 3 layers differ in the chain.")
    assert compare(reference, Chain(-1), GRAPH, alone=True).culprits == ()
