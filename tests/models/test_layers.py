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
from mxproof.localise import describe_failure

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
    parts = (compare(truth, candidate, graph) for truth in case.truths)
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
        alone = (compare(truth, candidate, graph, alone=True) for truth in case.truths)
        culprits = reduce(operator.add, alone).culprits
        pytest.fail(describe_failure(case.name, target, comparison, culprits), pytrace=False)
    assert len(comparison.checks) == len(case.truth)
    if case.subject.model is not None:
        assert len(comparison.checks) == operator_nodes(case)


def test_tracing_changes_nothing(case: Case, target: str, precision: str) -> None:
    """What is traced is what is shipped: the outputs are the same bits with and without."""
    options = {"optimised": False} if (target, precision) == ("onnx", "float32") else {}
    candidate = case.candidate(target, precision, **options)
    traced = candidate.trace(case.truth.inputs, lambda layer, value: None)
    plain = candidate.run(case.truth.inputs)
    assert len(traced) == len(plain) == len(case.subject.graph.outputs)
    for a, b in zip(traced, plain):
        np.testing.assert_array_equal(a, b)


def test_exposing_layers_only_rounds_differently(case: Case) -> None:
    """With onnxruntime's optimisations an exposed layer is not fused, which costs rounding only:
    the outputs of the traced and of the shipped session are both within the budget."""
    candidate = case.candidate("onnx", "float32")
    traced = candidate.trace(case.truth.inputs, lambda layer, value: None)
    shipped = candidate.run(case.truth.inputs)
    names = list(dict.fromkeys(case.subject.graph.outputs))
    assert len(traced) == len(shipped) == len(names)
    for outputs in (traced, shipped):
        for name, value in zip(names, outputs):
            result = case.truth.check(name, "output", value, "float32")
            assert result.problem is None, f"{case.name} {name!r}: {result.problem}"
