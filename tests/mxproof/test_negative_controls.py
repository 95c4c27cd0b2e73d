"""Every judge, fed what is plainly wrong: each must fail and name it, and pass what is right."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest

from mxproof.proof.outputs.final import OutputProof, prove_outputs
from mxproof.proof.trace_results import TraceResult, describe_failure

from .fakes import (
    NAMES,
    PRECISIONS,
    SHAPES,
    Array,
    Fake,
    Layers,
    clean,
    each_precision,
    graph,
    judge,
    reference,
    truth_of,
)

TWO_OUTPUTS = graph("relu", "dense")


def prove(values: List[Array], recorded: bool) -> OutputProof:
    truth = truth_of()
    against = reference(truth, recorded, [layer.float32 for layer in truth[1:]])
    return prove_outputs(Fake([], "float32", outputs=values), against, TWO_OUTPUTS)


def outputs(layers: Layers, precision: str, recorded: bool = False) -> TraceResult:
    proof = prove([value for name, value in layers if name != "conv"], recorded)
    assert proof.passed == proof.checks.passed
    return proof.checks


CHAINS: Dict[str, Callable[..., TraceResult]] = {
    "live": judge,
    "alone": partial(judge, alone=True),
    "recorded": partial(judge, recorded=True),
}
JUDGES = {**CHAINS, "outputs": outputs, "recorded outputs": partial(outputs, recorded=True)}
CASES = [
    pytest.param(judged, p, id=f"{judged}-{p}")
    for judged in JUDGES
    for p in PRECISIONS
    if "outputs" not in judged or p == "float32"
]
every_judge = pytest.mark.parametrize(("judged", "precision"), CASES)


@every_judge
def test_what_is_right_passes(judged: str, precision: str) -> None:
    result = JUDGES[judged](clean(truth_of(), precision), precision)
    assert result.passed, describe_failure("m", "t", result)
    sketched = "recorded" in judged
    if precision == "float32":
        ratios = [c.ratio for c in result.checks]
        assert ratios == pytest.approx([1] * len(ratios), rel=0.2 if sketched else 1e-2)
    else:
        assert all(0 < c.rel < 2e-15 and c.ratio is None for c in result.checks)
    if judged in CHAINS:
        assert [c.op for c in result.checks] == ["Convolution", "Activation", "Flatten"]
        assert [c.shape for c in result.checks] == list(SHAPES)


def touched(value: Array, change: float, at: Tuple[Any, ...] = (0, 0)) -> Array:
    value = value.copy()
    value[at] = change
    return value


DIFFERS = r"of 1152 values|of 64 channels|float32 error"
#: What is done to a layer's result -> what is said of it.
WRONG: Dict[str, Tuple[Callable[[Array], Array], str]] = {
    "zeros": (np.zeros_like, DIFFERS),
    "ones": (np.ones_like, DIFFERS),
    "channels shuffled": (lambda v: v[:, ::-1].copy(), DIFFERS),
    "two channels exchanged": (lambda v: v[:, [1, 0, *range(2, 64)]], DIFFERS),
    "samples swapped": (lambda v: v[::-1].copy(), DIFFERS),
    "transposed": (lambda v: v.swapaxes(2, 3).copy(), DIFFERS),
    "sorted": (lambda v: np.sort(v, axis=None).reshape(v.shape), DIFFERS),
    "negated": (np.negative, DIFFERS),
    "another input's": (lambda v: truth_of(1)[1].float64.astype(v.dtype), DIFFERS),
    "one channel zero": (lambda v: touched(v, 0, (slice(None), 5)), DIFFERS),
    "one nan": (lambda v: touched(v, np.nan, (1, 7, 0, 2)), "1 values that are not finite"),
    "nan": (lambda v: touched(v, np.nan), "9 values that are not finite; MXNet holds none"),
    "all nan": (lambda v: np.full_like(v, np.nan), "1152 values that are not finite"),
    "inf": (lambda v: touched(v, np.inf), "9 values that are not finite"),
    "-inf": (lambda v: touched(v, -np.inf), "9 values that are not finite"),
    "half": (lambda v: v.astype(np.float16), "is float16, not float"),
    "integers": (lambda v: v.astype(np.int64), "is int64, not float"),
    "the other precision": (
        lambda v: v.astype("float32" if v.dtype == np.float64 else "float64"),
        "is float(32, not float64|64, not float32)",
    ),
    "extra axis": (lambda v: v[..., None], r"has shape \(2, 64, 3, 3, 1\), MXNet \(2, 64, 3, 3\)"),
    "axis lost": (lambda v: v.reshape(2, -1), r"has shape \(2, 576\), MXNet \(2, 64, 3, 3\)"),
    "one sample": (lambda v: v[:1], r"has shape \(1, 64, 3, 3\), MXNet \(2"),
    "mean that broadcasts": (lambda v: v.mean((2, 3), keepdims=True), r"has shape \(2, 64, 1, 1\)"),
    "empty": (lambda v: v[:0], r"has shape \(0, 64, 3, 3\)"),
}


def damaged(fault: str, layers: Layers) -> Layers:
    return [(n, WRONG[fault][0](v) if n == "relu" else v) for n, v in layers]


@every_judge
@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_layer_is_named(fault: str, judged: str, precision: str) -> None:
    result = JUDGES[judged](damaged(fault, clean(truth_of(), precision)), precision)
    assert not result.passed
    assert [c.layer for c in result.failed] == ["relu"]
    assert re.search(WRONG[fault][1], result.failed[0].problem or "")
    text = describe_failure("net", "target", result, result.failed)
    op, place = ("Activation", "2 of 3") if judged in CHAINS else ("output", "1 of 2")
    assert text.startswith(f"net/target {precision}: {op} 'relu' introduced")
    assert f"(layer {place})" in text


#: What is done to the layers -> what is said of it.
MISPLACED: Dict[str, Tuple[Callable[[Layers], Layers], str]] = {
    "truncated": (lambda v: v[:-1], r"1 of 3 layers missing: \['dense'\]"),
    "one lost": (lambda v: [v[0], v[2]], r"1 of 3 layers missing: \['relu'\]"),
    "none": (lambda v: [], r"3 of 3 layers missing"),
    "reversed": (lambda v: v[::-1], "another order"),
    "twice": (lambda v: [*v, v[1]], "more than once"),
    "stopped": (
        lambda v: [*v[:1], ("relu", RuntimeError("no kernel"))],
        "stopped after 1 layers: RuntimeError: no kernel.*2 of 3 layers missing",
    ),
}


@each_precision
@pytest.mark.parametrize("judged", CHAINS)
@pytest.mark.parametrize("change", MISPLACED)
def test_layers_lost_or_misplaced(change: str, judged: str, precision: str) -> None:
    move, message = MISPLACED[change]
    result = CHAINS[judged](move(clean(truth_of(), precision)), precision)
    assert not result.passed
    assert re.search(message, "; ".join(result.problems))
    assert re.search(message, describe_failure("n", "t", result))


@each_precision
@pytest.mark.parametrize("judged", CHAINS)
def test_what_the_reference_does_not_have(judged: str, precision: str) -> None:
    """A converter's helpers are no layers; but where there are no others, nothing is proven."""
    right = clean(truth_of(), precision)
    assert CHAINS[judged]([("conv/Flatten", np.zeros(3)), *right], precision).passed
    for layers in ([], right):
        result = CHAINS[judged](layers, precision, [])
        assert not result.passed
        assert "nothing was compared" in result.problems[0]
        assert result.worst is None


