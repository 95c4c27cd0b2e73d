"""The search names what is to blame: checked against every way in which factors can be guilty."""

from __future__ import annotations

from itertools import combinations
from typing import Callable, FrozenSet, Iterable, List, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.bisect.attribution import Attribution, attribute
from lab.bisect.search import GREEN, RED, UNKNOWN, Findings, Outcome, Search
from lab.bisect.venvs import NotBuilt
from lab.bisect.workshop import Stopped

FACTORS = ("onnx", "onnxruntime", "optimisation", "threads")
Guilt = Callable[[FrozenSet[str]], str]


def guilty(*sets: Iterable[str]) -> Guilt:
    """Red with any of these sets in it."""
    wanted = [frozenset(s) for s in sets]
    return lambda chosen: RED if any(s <= chosen for s in wanted) else GREEN


def searched(guilt: Guilt, factors: Tuple[str, ...] = FACTORS) -> Findings:
    return Search(factors, lambda chosen: Outcome(guilt(chosen), "")).run()


@pytest.mark.parametrize("factor", FACTORS)
def test_one_factor(factor: str) -> None:
    found = searched(guilty({factor}))
    assert found.causes == ((factor,),)
    assert found.needed == (factor,)
    assert found.left == GREEN


def test_the_only_factor_needs_no_other_run() -> None:
    found = searched(guilty({"onnx"}), ("onnx",))
    assert found.causes == (("onnx",),)
    assert len(found.tried) == 2


def test_two_factors_each_by_itself() -> None:
    found = searched(guilty({"onnx"}, {"threads"}))
    assert found.causes == (("onnx",), ("threads",))
    assert found.needed == ()
    assert found.left == GREEN


def test_two_factors_only_together() -> None:
    found = searched(guilty({"onnxruntime", "optimisation"}))
    assert found.causes == (("onnxruntime", "optimisation"),)
    assert found.needed == ("onnxruntime", "optimisation")


def test_one_by_itself_and_two_together() -> None:
    """What is masked by the first is found when that is taken away."""
    found = searched(guilty({"threads"}, {"onnx", "onnxruntime"}))
    assert found.causes == (("threads",), ("onnx", "onnxruntime"))
    assert found.left == GREEN


def test_a_drift_that_another_factor_undoes() -> None:
    """onnx makes it red, and threads would hide that: still, the set that is named is red."""

    def hidden(chosen: FrozenSet[str]) -> str:
        red = "onnx" in chosen and ("threads" not in chosen or "onnxruntime" in chosen)
        return RED if red else GREEN

    found = searched(hidden)
    assert found.causes == (("onnx",),)
    assert found.left == GREEN


@given(st.sets(st.frozensets(st.sampled_from(FACTORS), min_size=1), min_size=1))
def test_causes_are_the_smallest_red_sets(sets: Set[FrozenSet[str]]) -> None:
    guilt = guilty(*sets)
    found = searched(guilt)
    causes = [frozenset(cause) for cause in found.causes]
    assert causes
    for cause in causes:
        assert guilt(cause) == RED
        assert all(guilt(cause - {factor}) == GREEN for factor in cause)
    assert not any(a & b for a, b in combinations(causes, 2))
    rest = frozenset(FACTORS).difference(*causes)
    assert guilt(rest) == GREEN == found.left
    # A factor that is red by itself is never missed, nor lost in a larger set.
    assert {c for c in causes if len(c) == 1} == {s for s in sets if len(s) == 1}
    assert set(found.needed) == {f for f in FACTORS if guilt(frozenset(FACTORS) - {f}) == GREEN}


def test_a_good_environment_that_is_red() -> None:
    assert searched(lambda chosen: RED).causes == ()


def test_a_bad_environment_that_is_green() -> None:
    found = searched(guilty())
    assert found.causes == ()
    assert len(found.tried) == 2  # nothing else is asked


def test_what_cannot_be_tried_accuses_nobody() -> None:
    """onnxruntime alone cannot be installed; without threads, it is seen to be the one."""
    guilt = guilty({"onnxruntime"})

    def impossible(chosen: FrozenSet[str]) -> str:
        return UNKNOWN if chosen == {"onnxruntime"} else guilt(chosen)

    found = searched(impossible)
    assert len(found.causes) == 1
    assert "onnxruntime" in found.causes[0]
    assert guilt(frozenset(found.causes[0])) == RED
    assert found.needed == ("onnxruntime",)


