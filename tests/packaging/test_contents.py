"""What the distributions hold, and what they say of themselves."""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from typing import Set

import pytest

from .conftest import PACKAGES, Built

CORE = "numpy onnx onnx-ir pillow pooch protobuf requests rich safetensors urllib3"
EXTRAS = {"onnx", "pytorch", "mxnet", "report", "bench", "completion", "test", "all", "docs", "dev"}


def in_packages(built: Built) -> Set[str]:
    return {name for name in built.tracked if name.partition("/")[0] in PACKAGES}


@pytest.fixture(scope="session")
def metadata(built: Built) -> Message:
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(name))


def test_the_wheel_holds_the_packages_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        inside = {n for n in wheel.namelist() if ".dist-info/" not in n}
    assert inside == in_packages(built)
    assert {f"{package}/py.typed" for package in PACKAGES} <= inside
    assert "mxproof/zoo/photographs/chelsea.png" in inside


def test_the_source_distribution_holds_all_that_git_has(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        inside = {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}
    made = {"PKG-INFO", "setup.cfg"}
    inside = {n for n in inside if not n.startswith("mxproof.egg-info/")} - made
    assert inside == set(built.tracked) - {".gitignore"}


def test_an_index_would_take_them(built: Built) -> None:
    check = [sys.executable, "-m", "twine", "check", "--strict", str(built.sdist), str(built.wheel)]
    done = subprocess.run(check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def test_the_core_is_small(metadata: Message) -> None:
    required = [str(line) for line in metadata.get_all("Requires-Dist", [])]
    core = {line.split(">")[0].split("=")[0] for line in required if "extra ==" not in line}
    assert core == set(CORE.split())
    assert set(metadata.get_all("Provides-Extra", [])) == EXTRAS
    assert metadata["Requires-Python"] == ">=3.9"


def test_the_licence(metadata: Message, built: Built) -> None:
    assert metadata["License-Expression"] == "Apache-2.0 AND CC0-1.0"
    assert "LICENSE" in metadata.get_all("License-File", [])
    assert "Apache License" in (built.source / "LICENSE").read_text(encoding="utf-8")
