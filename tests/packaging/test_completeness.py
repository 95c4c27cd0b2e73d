"""`pytest --complete` fails for what it is there to see, and for nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, List

import pytest

from tests import completeness
from tests.completeness import MAY_SKIP, SUITES, Completeness

from .conftest import ROOT

FILE = "tests/docs/test_site.py"
FOLDER = "tests/docs"


def watched(*arguments: str, **options: Any) -> Completeness:
    given = {"--ignore": None, "-k": "", **options}
    return Completeness(SimpleNamespace(rootpath=ROOT, args=list(arguments), getoption=given.get))


def report(nodeid: str, skipped: str = "") -> Any:
    longrepr = ("file", 1, f"Skipped: {skipped}") if skipped else None
    return SimpleNamespace(
        nodeid=nodeid, skipped=bool(skipped), when="setup" if skipped else "call", longrepr=longrepr
    )


def problems(ran: int, skips: List[str], *arguments: str, **options: Any) -> List[str]:
    run = watched(*arguments, **options)
    for number in range(ran):
        run.pytest_runtest_logreport(report(f"{FILE}::test[{number}]"))
    for why in skips:
        run.pytest_runtest_logreport(report(f"{FILE}::test_skipped", why))
    return run.problems


@pytest.mark.parametrize("why", MAY_SKIP)
def test_what_a_machine_lacks_keeps_no_suite_from_being_whole(why: str) -> None:
    assert problems(0, [f"{why}: install it"], FILE) == []


def test_any_other_skip_is_a_failure() -> None:
    (problem,) = problems(1, ["needs onnxruntime"], FILE)
    assert problem == f"{FILE}::test_skipped was skipped: Skipped: needs onnxruntime"


def test_a_file_or_a_suite_that_ran_too_little_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert problems(0, [], FILE) == [f"{FILE}: 0 tests ran, expected 1"]
    monkeypatch.setitem(completeness.SUITES, FOLDER, 3)
    others = {f"tests/docs/{name}.py" for name in ("test_commands", "test_documents")}
    found = problems(2, [], FOLDER)
    assert f"{FOLDER}: 2 tests ran, expected 3" in found
    assert {problem.partition(":")[0] for problem in found} == {FOLDER, *others}
    assert not [p for p in problems(3, [], FOLDER) if p.startswith(f"{FOLDER}:")]
    assert problems(1, [], FOLDER, **{"-k": "site", "--ignore": sorted(others)}) == []


def test_every_row_is_there() -> None:
    assert not [path for path in SUITES if not (ROOT / path).exists()]
