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


GUILTY = st.sets(st.frozensets(st.sampled_from(FACTORS), min_size=1), min_size=1)
VERDICTS = st.dictionaries(st.frozensets(st.sampled_from(FACTORS)), st.sampled_from([GREEN, RED]))


@given(
    GUILTY.map(lambda sets: guilty(*map(set, sets)))
    | VERDICTS.map(lambda verdicts: lambda chosen: verdicts.get(chosen, RED))
)
def test_guarantees(oracle: Oracle) -> None:
    """Of verdicts at random, too, where more of the bad environment may be green again."""
    asked = []

    def probe(chosen: FrozenSet[str]) -> Outcome:
        asked.append(chosen)
        return Outcome(oracle(chosen))

    findings = search(CHANGES, probe)
    causes, everything = findings.causes, frozenset(FACTORS)
    ends = oracle(frozenset()), oracle(everything)
    assert bool(causes) == findings.proven == (ends == (GREEN, RED))
    assert all(oracle(cause) == RED for cause in causes)
    assert all(oracle(cause - {factor}) == GREEN for cause in causes for factor in cause)
    assert not any(a & b for a, b in combinations(causes, 2))
    alone = {single for single in map(frozenset, zip(FACTORS)) if oracle(single) == RED}
    assert {cause for cause in causes if len(cause) == 1} == (alone if causes else set())
    assert not causes or oracle(everything.difference(*causes)) == GREEN == findings.remaining
    assert len(asked) == len(set(asked))


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
