"""Every test file is run by tox, but for what is marked nightly, and whole by the nightly run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from .conftest import ROOT

FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
#: A ring's file, and how its lines begin that run pytest.
RINGS = {"tox": ("tox.ini", r"^    (?:pytest) .*$"), "nightly": (".ci/nightly", r"\bsuites .*$")}


def selections(file: str, line: str) -> Iterator[Tuple[List[Path], List[Path]]]:
    """The paths that each pytest command of a file is given, and those that it ignores."""
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ").partition("[matrix]")[0]
    for match in re.finditer(line, text, re.MULTILINE):
        words = shlex.split(re.sub(r"[{}]|posargs:|;.*$", "", match[0]))
        after = dict(zip(range(1, len(words)), words))
        paths = [(Path(w), after.get(n - 1) == "--ignore") for n, w in enumerate(words, 1)]
        given = [(p, ignored) for p, ignored in paths if p.parts[:1] == ("tests",)]
        yield [p for p, ignored in given if not ignored], [p for p, ignored in given if ignored]


def within(file: Path, paths: List[Path]) -> bool:
    return any(path in (file, *file.parents) for path in paths)


@pytest.mark.parametrize("ring", RINGS)
def test_every_file_belongs_to_it(ring: str) -> None:
    found = list(selections(*RINGS[ring]))
    assert found
    missed = [
        file.as_posix()
        for file in FILES
        if not any(within(file, given) and not within(file, ignored) for given, ignored in found)
    ]
    assert len(FILES) > 80
    assert not missed


def test_tox_leaves_out_what_is_marked_and_nothing_else() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "-m 'not nightly'\"" in settings
    nightly = (ROOT / ".ci" / "nightly").read_text(encoding="utf-8")
    assert 'pytest -m "nightly or not nightly"' in nightly
