"""What is released: built once, from what git knows, and installed in environments of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("converters", "mxproof")


@dataclass(frozen=True)
class Built:
    """
    Attributes:
        source: the tree it was built from.
        tracked: its files, by their names from the root.
    """

    source: Path
    tracked: List[str]
    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Environment:
    """A fresh one, with what was installed there and nothing else."""

    folder: Path

    def run(self, command: str, cwd: Path, *, seconds: int = 1800, **more: str) -> str:
        """A command line as a user of this environment types it; returns what it prints."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))}
        path = os.pathsep.join([str(self.folder / "bin"), kept["PATH"]])
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"],
            cwd=cwd,
            env={**kept, "PATH": path, "VIRTUAL_ENV": str(self.folder), **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=seconds,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"
        return done.stdout

    def has(self, module: str) -> bool:
        code = f"import importlib.util as u; print(u.find_spec({module!r}) is not None)"
        return self.run(f'python -c "{code}"', self.folder).strip() == "True"


def fresh(folder: Path) -> Environment:
    venv.create(folder, with_pip=True, symlinks=True)
    return Environment(folder)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A source distribution, and a wheel made from that; not from the tree."""
    pytest.importorskip("build", reason="needs build and twine: pip install 'mxproof[dev]'")
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("needs a checkout: git says which files there are")
    tracked = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--outdir", str(out), str(source)]
    done = subprocess.run(build, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    shutil.rmtree(source / "build", ignore_errors=True)
    return Built(source, tracked, sdist, wheel)


@pytest.fixture(scope="session")
def tests_alone(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution without its packages: what is tested there is what is installed."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built.sdist) as archive:
        archive.extractall(folder, filter="data")
    (inside,) = folder.iterdir()
    for package in PACKAGES:
        shutil.rmtree(inside / package)
    return inside


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    kept = os.environ.get("MXPROOF_CACHE") or str(tmp_path_factory.mktemp("cache"))
    return {"MXPROOF_CACHE": kept}
