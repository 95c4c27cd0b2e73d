"""Every layer of every conversion against MXNet: the same function, as precise."""

from __future__ import annotations

import json
import operator
from functools import reduce
from typing import Callable

import numpy as np
import pytest

from converters.checkpoint import symbol_path
from mxproof.compare import compare
from mxproof.localise import describe_failure, first_introduced
from mxproof.runtimes.onnxruntime import OnnxRuntime

from .conftest import Case


def operator_nodes(case: Case) -> int:
    """Counted in the file itself, by nobody's reader."""
    document = json.loads(symbol_path(case.subject.prefix).read_text())
    return sum(node["op"] != "null" for node in document["nodes"])


def test_layers(
    case: Case, target: str, precision: str, record_property: Callable[[str, object], None]
) -> None:
    candidate = case.candidate(target, precision)
    graph = case.subject.graph
    parts = (compare(truth, candidate, x, graph) for x, truth in case.evidence())
    comparison = reduce(operator.add, parts)
    worst = max(comparison.checks, key=lambda c: c.rel)
    record_property(
        "mxproof",
        {
            "model": case.name,
            "runtime": candidate.name,
            "precision": precision,
            "layers": str(len(comparison.checks)),
            "worst layer": worst.layer,
            "its relative error": f"{worst.rel:.2e}",
        },
    )
    if not comparison.passed:
        introduced = None
        if precision == "float64":
            found = (first_introduced(truth, candidate, x, graph) for x, truth in case.evidence())
            introduced = next(filter(None, found), None)
        pytest.fail(describe_failure(case.name, target, comparison, introduced), pytrace=False)
    assert len(comparison.checks) == len(case.truth)
    if case.subject.model is not None:
        assert len(comparison.checks) == operator_nodes(case)


def test_tracing_changes_nothing(case: Case, target: str, precision: str) -> None:
    """What is traced is what is shipped: the outputs are the same bits with and without."""
    options = {"optimised": False} if (target, precision) == ("onnx", "float32") else {}
    candidate = case.candidate(target, precision, **options)
    traced = candidate.trace(case.layers_inputs, lambda layer, value: None)
    plain = candidate.run(case.layers_inputs)
    assert len(traced) == len(plain) == len(case.subject.graph.outputs)
    for a, b in zip(traced, plain):
        np.testing.assert_array_equal(a, b)


def test_exposing_layers_only_rounds_differently(case: Case) -> None:
    """With onnxruntime's optimisations an exposed layer is not fused; that costs rounding only."""
    candidate = case.candidate("onnx", "float32")
    assert isinstance(candidate, OnnxRuntime)
    traced = candidate.trace(case.layers_inputs, lambda layer, value: None)
    shipped = candidate.run(case.layers_inputs)
    truth = {t.name: t for t in case.truth}
    for name, a, b in zip(case.subject.graph.outputs, traced, shipped):
        peak = np.abs(truth[name].float64).max()
        noise = np.abs(truth[name].float32 - truth[name].float64).max()
        assert np.abs(a - b).max() <= max(16 * noise, 16 * np.finfo(np.float32).eps * peak)
