"""The wheel in fresh environments: the main job, the documents' commands, a user without MXNet."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Dict

import pytest

from tests.docs.documents import steps
from tests.docs.situations import detector
from tests.docs.test_commands import bare

from .conftest import Built, Environment, fresh

FRESH = "a fresh user"  # the situation of three commands in the README


@pytest.fixture(scope="session")
def everything(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel with the extra `all`, in the versions that CI passes with."""
    environment = fresh(tmp_path_factory.mktemp("all"))
    constraints = built.source / "constraints.txt"
    environment.run(f"pip install -q -c {constraints} '{built.wheel}[all]'", built.wheel.parent)
    return environment


def test_it_is_the_wheel(everything: Environment, tests_alone: Path) -> None:
    for package in ("converters", "fixtures", "mxproof"):
        where = everything.run(f"python -c 'import {package} as p; print(p.__file__)'", tests_alone)
        assert str(everything.folder) in where


def test_the_main_job(everything: Environment, tests_alone: Path, cache: Dict[str, str]) -> None:
    """For the smallest of the models: that all convert is for the suites of the checkout."""
    out = everything.run("pytest -q -k resnet18 tests/models", tests_alone, **cache)
    assert re.search(r"\b[1-9]\d* passed", out)
    assert not re.search(r"\b(failed|error)", out.splitlines()[-1])


def test_the_documents_commands(
    everything: Environment, tests_alone: Path, cache: Dict[str, str]
) -> None:
    """As their readers have it: of mxproof there is what the wheel brought."""
    command = "pytest -q tests/docs/test_commands.py -n auto --dist loadgroup"
    assert " passed" in everything.run(command, tests_alone, **cache).splitlines()[-1]


def test_a_fresh_user(
    built: Built, everything: Environment, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Three commands of the README, no MXNet; and what comes out is what MXNet says."""
    commands = [bare(s) for s in steps("README.md") if s.situation == FRESH]
    assert 1 <= len(commands) <= 3
    clone = tmp_path / "mxproof"
    shutil.copytree(built.source, clone)
    detector_at = clone / "mnet.25"
    detector(detector_at, request.config.getoption("--samples-dir"))
    shutil.copy(clone / "fixtures" / "pictures" / "chelsea.png", clone / "photo.png")
    user = fresh(tmp_path / "venv")
    for command in commands:
        user.run(command, clone)
    assert not any(user.has(module) for module in ("mxnet", "torch"))
    outputs = sorted(clone.glob("faces*.npy"))
    assert outputs
    reference = clone / "reference.npy"
    everything.run(f"mxproof run {detector_at} --image photo.png -o {reference}", clone)
    for output in outputs:
        same = reference.with_name(output.name.replace("faces", "reference"))
        everything.run(f"mxproof compare {same} {output} --max-abs 1e-3", clone)
