"""Running a faulty model as its user would, in a process that it may bring down.

onnxruntime divides by zero where a pooling's window is larger than its input, and dies of it.
"""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import List, Optional, Sequence

from mxproof.runtimes.base import Array, Inputs
from mxproof.targets import TARGETS

Outputs = Optional[List[Array]]


class Bystander:
    """One worker, started anew after a crash; it ends with its parent."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def close(self) -> None:
        self._pipe.close()
        self._process.join()

    def start(self, path: Path, target: str, inputs: Sequence[Inputs]) -> None:
        """Begin to run the float32 model on each of the inputs."""
        self._pipe.send((path, target, inputs))

    def result(self, count: int) -> List[Outputs]:
        """What its user gets, by input; None where it raised, or brought the process down."""
        try:
            results: List[Outputs] = self._pipe.recv()
        except (EOFError, ConnectionError):
            self.close()
            self._begin()
            return [None] * count
        return results


def serve(pipe: Connection) -> None:
    """In the worker: one request after the other, until there are no more."""
    silence()
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        pipe.send(outputs(*request))


def silence() -> None:
    """onnxruntime prints every error that it also raises."""
    with suppress(ImportError):
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)


def outputs(path: Path, target: str, inputs: Sequence[Inputs]) -> List[Outputs]:
    """The outputs on each of the inputs; None where the model raises."""
    try:
        candidate = TARGETS[target].open(path, "float32")
    except Exception:
        return [None] * len(inputs)
    results: List[Outputs] = []
    for each in inputs:
        try:
            results.append(candidate.run(each))
        except Exception:
            results.append(None)
    return results
