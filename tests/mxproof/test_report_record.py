"""The record, and what is said of it: no report may say better than what was found."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Tuple

import numpy as np
import pytest
from rich.console import Console

from fixtures.networks import small_resnet
from mxproof.proof.proof import PRECISIONS
from mxproof.proof.results import LayerResult
from mxproof.proof.tolerance import Budget, ToleranceOverride
from mxproof.proof.trace_results import TraceResult
from mxproof.reports.page import markdown, page
from mxproof.reports.record import FAIL, INCOMPLETE, PASS, part, questions, target_record
from mxproof.reports.sheet import Sheet
from mxproof.reports.wording import number, summary, used
from mxproof.runtimes.base import Layer

from .fakes import NAMES, clean, judge, truth_of
from .records import HOSTILE, WRONG, proof, target_proof, wrong_layer


@pytest.mark.parametrize("wrong", [(), ("pytorch",), ("onnx", "pytorch")])
def test_a_record_is_json_and_has_the_layer_that_is_wrong(wrong: Tuple[str, ...]) -> None:
    record = proof(wrong).to_json()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["verdict"] == (FAIL if wrong else PASS)
    for name, target in record["targets"].items():
        before, layer, after = target["layers"]
        assert tuple(c["name"] for c in target["layers"]) == NAMES
        assert target["verdict"] == layer["verdict"] == (FAIL if name in wrong else PASS)
        assert before["verdict"] == after["verdict"] == PASS
        assert before["float64_rel"] < before["float64_allowed"]
        if name in wrong:
            assert target["introduced"] == [WRONG] == [layer["name"]]
            assert layer["float64_rel"] == pytest.approx(1e-3, rel=1e-2)
            assert layer["float64_allowed"] == 1e-12
            assert layer["float64_part"] == pytest.approx(1e9, rel=1e-2)
            assert layer["float32_ratio"] > layer["float32_allowed"] >= 4
            assert "values, worst" in layer["problem"] and "values, worst" in layer["alone"]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("wrong", [False, True])
def test_what_is_used_of_a_budget_agrees_with_the_verdict(precision: str, wrong: bool) -> None:
    truth = truth_of()
    layers = wrong_layer(precision, truth) if wrong else clean(truth, precision)
    for check in judge(layers, precision, truth).checks:
        assert check.used is not None and check.limit is not None
        assert (check.used > 1) == (check.problem is not None)
        value = check.rel if precision == "float64" else check.ratio
        assert value is not None
        assert check.used >= value / check.limit - 1e-9, "channels are judged too"


def test_one_channel_may_use_up_more_than_its_layer() -> None:
    random = np.random.default_rng(0)
    t = random.standard_normal((2, 4, 5, 6))
    t[:, 0] *= 100
    off = t.copy()
    off[:, 1] *= 1 + 1e-11
    truth = [Layer("conv", t, t.astype("f"))]
    check = judge([("conv", off)], "float64", truth).checks[0]
    assert check.rel < check.limit < 1.01e-12
    assert check.used < 1, "of a channel this small only a part counts"
    off[:, 1] *= 1 + 1e-10
    check = judge([("conv", off)], "float64", truth).checks[0]
    assert (check.used > 1, check.problem is not None) == (True, True)


def test_of_several_inputs_the_worst_says_what_was_allowed() -> None:
    first = LayerResult("conv", "Convolution", (1,), 1e-13, 0.0, 0.0, None, rel64=1e-12)
    worse = replace(first, rel=5e-13, rel64=2e-12)
    assert (first + worse).limit == (worse + first).limit == 2e-12


def test_a_result_without_numbers_is_null_and_worst() -> None:
    truth = truth_of()
    broken = [(n, v * np.nan if n == WRONG else v) for n, v in clean(truth, "float64")]
    found = replace(
        target_proof("onnx", wrong=True),
        comparisons={
            "float64": judge(broken, "float64", truth),
            "float32": judge(clean(truth, "float32"), "float32", truth),
        },
    )
    record = replace(proof(), targets={"onnx": found}).to_json()
    layer = record["targets"]["onnx"]["layers"][1]
    assert layer["float64_rel"] is None and layer["float64_part"] is None
    assert layer["verdict"] == FAIL
    assert dict(summary(record["targets"]["onnx"]))["float64 rel, worst layer"] == f"– {WRONG}"
    json.dumps(record, allow_nan=False)


def test_a_budget_that_nothing_needs_fails_the_whole_record() -> None:
    record = proof(problems=("--budgets rows.json: no layer needed the row",)).to_json()
    assert record["verdict"] == FAIL
    assert '<p class="said">No layer differs, but' in page([record])
    assert "no layer needed the row" in markdown([record])


def test_what_was_not_judged_is_not_proven() -> None:
    comparison = judge(clean(truth_of(), "float64"), "float64")
    parts = {"float64": part(comparison)}
    half = target_record(parts, None, verdicts=questions(parts, None))
    assert half["verdict"] == half["function"] == half["precision"] == INCOMPLETE
    assert [layer["float32_ratio"] for layer in half["layers"]] == [None] * 3
    assert questions({}, None) == {"function": INCOMPLETE, "precision": INCOMPLETE}


def test_a_layer_that_one_precision_lacks_fails() -> None:
    double, single = (judge(clean(truth_of(), p), p) for p in PRECISIONS)
    shorter = replace(single, checks=single.checks[:-1])
    parts = {"float64": part(double), "float32": part(shorter)}
    record = target_record(parts, {}, verdicts=questions(parts, {}))
    assert record["verdict"] == record["function"] == record["precision"] == FAIL
    assert record["layers"][-1]["problem"] == "float32: was not compared"
    assert [layer["verdict"] for layer in record["layers"]] == [PASS, PASS, FAIL]


def test_a_layer_with_limits_of_its_own_says_why() -> None:
    comparison = judge(clean(truth_of(), "float32"), "float32")
    row = ToleranceOverride("sums in blocks", Budget(float32_ratio=8))
    checks = (replace(comparison.checks[0], row=row), *comparison.checks[1:])
    found = part(TraceResult("onnxruntime", "float32", checks, comparison.expected))
    layers = target_record({"float32": found}, None, verdicts=questions({}, None))["layers"]
    assert layers[0]["note"] == "has a budget of its own: sums in blocks"
    assert layers[1]["note"] is None
    noted = target_record(
        {"float32": found}, None, verdicts=questions({}, None), notes={NAMES[1]: "by itself"}
    )
    assert noted["layers"][1]["note"] == "by itself"


def test_layers_judged_on_given_inputs_are_noted() -> None:
    from mxproof.proof.verify import notes_of

    net, head = small_resnet()
    assert notes_of(net.graph(head)) == {}
    ranked = net.layer("topk", "ranked", head, ret_typ="value", k="2")
    after = net.layer("_mul_scalar", "after", ranked, scalar="2")
    notes = notes_of(net.graph(after))
    assert set(notes) == {"ranked", "after"}
    assert notes["after"].startswith("judged by itself")


def test_numbers_in_words() -> None:
    said = [used(part) for part in (None, 0.0004, 0.25, 1.5, 3e6)]
    assert said == ["–", "0.04 %", "25 %", "150 %", "3e+06 times"]
    assert number(None) == "–" and number(1.25e-7) == "1.2e-07"


@pytest.mark.parametrize("width", [80, 200])
def test_the_terminal_shows_the_same_table(width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(proof(["pytorch"]))
    text = console.export_text()
    assert "FAIL" in text and "pass" in text and WRONG in text


@pytest.mark.parametrize("width", [40, 60, 120])
def test_a_narrow_terminal_keeps_names_whole(width: int) -> None:
    """A table as long as that will do, its headings folded if need be; else a list."""
    name = "resnetv10_stage1_batchnorm0_fwd"
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(Sheet("layers", ("layer", "float32 ratio", "verdict"), [(name, "1.25", "pass")]))
    text = console.export_text()
    assert name in text and "1.25" in text and "pass" in text
    assert ("┃" in text, "float32 ratio" in text) == (width > 40, width != 60)
    assert max(map(len, text.splitlines())) <= width


def test_markdown_has_failures_first_and_no_markup_of_strangers() -> None:
    good, bad = proof().to_json(), proof(["onnx"]).to_json()
    bad["model"] = HOSTILE
    bad["command"] = "mxproof verify a|b"
    text = markdown([good, bad])
    lines = text.splitlines()
    assert lines[0] == "## ✗ mxproof: Not equal"
    rows = [line for line in lines if (line.startswith("| ") and "✗" in line) or "✓ pass" in line]
    assert rows[0].startswith(
        r"| &lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;\|\`x\` | ONNX | ✗"
    )
    assert [("✗" in row) for row in rows] == [True, False, False, False]
    assert len({row.replace(r"\|", "").count("|") for row in rows}) == 1, "as many cells in each"
    assert "<img" not in text
    assert WRONG in text and r"mxproof verify a\|b" in text
