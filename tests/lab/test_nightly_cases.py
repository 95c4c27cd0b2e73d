"""The list of expected cases, and pytest's options about it; in a pytest of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List, NamedTuple, Tuple

import pytest

from lab.nightly.cases import UNLISTED, read_list, under, write_list
from lab.nightly.pytest_cases import part_of
from mxproof.subject import UsageError

ROOT = Path(__file__).parents[2]
EXPECTED = ROOT / "tests" / "expected_cases.txt"

IDS = (
    "tests/a/test_x.py::test_one",
    "tests/a/test_x.py::test_two[resnet18-onnx]",
    "tests/a/test_x.py::test_two[two words: a[0]::b]",
    "tests/a/test_x.py::test_two[  led by spaces]",
    "tests/a/test_x.py::test_two[]",
    "tests/a/test_x.py::Group::test_in_a_class[1]",
    "tests/a/test_x.py::Group::test_two",
    "tests/b/test_x.py::test_one",
)


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    write_list(path, [*IDS, f"{UNLISTED[0]}test_commands.py::test_it[README.md:1]"])
    assert read_list(path) == frozenset(IDS)
    first = path.read_bytes()
    write_list(path, reversed(IDS))
    assert path.read_bytes() == first, "sorted, whatever comes first"


@pytest.mark.parametrize(
    ("text", "line"), [(" test_x\n", 1), ("a.py\n  one\n", 2), ("a.py\n\n", 2), ("a.py\n t\n ", 3)]
)
def test_what_is_no_list_is_refused_with_its_line(text: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(f"{path}:{line}: ")):
        read_list(path)


def test_no_list_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.txt"):
        read_list(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ((), 0),
        ((".",), 8),
        (("tests",), 8),
        (("tests/a",), 7),
        (("tests/a/test_x.py",), 7),
        (("tests/a/test_x.py::test_two",), 4),
        (("tests/a/test_x.py::Group",), 2),
        (("tests/a/test_x.py::test_two[resnet18-onnx]", "tests/b"), 2),
        (("tests/a/test",), 0),
        (("tests/a/test_x.py::test",), 0),
    ],
)
def test_what_is_to_be_run(given: Tuple[str, ...], count: int) -> None:
    assert sum(under(case, given) for case in IDS) == count


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 8, 9])
def test_shards_are_all_cases_each_once(parts: int) -> None:
    shards = [part_of(IDS, k, parts) for k in range(1, parts + 1)]
    assert sorted(case for shard in shards for case in shard) == sorted(IDS)
    assert {len(shard) for shard in shards} <= {len(IDS) // parts, -(-len(IDS) // parts)}
    assert [part_of(IDS[::-1], k, parts) for k in range(1, parts + 1)] == shards


SUITE = """
import pytest
@pytest.mark.parametrize("n", [0, 1, 2])
def test_numbers(n):
    pass
def test_alone():
    pass
"""


class Done(NamedTuple):
    code: int
    said: str


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ("lab.nightly.pytest_cases",)')
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(SUITE)
    return tmp_path


def pytest_of(folder: Path, *arguments: object) -> Done:
    own = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)],
        cwd=folder,
        env={**own, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    return Done(done.returncode, done.stdout + done.stderr)


def written(suite: Path) -> Path:
    path = suite / "list.txt"
    done = pytest_of(suite, "--collect-only", "-qq", "--write-expected-cases", path)
    assert done.code == 0, done.said
    assert path.read_text() == "test_it.py\n test_alone\n test_numbers\n  0\n  1\n  2\n"
    return path


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_case_that_vanished_is_red(workers: Tuple[str, ...], suite: Path) -> None:
    path = written(suite)
    done = pytest_of(suite, "--expected-cases", path, *workers)
    assert done.code == 0 and "not there" not in done.said
    (suite / "test_it.py").write_text(SUITE.replace("[0, 1, 2]", "[0, 2]"))
    done = pytest_of(suite, "--expected-cases", path, *workers)
    assert done.code == 1, done.said
    assert "not there any more: 1\n  test_it.py::test_numbers[1]\n" in done.said
    assert f"if that was meant: pytest --collect-only -qq tests --write-expected-cases {path}" in (
        done.said
    )
    (suite / "test_it.py").unlink()
    (suite / "test_other.py").write_text("def test_it():\n    pass\n")
    done = pytest_of(suite, "--expected-cases", path, *workers)
    assert done.code == 1 and "not there any more: 4" in done.said


def test_what_is_chosen_or_skipped_is_there(suite: Path) -> None:
    path = written(suite)
    for options in (("-k", "alone"), ("--deselect", "test_it.py::test_alone"), ("--shard", "2/3")):
        done = pytest_of(suite, "--expected-cases", path, *options)
        assert done.code == 0, done.said
    done = pytest_of(suite, "--expected-cases", path, "test_it.py::test_alone")
    assert done.code == 0, "no other is to be run"
    skipping = SUITE.replace("pass", "pytest.skip('needs a moon')")
    (suite / "test_it.py").write_text(skipping)
    assert pytest_of(suite, "--expected-cases", path).code == 0


def test_a_file_skipped_as_a_whole_is_not_there(suite: Path) -> None:
    path = written(suite)
    (suite / "test_it.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    done = pytest_of(suite, "--expected-cases", path)
    assert done.code == 1, done.said
    assert "not there any more: 4" in done.said and "not collected: test_it.py" in done.said
    done = pytest_of(suite, "--collect-only", "-q", "--write-expected-cases", path)
    assert done.code != 0 and "test_it.py could not be collected here" in done.said
    assert "test_alone" in path.read_text(), "the list is as it was"


def test_a_new_case_is_reported(suite: Path) -> None:
    path = written(suite)
    (suite / "test_it.py").write_text(SUITE.replace("[0, 1, 2]", "[0, 1, 2, 3]"))
    done = pytest_of(suite, "--expected-cases", path)
    assert done.code == 0, done.said
    assert "--expected-cases: not listed yet: 1. pytest --collect-only" in done.said


def test_a_list_that_cannot_be_read_is_a_usage_error(suite: Path) -> None:
    done = pytest_of(suite, "--expected-cases", "none.txt")
    assert done.code == pytest.ExitCode.USAGE_ERROR and "--expected-cases none.txt" in done.said


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_shards_run_every_case_once(workers: Tuple[str, ...], suite: Path) -> None:
    ran: List[str] = []
    for part in ("1/3", "2/3", "3/3"):
        done = pytest_of(suite, "-v", "--shard", part, *workers)
        assert done.code == 0, done.said
        found = re.findall(r"test_it\.py::(test_\w+(?:\[\d\])?)", done.said)
        assert found
        ran += set(found)
    assert sorted(ran) == ["test_alone", *(f"test_numbers[{n}]" for n in range(3))]


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "1/0", "a/b", "1/2/3", "-1/2", "²/3"])
def test_a_shard_that_is_none_is_refused(text: str, suite: Path) -> None:
    done = pytest_of(suite, f"--shard={text}")
    assert done.code == pytest.ExitCode.USAGE_ERROR
    assert f"--shard {text}: give K/N, with K from 1 to N" in done.said


def test_this_projects_list_knows_its_suites() -> None:
    """That it is whole, tox says: every environment that runs tests is given it."""
    cases = read_list(EXPECTED)
    files = {case.partition("::")[0] for case in cases}
    there = {p.relative_to(ROOT).as_posix() for p in (ROOT / "tests").rglob("test_*.py")}
    assert files <= there, "files that are not there any more"
    assert len(files) > 90
    assert "tests/models/test_layers.py::test_layers[resnet18-onnx-float32]" in cases
