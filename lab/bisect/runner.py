"""Converts and runs a model in environments: each in a process, with packages of its own."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple, Union

import numpy as np
from filelock import FileLock
from packaging.specifiers import SpecifierSet

from converters.progress import report
from fixtures.downloads import cache_dir
from mxproof.runtimes.base import Inputs
from mxproof.subject import Subject, UsageError
from mxproof.targets import TARGETS

from .environments import Environment, installed, packages_of

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).with_name("probe.py")
ISOLATED = ("-E", "-B", "-W", "ignore")  # PYTHONPATH would add modules of another interpreter


class NotBuilt(UsageError):
    """The packages or the converters of an environment cannot be had."""


class Stopped(Exception):
    """The conversion or the runtime failed in an environment."""


@dataclass(frozen=True)
class Probe:
    """A converted model in the process of its environment.

    Attributes:
        folder: has an .npz of each run on each input, until the probe is closed.
    """

    folder: Path
    process: subprocess.Popen[str]

    def seconds(self, passes: int) -> float:
        """Run the model on the first input; returns the time of the fastest pass.

        Raises:
            Stopped: the runtime fails.
        """
        with suppress(OSError):  # if the probe has ended, its answer says why
            print(passes, file=self.process.stdin, flush=True)
        return float(self.answer())

    def answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            raise Stopped(last_line((self.folder / "stderr").read_bytes()) or f"exit code {code}")
        return json.loads(line)


@dataclass(frozen=True)
class EnvironmentRunner:
    """Runs one model in many environments.

    Attributes:
        folder: for all files; the caller deletes it.
        repository: the git checkout that has the revisions.
        outputs: layers that the user wants as the model's outputs.
    """

    model: Subject
    inputs: Sequence[Inputs]
    folder: Path
    repository: Path
    outputs: Tuple[str, ...] = ()

    @contextmanager
    def start(
        self, environment: Environment, target: str, **runs: Tuple[str, bool]
    ) -> Iterator[Tuple[Probe, List[str]]]:
        """Convert the model and carry out the runs; yields the probe and the files' hashes.

        Args:
            runs: name -> the precision, and whether to record every layer.

        Raises:
            NotBuilt: there can be no such environment.
            Stopped: the conversion or a run fails.
        """
        packages = packages_of(environment)
        python, job = interpreter(packages), {**self._job(environment, target), "runs": runs}
        report(f"{self.model.name}: {target} with {' '.join(map(' '.join, packages.items()))}")
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            for number, arrays in enumerate(self.inputs):
                np.savez(folder / f"input{number}", *arrays.values())
            (folder / "job.json").write_text(json.dumps({**job, "folder": name}), encoding="utf-8")
            with (
                open(folder / "stderr", "wb") as errors,
                subprocess.Popen(
                    [python, *ISOLATED, str(PROBE), str(folder / "job.json")],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    encoding="utf-8",
                ) as process,
            ):
                probe = Probe(folder, process)
                try:
                    yield probe, probe.answer()
                finally:
                    process.kill()
                    process.communicate()

    def _job(self, environment: Environment, target: str) -> Dict[str, Any]:
        threads = None if environment["threads"] == "all" else int(environment["threads"])
        session = {"threads": threads, "optimisation": environment.get("optimisation")}
        graph = self.model.graph
        return {
            "mxproof": str(ROOT / "mxproof"),
            "converters": str(source(environment["revision"], self.repository, self.folder)),
            "target": target,
            "prefix": str(self.model.prefix.absolute()),
            "epoch": self.model.epoch,
            "shapes": {value.name: value.shape for value in graph.inputs},
            "types": {v.name: v.type for v in graph.inputs if v.type != "float32"},
            "outputs": self.outputs,
            "threads": threads,
            "runtimes": {
                precision: (module, name, session if module == "onnxruntime" else dict(arguments))
                for precision, (module, name, arguments) in TARGETS[target].runtimes.items()
            },
            "inputs": [list(arrays) for arrays in self.inputs],
        }


def interpreter(packages: Mapping[str, str]) -> str:
    """The path of a Python that has exactly these versions: this one, or a virtual environment's.

    The cache keeps each environment that was installed whole. Wheels only: NumPy is not compiled.

    Raises:
        NotBuilt: they cannot be installed together.
    """
    here = installed(packages)
    if all(n in here and here[n] in SpecifierSet(f"=={v}") for n, v in packages.items()):
        return sys.executable
    pins = sorted(f"{name}=={version}" for name, version in packages.items())
    key = hashlib.sha256(json.dumps([sys.version, sys.prefix, pins]).encode()).hexdigest()[:20]
    folder = cache_dir() / "environments" / key
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    complete = folder / "complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of an attempt that failed
            report(f"installing {', '.join(pins)}")
            _install(folder, python, pins)
            complete.touch()
    return str(python)


def _install(folder: Path, python: Path, pins: Sequence[str]) -> None:
    uv = shutil.which("uv")
    if uv:
        execute(uv, "venv", "--quiet", "--python", sys.executable, folder)
        execute(uv, "pip", "install", "--python", python, "--only-binary", ":all:", *pins)
    else:
        execute(sys.executable, "-E", "-m", "venv", folder)
        execute(python, "-E", "-m", "pip", "install", "--only-binary", ":all:", *pins)


def resolve(revision: str, repository: Path) -> str:
    """The hash of a commit of the repository; "here" stays as it is.

    Raises:
        NotBuilt: there is no such commit.
    """
    if revision == "here":
        return revision
    verify = ("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    try:
        return execute("git", "-C", repository, *verify).decode().strip()
    except NotBuilt as error:
        raise NotBuilt(
            f"{revision!r}: not a commit in {repository}: {error}. Name the checkout with "
            "--repository."
        ) from None


def source(commit: str, repository: Path, folder: Path) -> Path:
    """The folder that holds the converters: this checkout, or a commit, unpacked into `folder`.

    Raises:
        NotBuilt: that commit has no converters.
    """
    if commit == "here":
        return ROOT
    if not (folder / commit).exists():
        top = execute("git", "-C", repository, "rev-parse", "--show-toplevel").decode().strip()
        content = execute("git", "-C", top, "archive", "--format=zip", commit, "converters")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder / commit)
    return folder / commit


def execute(*command: Union[str, Path]) -> bytes:
    """Run a program to its end; returns what it prints.

    Raises:
        NotBuilt: it cannot be started, or fails.
    """
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise NotBuilt(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        raise NotBuilt(last_line(done.stderr) or f"{command[0]}: exit code {done.returncode}")
    return done.stdout


def last_line(output: bytes) -> str:
    return (output.decode(errors="replace").strip().splitlines() or [""])[-1]
