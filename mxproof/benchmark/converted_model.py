"""A model with its converted files: what timing targets are made from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from converters.ir.shapes import Shape

from ..export.result import changes
from ..model import Model
from ..runtimes.base import Array
from ..runtimes.registry import TARGETS, convert
from .timing import TimingTarget, target_of

#: Number of input axes -> the batch sizes that are timed by default.
BATCHES: Mapping[int, Tuple[int, ...]] = {4: (1, 8), 5: (1, 2)}


@dataclass(frozen=True)
class ConvertedModel:
    """A model, its files and what they cost.

    Attributes:
        paths: target -> its file.
        costs: "mxnet" or a target -> `convert_seconds`, from the network in memory to the files,
            and `file_bytes`.
    """

    subject: Model
    paths: Mapping[str, Path]
    costs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.subject.name

    def target(
        self, runtime: str, python: Optional[str] = None, threads: Optional[int] = None
    ) -> TimingTarget:
        """The checkpoint in MXNet, or a converted file in its runtime."""
        subject = self.subject
        if runtime == "mxnet":
            files = subject.files
            return TimingTarget(runtime, files.symbol, python, threads, params=files.params)
        return TimingTarget(runtime, self.paths[target_of(runtime)], python, threads)

    def batches(self) -> Tuple[int, ...]:
        """The usual batch sizes; only one if the network fixes its own."""
        shape = self.subject.graph.inputs[0].shape
        free = shape is not None and len(shape) and not isinstance(shape[0], int)
        return BATCHES.get(len(shape or ()), (1,)) if free else (1,)

    def inputs(
        self, batch: int = 1, given: Optional[Mapping[str, Shape]] = None
    ) -> Dict[str, Array]:
        """Inputs of the size that the model is used at, or that the user gives."""
        subject, chosen = self.subject, dict(given or {})
        if subject.model is not None and not chosen:
            chosen = {"data": subject.model.latency_input}
        shapes = subject.concrete(chosen)
        if batch > 1:
            shapes = {name: (batch * shape[0], *shape[1:]) for name, shape in shapes.items()}
        return subject.inputs(shapes)


def convert_model(subject: Model, folder: Path, *, fused: bool = False) -> ConvertedModel:
    """Convert a model to every target, each in a folder of its own below `folder`.

    Args:
        fused: fold batch norms, as `mxproof convert --fuse` does.
    """
    graph = changes(subject.graph, fused=fused, half=False)[0]
    checkpoint = subject.files.symbol, subject.files.params
    paths, costs = {}, {"mxnet": _cost(checkpoint)}
    for target in TARGETS:
        begin = time.perf_counter()
        files = convert(graph, target, folder / target)
        costs[target] = _cost(files, time.perf_counter() - begin)
        paths[target] = files[0]
    return ConvertedModel(subject, paths, costs)


def _cost(files: Sequence[Path], seconds: Optional[float] = None) -> Dict[str, Any]:
    return {"convert_seconds": seconds, "file_bytes": sum(file.stat().st_size for file in files)}
