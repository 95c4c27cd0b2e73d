"""A model, converted, as the sides that are timed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from converters.checkpoint import params_path, symbol_path
from converters.shape import Shape

from ..export.changes import changes
from ..runtimes.base import Array
from ..subject import Subject
from ..targets import TARGETS, convert
from .timing import FORMS, Side

#: Batch sizes that are timed where the user names none.
BATCHES: Mapping[int, Tuple[int, ...]] = {4: (1, 8), 5: (1, 2)}


@dataclass(frozen=True)
class Lineup:
    """
    Attributes:
        paths: target -> its file.
        seconds: target -> of its conversion, from the network in memory to the files.
        sizes: "mxnet" or a target -> bytes of its files.
    """

    subject: Subject
    paths: Mapping[str, Path]
    seconds: Mapping[str, float]
    sizes: Mapping[str, int]

    def side(self, runtime: str, **options: Any) -> Side:
        """Of MXNet, or of a converted file in a runtime (see FORMS)."""
        subject = self.subject
        path = subject.prefix if runtime == "mxnet" else self.paths[target_of(runtime)]
        return Side(runtime, path, epoch=subject.epoch, **options)

    def batches(self) -> Tuple[int, ...]:
        """The usual ones; one where the network has its batch size fixed."""
        shape = self.subject.graph.inputs[0].shape
        free = shape is not None and len(shape) and not isinstance(shape[0], int)
        return BATCHES.get(len(shape or ()), (1,)) if free else (1,)

    def inputs(
        self, batch: int = 1, given: Optional[Mapping[str, Shape]] = None
    ) -> Dict[str, Array]:
        """Of the size that the model is used at, or that the user gives."""
        subject = self.subject
        chosen = dict(given or {})
        if subject.model is not None and not chosen:
            chosen = {"data": subject.model.latency_input}
        shapes = subject.concrete(chosen)
        if batch > 1:
            shapes = {name: (batch * shape[0], *shape[1:]) for name, shape in shapes.items()}
        return subject.inputs(shapes)


def target_of(runtime: str) -> str:
    """What a runtime runs."""
    return next(target for target, forms in FORMS.items() if runtime in forms)


def line_up(
    subject: Subject, folder: Path, targets: Sequence[str] = tuple(TARGETS), *, fused: bool = False
) -> Lineup:
    """Convert it.

    Args:
        folder: where the files go; `<folder>/<target>/`.
        fused: with batch norms folded, as `mxproof convert --fuse` does it.
    """
    graph = changes(subject.graph, fused=fused, half=False).graph
    checkpoint = symbol_path(subject.prefix), params_path(subject.prefix, subject.epoch)
    sizes = {"mxnet": sum(file.stat().st_size for file in checkpoint)}
    paths, seconds = {}, {}
    for target in targets:
        begin = time.perf_counter()
        files = convert(graph, target, folder / target)
        seconds[target] = time.perf_counter() - begin
        paths[target] = files[0]
        sizes[target] = sum(file.stat().st_size for file in files)
    return Lineup(subject, paths, seconds, sizes)
