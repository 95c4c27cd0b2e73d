"""What made it slower: decided by a judge, here one that knows what each setting costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List, Mapping, Set, Tuple

import pytest

from lab.bisect.bisection import Bisection, Results
from lab.bisect.factors import completed
from mxproof.benchmark.latency import FAIL, INCONCLUSIVE, PASS, Decision
from mxproof.benchmark.timing import Side
from mxproof.runtimes.base import Inputs, RuntimeFailure
from mxproof.subject import load_subject

from .conftest import Run
from .test_bisect import SHAPE, prefix, repository
from .test_drift_environments import git

__all__ = ["prefix", "repository"]  # fixtures

GIVEN = {"data": (1, 3, 16, 16)}
Costs = Callable[[Side], float]


def decision(verdict: str, ratio: float) -> Decision:
    more = 40 if verdict == INCONCLUSIVE else None
    return Decision(verdict, ratio, ratio * 0.99, ratio * 1.01, 12, more, ratio, 0.01)


class Clock:
    """A judge that measures nothing.

    Attributes:
        asked: the candidates and the controls that it was to compare.
    """

    def __init__(self, costs: Costs) -> None:
        self.costs = costs
        self.asked: List[Tuple[Side, Side]] = []

    def __call__(self, candidate: Side, control: Side, inputs: Inputs) -> Decision:
        assert {name: array.shape for name, array in inputs.items()} == GIVEN
        self.asked.append((candidate, control))
        ratio = self.costs(candidate) / self.costs(control)
        return decision(FAIL if ratio > 1.04 else PASS, ratio)


def basic(side: Side) -> float:
    return 1.3 if side.optimisation == "basic" else 1.0


def bisected(
    prefix: Path,
    folder: Path,
    bad: Mapping[str, str],
    judge: Any,
    target: str = "onnx",
    repository: Path = Path(),
) -> Results:
    bisection = Bisection(
        load_subject(str(prefix), inputs=GIVEN),
        completed({}),
        completed(bad),
        GIVEN,
        folder,
        repository,
    )
    return bisection.speed([target], judge)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def test_a_setting_that_costs_time(prefix: Path, folder: Path) -> None:
    clock = Clock(basic)
    results = bisected(prefix, folder, {"optimisation": "basic", "threads": "1"}, clock)
    (found,) = results.found
    assert found.findings.causes == (("optimisation",),)
    assert found.findings.left == "green"
    assert all((c.optimisation, c.threads) == ("all", None) for _, c in clock.asked)
    assert "1.300 times the good one's (1.287 to 1.313, 12 rounds)" in str(found.rows())


def test_two_settings_that_cost_time_only_together(prefix: Path, folder: Path) -> None:
    both = Clock(lambda side: 1.5 if (side.optimisation, side.threads) == ("basic", 1) else 1.0)
    results = bisected(prefix, folder, {"optimisation": "basic", "threads": "1"}, both)
    assert results.found[0].findings.causes == (("optimisation", "threads"),)


def test_each_side_is_the_file_of_its_converters(
    prefix: Path, folder: Path, repository: Path
) -> None:
    """A commit is to blame: the file that it writes is the one that takes long."""
    files: Set[bytes] = set()

    def judge(candidate: Side, control: Side, inputs: Inputs) -> Decision:
        mine, theirs = candidate.path.read_bytes(), control.path.read_bytes()
        files.update((mine, theirs))
        return decision(PASS, 1.0) if mine == theirs else decision(FAIL, 1.2)

    commit = git(repository, "rev-parse", "HEAD")
    bad = {"revision": f"git:{commit}", "optimisation": "basic"}
    (found,) = bisected(prefix, folder, bad, judge, repository=repository).found
    assert found.findings.causes == (("revision",),)
    assert len(files) == 2


def test_what_is_the_same_is_not_timed(prefix: Path, folder: Path, repository: Path) -> None:
    """Another revision that writes the same file."""
    git(repository, "revert", "--no-edit", "HEAD")
    commit = git(repository, "rev-parse", "HEAD")
    clock = Clock(basic)
    bad = {"revision": f"git:{commit}", "optimisation": "basic"}
    (found,) = bisected(prefix, folder, bad, clock, repository=repository).found
    assert found.findings.causes == (("optimisation",),)
    assert ("good", "green", "the same file in the same runtime") in found.rows()
    assert all(side.optimisation == "basic" for side, _ in clock.asked)


def test_pytorch_is_timed_in_pytorch(prefix: Path, folder: Path) -> None:
    clock = Clock(lambda side: 2.0 if side.threads == 1 else 1.0)
    (found,) = bisected(prefix, folder, {"threads": "1"}, clock, "pytorch").found
    assert found.findings.causes == (("threads",),)
    assert {side.runtime for pair in clock.asked for side in pair} == {"pytorch"}
    assert {side.path.suffix for pair in clock.asked for side in pair} == {".py"}


def test_as_fast_as_before(prefix: Path, folder: Path) -> None:
    results = bisected(prefix, folder, {"threads": "1"}, Clock(basic))
    assert not results.found
    assert "nothing to attribute: the bad environment takes 1.000 times" in results.nothing[0]


def test_not_to_be_told(prefix: Path, folder: Path) -> None:
    """An open question is not answered, and nobody is accused."""
    open_ = decision(INCONCLUSIVE, 1.1)
    (found,) = bisected(prefix, folder, {"threads": "1"}, lambda a, b, i: open_).found
    assert not found.named
    assert "the bad environment is unknown (1.100 times the good one's" in found.sentence
    assert "it would take 40 more" in found.sentence


def test_a_runtime_that_does_not_run(prefix: Path, folder: Path) -> None:
    def judge(*sides: Any) -> Decision:
        raise RuntimeFailure("onnxruntime died")

    results = bisected(prefix, folder, {"threads": "1"}, judge)
    assert "not to be timed: onnxruntime died" in results.nothing[0]
    assert "--what numbers" in results.nothing[0]


def test_for_real(run: Run, prefix: Path, tmp_path: Path) -> None:
    """The gate's own judge, on what cannot be slower: no drift, or not to be told in a moment."""
    result = run(
        "bisect", prefix, *SHAPE, "--to", "onnx", "--what", "speed", "--seconds", "1",
        "--bad-threads", "1",
    )  # fmt: skip
    assert "times the good one's" in " ".join((result.out + result.err).split())
