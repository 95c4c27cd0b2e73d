"""A network converted and run in environments, each in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from converters.progress import report
from mxproof.runtimes.base import Array, Inputs, Visitor
from mxproof.subject import Subject
from mxproof.targets import TARGETS

from .factors import CONVERTING, Environment, packages_of
from .sources import ROOT, last_line, unpack
from .venvs import python_of

WORKER = Path(__file__).with_name("worker.py")
SUFFIXES = {"onnx": ".onnx", "pytorch": ".py"}
SECONDS = 3600.0  # a runtime that hangs is a drift, too


class Stopped(Exception):
    """The converter or the runtime ends with an error in this environment."""


@dataclass(frozen=True)
class Replayed:
    """A candidate that ran elsewhere, on one input.

    Attributes:
        layers: names, and the files of their results, in order.
    """

    name: str
    precision: str
    outputs: List[Array]
    layers: Sequence[Tuple[str, Path]]

    def run(self, inputs: Inputs) -> List[Array]:
        return self.outputs

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Sequence[int] | None = None
    ) -> List[Array]:
        """Show what was kept; nothing can be replaced any more."""
        for layer, path in self.layers:
            visit(layer, np.load(path, allow_pickle=False))
        return self.outputs


@dataclass
class Workshop:
    """
    Attributes:
        outputs: layers that the user wants for the network's outputs.
        folder: for everything that is made; whoever made it deletes it.
        repository: where commits are looked up.
    """

    subject: Subject
    inputs: Sequence[Inputs]
    folder: Path
    repository: Path
    outputs: Tuple[str, ...] = ()
    _files: Dict[Tuple[str, ...], Path] = field(default_factory=dict)
    _sources: Dict[str, Path] = field(default_factory=dict)
    _made: int = 0

    def converted(self, environment: Environment, target: str) -> Path:
        """The target's file, made by that environment's converters and packages.

        Raises:
            NotBuilt, UsageError: there can be no such environment.
            Stopped: it does not convert this network.
        """
        decisive = (*CONVERTING, "python", "revision")
        key = (target, *(f"{f}={v}" for f, v in sorted(environment.items()) if f in decisive))
        if key not in self._files:
            graph, to = self.subject.graph, self._new("converted")
            job = {
                "do": "convert",
                "converters": str(self._source(environment["revision"])),
                "prefix": str(self.subject.prefix.absolute()),
                "epoch": self.subject.epoch,
                "shapes": {value.name: value.shape for value in graph.inputs},
                "types": {v.name: v.type for v in graph.inputs if v.type != "float32"},
                "outputs": self.outputs,
                "target": target,
            }
            self._work(environment, job, to)
            made = sorted(to.glob(f"*{SUFFIXES[target]}"))
            if not made:
                raise Stopped("the converter wrote no file")
            self._files[key] = made[0]
        return self._files[key]

    def run(
        self, environment: Environment, target: str, traced: Sequence[str]
    ) -> Dict[str, List[Replayed]]:
        """On each input: "untraced", in float32, and traced in these precisions.

        The files of layers are there until the next run.

        Raises:
            NotBuilt, UsageError, Stopped: see `converted`.
        """
        path = self.converted(environment, target)
        stored = [self._stored(number, arrays) for number, arrays in enumerate(self.inputs)]
        runs = {"untraced": "float32", **{precision: precision for precision in traced}}
        threads = environment["threads"]
        job = {
            "do": "run",
            "mxproof": str(ROOT / "mxproof"),
            "file": str(path),
            "runs": [self._call(environment, target, p, how) for how, p in runs.items()],
            "threads": None if threads == "all" else int(threads),
            "inputs": stored,
            "target": target,
        }
        to = self.folder / "ran"
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir()
        self._work(environment, job, to)
        told = json.loads((to / "told.json").read_text(encoding="utf-8"))
        return {
            how: [replayed(to, precision, one) for one in samples]
            for (how, precision), samples in zip(runs.items(), told)
        }

    def _call(
        self, environment: Environment, target: str, precision: str, how: str
    ) -> Dict[str, Any]:
        module, name, arguments = TARGETS[target].runtimes[precision]
        threads = environment["threads"]
        if module == "onnxruntime":
            settings = {"threads": None if threads == "all" else int(threads)}
            arguments = {**settings, "optimisation": environment["optimisation"]}
        return {"module": module, "class": name, "arguments": arguments, "trace": how == precision}

    def _stored(self, number: int, arrays: Inputs) -> Dict[str, str]:
        files = {name: self.folder / f"input{number}-{i}.npy" for i, name in enumerate(arrays)}
        for name, path in files.items():
            np.save(path, arrays[name], allow_pickle=False)
        return {name: str(path) for name, path in files.items()}

    def _source(self, revision: str) -> Path:
        if revision not in self._sources:
            self._sources[revision] = unpack(revision, self.repository, self._new("source"))
        return self._sources[revision]

    def _new(self, name: str) -> Path:
        self._made += 1
        folder = self.folder / f"{name}{self._made}"
        folder.mkdir()
        return folder

    def _work(self, environment: Environment, job: Mapping[str, Any], to: Path) -> None:
        python = python_of(environment)
        shown = " ".join(f"{k} {v}" for k, v in packages_of(environment).items())
        report(f"{self.subject.name}: {job['do']} by {shown}")
        file = to / "job.json"
        file.write_text(json.dumps({**job, "to": str(to)}), encoding="utf-8")
        hidden = ("PYTHONPATH", "PYTHONHOME")
        try:
            done = subprocess.run(
                [python, "-W", "ignore", "-B", str(WORKER), str(file)],
                capture_output=True,
                text=True,
                errors="replace",
                env={k: v for k, v in os.environ.items() if k not in hidden},
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Stopped(f"{job['do']}: no end after {SECONDS:.0f} s") from None
        if done.returncode:
            how = last_line(done.stderr) or f"ended with {done.returncode}"
            raise Stopped(f"{job['do']}: {how}")


def replayed(folder: Path, precision: str, told: Mapping[str, Any]) -> Replayed:
    """What the worker tells of one run on one input."""
    own = folder / told["folder"]
    outputs = [np.load(own / f"output{i}.npy", allow_pickle=False) for i in range(told["outputs"])]
    layers = [(name, own / f"layer{i}.npy") for i, name in enumerate(told["layers"])]
    return Replayed(told["name"], precision, outputs, layers)