@pytest.mark.parametrize(
    "chosen", [(1, 0), (0,), (0, 1, 0), (0, 0)], ids=["exchanged", "one missing", "more", "twice"]
)
@pytest.mark.parametrize("recorded", [False, True])
def test_the_set_and_the_order_of_outputs(recorded: bool, chosen: Tuple[int, ...]) -> None:
    right = [value for _, value in clean(truth_of(), "float32")[1:]]
    assert prove(right, recorded).passed
    assert not prove([right[i] for i in chosen], recorded).passed


def pooled(first: Layers, second: Layers, precision: str, **options: Any) -> TraceResult:
    return judge(first, precision, **options) + judge(second, precision, truth_of(1), **options)


@each_precision
@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("fault", ["nan", "extra axis", "zeros", "truncated", "stopped"])
def test_more_inputs_hide_no_failure(
    fault: str, order: int, recorded: bool, precision: str
) -> None:
    runs = [clean(truth_of(seed), precision) for seed in (0, 1)]
    assert pooled(*runs, precision, recorded=recorded).passed
    wrong = MISPLACED[fault][0](runs[0]) if fault in MISPLACED else damaged(fault, runs[0])
    results = [
        judge(wrong, precision, recorded=recorded),
        judge(runs[1], precision, truth_of(1), recorded=recorded),
    ][::order]
    result = results[0] + results[1]
    assert not result.passed
    assert fault in MISPLACED or [c.layer for c in result.failed] == ["relu"]


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize(("noises", "passes"), [((4.4, 0.5), True), ((4.4, 4.4), False)])
def test_more_inputs_steady_the_ratio(
    noises: Tuple[float, float], passes: bool, recorded: bool
) -> None:
    runs = [
        [clean(truth_of(s), "float32", noise)[0], *clean(truth_of(s), "float32", 0.5)[1:]]
        for s, noise in enumerate(noises)
    ]
    first = judge(runs[0], "float32", recorded=recorded)
    assert [c.layer for c in first.failed] == ["conv"]
    result = pooled(*runs, "float32", recorded=recorded)
    assert [c.layer for c in result.failed] == ([] if passes else list(NAMES[:1]))
    root_mean_square = np.sqrt(np.mean(np.square(noises)))
    assert result.checks[0].ratio == pytest.approx(root_mean_square, rel=0.1)
    counts = [c.sums.count for c in (first.checks[1], result.checks[1]) if c.sums]
    assert counts[1] == 2 * counts[0], "sums over all inputs"
