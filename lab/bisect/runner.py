"""Convert a model in environments: packages of their own, and the converters of a commit."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence, Tuple, Type, Union

from filelock import FileLock
from packaging.specifiers import SpecifierSet

from converters.progress import report
from mxproof.benchmark.timing import FORMS, TimingTarget
from mxproof.errors import UsageError
from mxproof.model import Model
from mxproof.runtimes.base import RuntimeFailure
from mxproof.zoo.downloads import cache_dir

from .environments import SETTINGS, Environment, installed

ROOT = Path(__file__).parents[2]
CONVERT = Path(__file__).with_name("convert.py")
ISOLATED = ("-E", "-B", "-W", "ignore")  # PYTHONPATH would add modules of another interpreter


@dataclass(frozen=True)
class EnvironmentRunner:
    """Converts one model to one target in many environments.

    Attributes:
        folder: for all files; the caller deletes it.
        repository: the git checkout that has the revisions.
        outputs: layers that the user wants as the model's outputs.
    """

    model: Model
    target: str
    folder: Path
    repository: Path
    outputs: Tuple[str, ...] = ()

    def convert(self, environment: Environment) -> TimingTarget:
        """Convert the model there -> the file and how it is run there.

        Raises:
            UsageError: there can be no such environment.
            RuntimeFailure: the conversion fails.
        """
        packages = {name: v for name, v in environment.items() if name not in SETTINGS}
        report(f"{self.model.name}: {self.target} with {' '.join(map(' '.join, packages.items()))}")
        python, inputs = interpreter(packages), self.model.graph.inputs
        job: Dict[str, Any] = {
            "converters": str(source(environment["revision"], self.repository, self.folder)),
            "target": self.target,
            "prefix": str(self.model.files.linked(Path(tempfile.mkdtemp(dir=self.folder)))),
            "shapes": {value.name: value.shape for value in inputs},
            "types": {v.name: v.type for v in inputs if v.type != "float32"},
            "outputs": self.outputs,
            "folder": tempfile.mkdtemp(dir=self.folder),
        }
        execute(python, *ISOLATED, CONVERT, json.dumps(job), failure=RuntimeFailure)
        (path,) = (p for p in Path(job["folder"]).iterdir() if p.suffix in (".onnx", ".py"))
        threads, optimisation = environment["threads"], environment.get("optimisation", "all")
        count = None if threads == "all" else int(threads)
        return TimingTarget(FORMS[self.target][0], path, python, count, optimisation)


def interpreter(packages: Mapping[str, str]) -> str:
    """The path of a Python that has exactly these versions: this one, or a virtual environment's.

    The cache keeps each environment that was installed whole. Wheels only: NumPy is not compiled.

    Raises:
        UsageError: they cannot be installed together.
    """
    here = installed(packages)
    if all(n in here and here[n] in SpecifierSet(f"=={v}") for n, v in packages.items()):
        return sys.executable
    pins = sorted(f"{name}=={version}" for name, version in packages.items())
    key = hashlib.sha256(json.dumps([sys.version, sys.prefix, pins]).encode()).hexdigest()[:20]
    folder = cache_dir() / "environments" / key
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)  # of an attempt that failed
            report(f"installing {', '.join(pins)}")
            _install(folder, python, pins)
            (folder / "complete").touch()
    return str(python)


def _install(folder: Path, python: Path, pins: Sequence[str]) -> None:
    uv = shutil.which("uv")
    venv = (uv, "venv", "-q", "-p", sys.executable) if uv else (sys.executable, "-E", "-m", "venv")
    pip = (uv, "pip", "install", "-p", python) if uv else (python, "-E", "-m", "pip", "install")
    execute(*venv, folder)
    execute(*pip, "--only-binary", ":all:", *pins)


def resolve(revision: str, repository: Path) -> str:
    """The hash of a commit of the repository; "here" stays as it is.

    Raises:
        UsageError: there is no such commit.
    """
    if revision == "here":
        return revision
    verify = ("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    try:
        return execute("git", "-C", repository, *verify).decode().strip()
    except UsageError as error:
        raise UsageError(
            f"{revision!r}: not a commit in {repository}: {error}. Name the checkout with "
            "--repository."
        ) from None


def source(commit: str, repository: Path, folder: Path) -> Path:
    """The folder that holds the converters: this checkout, or a commit, unpacked into `folder`.

    Raises:
        UsageError: that commit has no converters.
    """
    if commit == "here":
        return ROOT
    if not (folder / commit).exists():
        top = execute("git", "-C", repository, "rev-parse", "--show-toplevel").decode().strip()
        archive = folder / f"{commit}.zip"
        execute("git", "-C", top, "archive", "-o", archive, commit, "converters")
        shutil.unpack_archive(archive, folder / commit)
    return folder / commit


def execute(*command: Union[str, Path], failure: Type[Exception] = UsageError) -> bytes:
    """Run a program to its end; returns what it prints.

    Raises:
        failure: it cannot be started, or fails.
    """
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise failure(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise failure((lines or [f"{command[0]}: exit code {done.returncode}"])[-1])
    return done.stdout
