"""Every layer of every conversion against MXNet: the same function, as precise."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Callable

import numpy as np
import pytest

from mxproof.model import WEIGHTS
from mxproof.proof.trace_results import NAMED, describe_failure
from mxproof.proof.verify import notes_of
from mxproof.reports.record import coverage_record, stored_record, target_part
from mxproof.reports.terminal import against_limit, layer_sheet, require_layers

from .conftest import Case, record_of


def operator_nodes(case: Case) -> int:
    """Counted in the file itself, by nobody's reader."""
    document = json.loads(case.subject.files.symbol.read_text(encoding="utf-8"))
    return sum(node["op"] != "null" for node in document["nodes"])


def test_layers(
    case: Case,
    target: str,
    precision: str,
    record_property: Callable[[str, object], None],
    hand_in: Callable[..., None],
    request: pytest.FixtureRequest,
) -> None:
    proof = case.proof(target)
    comparison, alone = proof.comparisons[precision], proof.introduced.get(precision, ())
    covered = not proof.coverage or precision != "float64" or not proof.coverage.problems
    problems = proof.isolated_problems(precision)
    passed = comparison.passed and not alone and not problems and covered
    pattern = request.config.getoption("--layers")
    if pattern:
        require_layers(case.subject.graph, pattern)
        sheet = layer_sheet(case.name, target, comparison, pattern)
        record_property("mxproof_layers", asdict(sheet))
    hand_in(
        case,
        target=target,
        precision=precision,
        about={**record_of(case), **coverage_record(proof.coverage)},
        part=target_part(proof, precision),
        stored=stored_record(proof.stored),
        introduced=[c.layer for c in alone or comparison.culprits[:1]],
        explanation=None
        if passed
        else describe_failure(case.name, target, comparison, alone, problems),
        notes=notes_of(case.subject.graph, {target: proof}),
    )
    worst = comparison.worst or comparison.checks[0]
    record_property(
        "mxproof",
        {
            "model": case.name,
            "runtime": comparison.candidate,
            "precision": precision,
            "layers": str(len(comparison.checks)),
            "worst layer": worst.layer,
            "its error (limit)": against_limit(worst),
            "weights": WEIGHTS[case.subject.weights],
        },
    )
    if not comparison.passed or alone or problems:
        pytest.fail(case.explain(target, comparison, alone, problems), pytrace=False)
    assert covered, proof.coverage.problems
    assert len(comparison.checks) == len(case.truth)
    if case.subject.model is not None:
        assert len(comparison.checks) == operator_nodes(case)


def test_stored_numbers(case: Case, target: str) -> None:
    """Every number that the network reads is in the file, bit for bit, or exempt with a reason."""
    stored = case.proof(target).stored
    assert stored.passed, "; ".join(stored.explain(NAMED))
    assert case.recorded or not stored.note


def test_tracing_changes_nothing(case: Case, target: str, precision: str) -> None:
    """What is traced is what is shipped: the outputs are the same bits with and without."""
    options = {"optimisation": "disabled"} if (target, precision) == ("onnx", "float32") else {}
    candidate = case.candidate(target, precision, **options)
    traced = candidate.trace(case.truth.inputs, lambda layer, value: None)
    plain = candidate.run(case.truth.inputs)
    assert len(traced) == len(plain) == len(case.subject.graph.outputs)
    for a, b in zip(traced, plain):
        np.testing.assert_array_equal(a, b)
