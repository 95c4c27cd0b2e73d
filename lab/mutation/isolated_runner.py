"""Runs a mutant as its user would, in a process that it may crash.

onnxruntime divides by zero where a pooling's window is larger than its input, and dies of it.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import List, Optional, Sequence

from mxproof.runtimes.base import Array, Inputs
from mxproof.targets import TARGETS

Outputs = Optional[List[Array]]


class IsolatedRunner:
    """One worker process, started when it is needed and again after a crash."""

    def __init__(self) -> None:
        self._pool: Optional[ProcessPoolExecutor] = None

    def run(self, path: Path, target: str, inputs: Sequence[Inputs]) -> List[Outputs]:
        """Outputs of the float32 model for each of the inputs; None where it raises or crashes."""
        if self._pool is None:
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, spawn, start_worker)
        try:
            return self._pool.submit(outputs, path, target, inputs).result()
        except BrokenProcessPool:
            self.close()
            return [None] * len(inputs)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None


def start_worker() -> None:
    """In a worker: end with the parent process, however that ends, and keep onnxruntime silent."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(ImportError):
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)  # it prints every error that it also raises


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def outputs(path: Path, target: str, inputs: Sequence[Inputs]) -> List[Outputs]:
    """In the worker: see `IsolatedRunner.run`."""
    results: List[Outputs] = [None] * len(inputs)
    with suppress(Exception):
        candidate = TARGETS[target].open(path, "float32")
        for number, each in enumerate(inputs):
            with suppress(Exception):
                results[number] = candidate.run(each)
    return results
