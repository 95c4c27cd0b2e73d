"""The search finds what it guarantees, whichever factors are guilty, alone or together."""

from __future__ import annotations

from itertools import combinations
from typing import Callable, FrozenSet, List, Set

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.bisect.search import GREEN, RED, UNKNOWN, Findings, Outcome, search

FACTORS = ("onnx", "onnxruntime", "optimisation", "threads")
CHANGES = {name: f"{name} 1 -> 2" for name in FACTORS}
Oracle = Callable[[FrozenSet[str]], str]


def guilty(*sets: Set[str]) -> Oracle:
    """Red with any of these sets in it."""
    return lambda chosen: RED if any(chosen.issuperset(s) for s in sets) else GREEN


def found(oracle: Oracle) -> Findings:
    return search(CHANGES, lambda chosen: Outcome(oracle(chosen), "seen"))


@given(st.sets(st.frozensets(st.sampled_from(FACTORS), min_size=1), min_size=1))
def test_guarantees(sets: Set[FrozenSet[str]]) -> None:
    oracle, asked = guilty(*map(set, sets)), []

    def probe(chosen: FrozenSet[str]) -> Outcome:
        asked.append(chosen)
        return Outcome(oracle(chosen))

    findings = search(CHANGES, probe)
    causes = findings.causes
    assert causes and findings.proven
    assert all(oracle(cause) == RED for cause in causes)
    assert all(oracle(cause - {factor}) == GREEN for cause in causes for factor in cause)
    assert not any(a & b for a, b in combinations(causes, 2))
    assert {c for c in causes if len(c) == 1} == {s for s in sets if len(s) == 1}
    assert oracle(frozenset(FACTORS).difference(*causes)) == GREEN == findings.remaining
    assert len(asked) == len(set(asked))


@given(st.dictionaries(st.frozensets(st.sampled_from(FACTORS)), st.sampled_from([GREEN, RED])))
def test_guarantees_where_factors_undo_each_other(verdicts: dict[FrozenSet[str], str]) -> None:
    """The oracle is not monotonic: more of the bad environment may be green again."""
    findings = found(lambda chosen: verdicts.get(chosen, RED))
    ends = verdicts.get(frozenset(), RED), verdicts.get(frozenset(FACTORS), RED)
    assert bool(findings.causes) == (ends == (GREEN, RED))
    for cause in findings.causes:
        assert verdicts.get(cause, RED) == RED
        assert all(verdicts.get(cause - {factor}, RED) == GREEN for factor in cause)
    assert not findings.causes or findings.remaining == GREEN


@pytest.mark.parametrize(
    ("nothing", "everything", "probes"),
    [(GREEN, GREEN, 2), (GREEN, UNKNOWN, 2), (RED, RED, 1), (UNKNOWN, RED, 1)],
)
def test_nothing_to_explain(nothing: str, everything: str, probes: int) -> None:
    findings = found(lambda chosen: everything if chosen else nothing)
    assert not findings.causes and not findings.proven
    assert len(findings.tried) == probes
    if probes == 2:
        assert findings.sentence == f"not explained: the bad environment is {everything}: seen."


def test_what_cannot_be_tried_accuses_nobody() -> None:
    """The guilty onnxruntime cannot be installed without the new onnx, which may be guilty."""
    fits = lambda chosen: "onnxruntime" not in chosen or "onnx" in chosen  # noqa: E731
    findings = found(lambda c: guilty({"onnxruntime"})(c) if fits(c) else UNKNOWN)
    assert findings.causes == (frozenset({"onnx", "onnxruntime"}),)
    assert not findings.proven
    assert "or a part of that which could not be tried" in findings.sentence


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([{"onnx"}], "onnx 1 -> 2 explains it."),
        ([{"onnx"}, {"threads"}], "onnx 1 -> 2; threads 1 -> 2 explain it, each by itself."),
        ([{"onnx", "threads"}], "onnx 1 -> 2 with threads 1 -> 2 explain it."),
    ],
)
def test_sentences(sets: List[Set[str]], said: str) -> None:
    assert found(guilty(*sets)).sentence == f"{said} The bad environment without that is green."


def test_rows_and_record() -> None:
    findings = found(guilty({"threads"}))
    rows = findings.rows()
    assert rows[:2] == [("good", GREEN, "seen"), ("bad", RED, "seen")]
    assert ("good with threads 1 -> 2", RED, "seen") in rows
    record = findings.to_json()
    assert record["causes"] == [["threads"]]
    assert {"from_bad": ["threads"], "verdict": RED, "note": "seen"} in record["tried"]
