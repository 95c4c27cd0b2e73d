"""Two questions, two verdicts: the same function, and as precise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import pytest

from mxproof.proof.outputs.agreement import DIFFERS, EQUAL, TopK
from mxproof.proof.outputs.final import NO_FIGURES, Figures, OutputProof
from mxproof.proof.proof import TargetProof
from mxproof.proof.trace_results import TraceResult
from mxproof.reports.page import markdown, page
from mxproof.reports.record import FAIL, PASS, Json, output, questions, target_part
from mxproof.reports.terminal import proven_sentence
from mxproof.reports.wording import loss_words, precision_words, summary
from mxproof.verification import VerifyResult

from .fakes import NOISE, PRECISIONS, Layers, clean, judge, truth_of

Fault = Callable[[Layers], Layers]


def on_relu(change: Callable[[Any], Any]) -> Fault:
    return lambda layers: [(n, change(v) if n == "relu" else v) for n, v in layers]


def scaled(by: float) -> Fault:
    return on_relu(lambda v: v * v.dtype.type(by))


def moved(by: float) -> Fault:
    """Off by so many times MXNet's own float32 error."""
    steps = np.random.default_rng(1).standard_normal((2, 64, 3, 3))
    return on_relu(lambda v: (v + by * NOISE * steps).astype(v.dtype))


def fine(layers: Layers) -> Layers:
    return layers


def target(
    double: Fault = fine,
    single: Fault = fine,
    isolated: bool = True,
    last: Fault = fine,
    alone64: Optional[Fault] = None,
) -> TargetProof:
    """What is found of a candidate with these faults in float64, float32 and its outputs.

    Args:
        isolated: the layers were judged on MXNet's inputs as well.
        alone64: its fault there, if it is another one.
    """
    truth, faults = truth_of(), dict(zip(PRECISIONS, (double, single)))
    made = {p: fault(clean(truth, p)) for p, fault in faults.items()}
    comparisons = {p: judge(layers, p, truth) for p, layers in made.items()}
    given = {**made, "float64": (alone64 or double)(clean(truth, "float64"))}
    alone = {p: judge(layers, p, truth, alone=True) for p, layers in given.items()}
    outputs = judge(last(clean(truth, "float32")), "float32", truth, alone=True)
    proof = OutputProof(outputs, {"dense": Figures(0.0, 0.0, True, TopK(EQUAL))})
    return TargetProof("onnx", comparisons, proof, alone if isolated else {})


def test_a_right_conversion_passes_both() -> None:
    found = target()
    assert (found.same_function, found.as_precise, found.passed) == (True, True, True)
    assert found.function_problems == [] and record_of(found)["less_precise"] == {}


#: What can be wrong -> (same function, as precise). The fake MXNet's error is 1e-4 of its numbers,
#: so what is another function rather than imprecise is an error as large as the numbers.
FAULTS: Dict[str, Tuple[Dict[str, Fault], Tuple[bool, bool]]] = {
    "float64": ({"double": scaled(1 + 1e-9)}, (False, True)),
    "both": ({"double": scaled(1.01), "single": scaled(1.01)}, (False, False)),
    "noisier": ({"single": moved(10)}, (True, False)),
    "much noisier": ({"single": moved(1000)}, (True, False)),
    "no digit is right": ({"single": scaled(-1)}, (False, False)),
    "missing": ({"single": lambda layers: layers[:-1]}, (False, False)),
    "order": ({"single": lambda layers: layers[::-1]}, (False, False)),
    "dtype": ({"single": on_relu(lambda v: v.astype("float16"))}, (False, False)),
    "shape": ({"single": on_relu(lambda v: v[:1])}, (False, False)),
    "not finite": ({"single": on_relu(lambda v: v * np.float32("nan"))}, (False, False)),
    "stops": ({"single": on_relu(lambda v: RuntimeError("no kernel"))}, (False, False)),
    "the output": ({"last": moved(10)}, (True, False)),
    "the output's shape": ({"last": on_relu(lambda v: v[:1])}, (False, False)),
}


@pytest.mark.parametrize("isolated", [True, False])
@pytest.mark.parametrize(("faults", "verdicts"), FAULTS.values(), ids=list(FAULTS))
def test_each_fault_fails_its_question(
    faults: Dict[str, Fault], verdicts: Tuple[bool, bool], isolated: bool
) -> None:
    found = target(isolated=isolated, **faults)
    assert (found.same_function, found.as_precise) == verdicts
    assert not found.passed and bool(found.function_problems) != found.same_function
    record = record_of(found)
    if record["less_precise"] and found.same_function:
        assert list(record["less_precise"]) == ["relu"]
        assert record["less_precise"]["relu"] > 2
    said = dict(summary(record))
    assert record["verdict"] == FAIL
    assert record["function"] == (PASS if verdicts[0] else FAIL)
    assert record["precision"] == (PASS if verdicts[1] else FAIL)
    assert said["function"] == ("same function" if verdicts[0] else "function not proven")
    assert said["precision"].startswith("as precise" if verdicts[1] else "less precise")
    assert from_parts(found) == {q: record[q] for q in ("function", "precision")}


def record_of(found: TargetProof) -> Json:
    proof = VerifyResult("small", "user", {"data": (2, 3, 8, 6)}, {"onnx": found}, {})
    record: Json = proof.to_json()["targets"]["onnx"]
    return record


def from_parts(found: TargetProof) -> Dict[str, str]:
    """The verdicts of a pytest run, whose tests hand in a precision each."""
    parts = {p: target_part(found, p) for p in found.comparisons}
    return questions(parts, output(found.output))