def test_no_run_is_made_twice() -> None:
    asked: List[FrozenSet[str]] = []

    def probe(chosen: FrozenSet[str]) -> Outcome:
        asked.append(chosen)
        return Outcome(guilty({"onnx", "threads"})(chosen), "")

    Search(FACTORS, probe).run()
    assert len(asked) == len(set(asked))


GOOD = {"onnx": "1.23.2", "onnxruntime": "1.31.1", "optimisation": "all", "threads": "all"}
BAD = {"onnx": "1.16.0", "onnxruntime": "1.24.4", "optimisation": "basic", "threads": "1"}


def attributed(guilt: Guilt) -> Attribution:
    def probe(environment: object) -> Outcome:
        assert isinstance(environment, dict)
        chosen = frozenset(name for name in FACTORS if environment[name] == BAD[name])
        return Outcome(guilt(chosen), "seen")

    return attribute("onnx", GOOD, BAD, "Red is red.", probe)


def test_a_sentence_for_one() -> None:
    assert attributed(guilty({"onnxruntime"})).sentence == (
        "onnx: onnxruntime 1.31.1 -> 1.24.4 explains it: alone, it turns the good red. "
        "The bad without it is green."
    )


def test_a_sentence_for_two() -> None:
    assert attributed(guilty({"onnxruntime"}, {"threads"})).sentence == (
        "onnx: 2 causes, each by itself enough: onnxruntime 1.31.1 -> 1.24.4; threads all -> 1. "
        "The bad without all of them is green."
    )


def test_a_sentence_for_an_interaction() -> None:
    assert attributed(guilty({"onnxruntime", "optimisation"})).sentence == (
        "onnx: onnxruntime 1.31.1 -> 1.24.4 with graph optimisation all -> basic explain it "
        "together: no fewer of them turn the good red. The bad without all of them is green."
    )


def test_a_sentence_where_a_factor_cannot_be_tried_alone() -> None:
    """What is only needed to get onnxruntime installed is not said to take part in it."""

    def impossible(chosen: FrozenSet[str]) -> str:
        alone = "onnxruntime" in chosen and "onnx" not in chosen
        return UNKNOWN if alone else guilty({"onnxruntime"})(chosen)

    assert attributed(impossible).sentence == (
        "onnx: onnx 1.23.2 -> 1.16.0 with onnxruntime 1.31.1 -> 1.24.4 explain it together: not "
        "every smaller part of them could be tried, but without onnxruntime 1.31.1 -> 1.24.4 the "
        "bad is green. The bad without all of them is green."
    )


def test_a_sentence_where_the_rest_is_open() -> None:
    """Without the cause nothing can be tried, so more may be wrong; that is said."""
    guilt = guilty({"onnx"})

    def impossible(chosen: FrozenSet[str]) -> str:
        return UNKNOWN if chosen == frozenset(FACTORS) - {"onnx"} else guilt(chosen)

    assert "could not be told: seen" in attributed(impossible).sentence


def test_a_sentence_for_none() -> None:
    flaky = iter([GREEN, GREEN])
    found = attributed(lambda chosen: next(flaky))
    assert not found.named
    assert found.sentence == "onnx: not attributed: the bad environment is green (seen)."


@pytest.mark.parametrize("error", [NotBuilt, Stopped])
def test_an_environment_that_there_is_not_decides_nothing(error: type) -> None:
    def probe(environment: object) -> Outcome:
        if environment not in (GOOD, BAD):
            raise error("no such version")
        return Outcome(RED if environment == BAD else GREEN, "")

    found = attribute("onnx", GOOD, BAD, "", probe)
    assert set(found.findings.causes) == {FACTORS}
    notes = [row[2] for row in found.rows() if row[1] == UNKNOWN]
    assert notes and set(notes) == {"no such version"}


def test_rows_name_the_nearer_environment() -> None:
    rows = attributed(guilty({"threads"})).rows()
    assert rows[0] == ("good", GREEN, "seen")
    assert rows[1] == ("bad", RED, "seen")
    assert ("good, but threads all -> 1", RED, "seen") in rows
    assert ("bad, but threads 1 -> all", GREEN, "seen") in rows
