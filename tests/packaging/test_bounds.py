"""The oldest versions that are tried are the lower bounds that are promised."""

from __future__ import annotations

import re
from typing import Dict, List

import pytest

from .conftest import ROOT

#: Named for what they need, not bounded: MXNet's own world has one version of each.
FIXED = {"mxnet", "gluoncv"}
#: Tools of those who work on the project, which the oldest row does not install.
TOOLS = {"mkdocs", "mkdocstrings", "pygments", "build", "filelock", "mypy", "packaging", "ruff"}
TOOLS |= {"import-linter", "pytest-playwright", "pytest-split", "threadpoolctl", "twine"}


def bounds() -> Dict[str, List[str]]:
    """Each requirement of pyproject.toml -> its lower bounds, as they are written there."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[project.scripts]")[0]
    found: Dict[str, List[str]] = {}
    for name, bound in re.findall(r'"([\w.-]+)(?:\[\w+\])?>=([\d.]+)["; ]', text):
        found.setdefault(name, []).append(bound)
    del found["setuptools"]  # builds, and is not there afterwards
    return found


def test_the_oldest_row_has_the_lower_bounds() -> None:
    lines = (ROOT / "constraints-oldest.txt").read_text(encoding="utf-8").splitlines()
    oldest = dict(line.split("==") for line in lines if not line.startswith("#"))
    stated = {name: bound for name, bound in bounds().items() if name not in TOOLS}
    assert {name: [version] for name, version in oldest.items()} == stated


def test_everything_that_is_installed_is_bounded() -> None:
    """A requirement without a bound would be one that no row tries the oldest version of."""
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11 to read pyproject.toml")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *(line for extra in extras.values() for line in extra)]
    names = {re.split(r"[\[<>=;]", line)[0] for line in required} - {project["name"]}
    assert names - FIXED == set(bounds())