def test_a_layer_that_is_wrong_by_itself_is_another_function() -> None:
    """In the chain it may hide behind what the layers before pass on."""
    found = target(alone64=scaled(1 + 1e-9))
    assert found.comparisons["float64"].passed
    assert (found.same_function, found.as_precise) == (False, True)
    assert from_parts(found) == {"function": FAIL, "precision": PASS}


@pytest.mark.parametrize(
    ("size", "same"), [(2.0**-24, True), (2.0**-9, True), (2.0**-4, False), (0.9, False)]
)
def test_no_type_loses_more_than_bfloat16(size: float, same: bool) -> None:
    """Against a MXNet as precise as float32 is: what bfloat16 leaves is imprecise, a tenth off is
    another function, although float64 is right."""
    truth = [replace(t, float32=t.float64.astype("f")) for t in truth_of()]
    steps = np.random.default_rng(1).standard_normal(truth[1].float64.shape)
    layers = [(t.name, t.float64.astype("f")) for t in truth]
    layers[1] = ("relu", (truth[1].float64 * (1 + size * steps)).astype("f"))
    (check,) = (c for c in judge(layers, "float32", truth).checks if c.layer == "relu")
    assert check.another_function != same


def test_a_top_1_that_differs_is_imprecise_and_other_shapes_are_another_function() -> None:
    found = target()
    figures = {"dense": Figures(0.0, 0.0, True, TopK(DIFFERS, "class 3, not 2"))}
    differs = replace(found, output=replace(found.output, figures=figures))
    assert (differs.same_function, differs.as_precise) == (True, False)
    assert "class 3, not 2" in "".join(differs.explain("small"))
    shapes = replace(found, output=replace(found.output, figures={"dense": NO_FIGURES}))
    assert not shapes.same_function
    assert "the outputs have other shapes" in "".join(shapes.explain("small"))


@pytest.mark.parametrize("alone", [False, True])
def test_a_systematic_loss_is_imprecise(alone: bool) -> None:
    """No layer by itself is beyond its limits; the median is: of the chain where nobody has looked
    closer, else of the layers by themselves."""
    check = judge(clean(truth_of(), "float32", 2.0), "float32").checks[0]
    assert check.sums is not None
    known = replace(check, sums=replace(check.sums, spread=check.sums.noise)) if alone else check
    many = tuple(f"layer{i}" for i in range(20))
    checks = tuple(replace(known, layer=name) for name in many)
    noisy = TraceResult("fake", "float32", checks, many, alone)
    assert not noisy.passed and not noisy.failed and not noisy.function_problems
    right = target()
    found = replace(right, comparisons={**right.comparisons, "float32": noisy}, isolated={})
    if alone:
        found = replace(right, isolated={"float32": noisy})
    assert (found.same_function, found.as_precise) == (True, False)
    assert "the median of the float32 error over 20 layers is 2.0" in " ".join(found.explain("net"))
    assert from_parts(found) == {"function": PASS, "precision": FAIL}
    record = record_of(found)
    assert (record["function"], record["precision"]) == (PASS, FAIL)
    shown = record["precisions"]["float32"]["median_ratio"]
    assert shown == noisy.median_ratio == pytest.approx(2.0, rel=0.02), "what was judged is shown"
    assert record["less_precise"] == {} and precision_words(record) == "less precise"


def test_reports_say_that_the_function_is_the_same() -> None:
    found = target(single=moved(10))
    record = VerifyResult("small", "user", {"data": (2, 3, 8, 6)}, {"onnx": found}, {}).to_json()
    assert record["targets"]["onnx"]["less_precise"].keys() == {"relu"}
    html, text = page([record]), markdown([record])
    sentence = "ONNX is the same function, but less precise in 1 layer; the first is Activation"
    assert f"{sentence} relu (layer 2 of 3)." in html
    for report in (html, text):
        assert "Less precise" in report and "Not equal" not in report
        assert "same function" in report and "less precise in 1 layer" in report


def test_a_loss_names_the_worst_few() -> None:
    parts: Dict[str, Any] = {f"conv{i}": 2.0 + i for i in range(6)}
    said = loss_words({"less_precise": {**parts, "fc": None}})
    assert said.startswith(
        "same function; less precise than MXNet in 7 layers: fc (error inf times"
    )
    assert ", conv5 (error 7 times its limit), conv4 (" in said and said.endswith(", and 2 more")
    assert loss_words({"less_precise": {}}) == "same function; less precise than MXNet"


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        (
            [],
            "Proven equal to MXNet, every layer: a (3 layers), ab (5 layers) with RANDOM weights "
            "in pytorch float32, pytorch float64.",
        ),
        (
            ["tests/models/test_shapes.py::test_shapes[a-onnx+pytorch]"],
            "Not proven: 1 test of models failed. Proven equal to MXNet, every layer: ab "
            "(5 layers) with RANDOM weights in pytorch float32, pytorch float64.",
        ),
        (["[a-pytorch]", "[ab]"], "Not proven: 2 tests of models failed."),
    ],
)
def test_a_run_ends_with_what_it_proved(failed: List[str], said: str) -> None:
    rows = [
        {"model": m, "layers": n, "weights": "RANDOM weights", "runtime": "pytorch", "precision": p}
        for m, n in (("a", "3"), ("ab", "5"))
        for p in ("float64", "float32")
    ]
    assert proven_sentence(rows, failed) == said
