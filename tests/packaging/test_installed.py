"""The wheel in fresh environments: a user without MXNet, and the main job."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict

import pytest

from tests.docs.documents import steps
from tests.docs.situations import detector

from .conftest import Built, Environment, fresh

FRESH = "a fresh user"  # the situation of three commands in the README


@pytest.fixture(scope="session")
def user(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What `pip install '.[onnx]'` gives, and pytest: neither MXNet nor PyTorch."""
    environment = fresh(tmp_path_factory.mktemp("user"))
    constraints = built.source / "constraints.txt"
    tools = "hypothesis pytest pytest-xdist"
    environment.run(f"pip install -q -c {constraints} '{built.wheel}[onnx]' {tools}", built.source)
    assert not any(environment.has(module) for module in ("mxnet", "torch", "lab"))
    return environment


def test_a_fresh_user(
    built: Built, user: Environment, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Commands of the README without MXNet; and what comes out is what MXNet says."""
    first, *commands = [s.text for s in steps("README.md") if s.situation == FRESH]
    assert first == "pip install '.[onnx]'"
    assert len(commands) == 2
    detector(tmp_path / "mnet.25", request.config.getoption("--samples-dir"))
    shutil.copy(
        built.source / "mxproof" / "zoo" / "photographs" / "chelsea.png", tmp_path / "photo.png"
    )
    for command in commands:
        user.run(command, tmp_path)
    outputs = sorted(tmp_path.glob("faces*.npy"))
    assert outputs
    mxproof = [sys.executable, "-m", "mxproof"]
    run = [*mxproof, "run", "mnet.25", "--image", "photo.png", "-o", "reference.npy"]
    subprocess.run(run, cwd=tmp_path, check=True)
    for output in outputs:
        same = output.with_name(output.name.replace("faces", "reference"))
        compare = [*mxproof, "compare", str(same), str(output), "--max-abs", "1e-3"]
        subprocess.run(compare, cwd=tmp_path, check=True)


def test_what_converts_needs_neither_mxnet_nor_torch(
    user: Environment, tests_alone: Path, cache: Dict[str, str], tmp_path: Path
) -> None:
    """The largest of the six models, and the converters' own tests."""
    convert = "mxproof convert resnet152 --weights seeded --to onnx --to pytorch --quiet"
    user.run(f"{convert} -o {tmp_path}", tests_alone, **cache)
    assert len(list(tmp_path.glob("resnet152.*"))) == 4
    out = user.run("pytest -q -n auto --dist worksteal tests/converters", tests_alone, **cache)
    assert re.search(r"\b[1-9]\d* passed", out)


@pytest.mark.nightly
def test_the_main_job(
    built: Built, tests_alone: Path, cache: Dict[str, str], tmp_path: Path
) -> None:
    """The wheel with all that it can use, in the versions that CI passes with."""
    everything = fresh(tmp_path)
    constraints = built.source / "constraints.txt"
    everything.run(f"pip install -q -c {constraints} '{built.wheel}[all,dev]'", tests_alone)
    out = everything.run("pytest -q -k resnet18", tests_alone, **cache)
    assert re.search(r"\b[1-9]\d* passed", out)
    where = everything.run("python -c 'import mxproof; print(mxproof.__file__)'", tests_alone)
    assert str(tmp_path) in where
