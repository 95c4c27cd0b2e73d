"""Building the folder of one reproducer, and seeing it fail."""

from __future__ import annotations

import re
import runpy
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Callable, List, Mapping, Optional, Sequence

import numpy as np

from converters import Graph, Node
from converters.python_text import literal, prose

from ..proof.results import LayerResult
from ..proof.tolerance import Budget
from ..proof.trace import ReferenceTrace
from ..proof.trace_results import TraceResult
from ..reports.templates import require_jinja
from ..runtimes.base import Array
from . import onnx, pytorch
from .case import NoPiece, case, value
from .checkpoint import data_inputs, save_layer
from .folder import CASE, Folder, readable

if TYPE_CHECKING:
    import jinja2

#: (converted file, precision, folder to write to, layer or None for all of it, reference) -> the
#: inputs of the piece that was written.
Cut = Callable[[Path, str, Path, Optional[str], ReferenceTrace], List[str]]
CUTS: Mapping[str, Cut] = {"onnx": onnx.cut, "pytorch": pytorch.cut}

LAYER = "layer"  # prefix of the checkpoint
WHOLE = "whole-network"
Build = Callable[[Path, str, ReferenceTrace], bool]
TEST = "test_equals_mxnet"
STOPPED = "stopped with"
EVERYTHING = slice(None)


@dataclass(frozen=True)
class Failure:
    """A comparison that failed.

    Attributes:
        graph: the network as MXNet has it.
        path: the converted file.
        comparison: for its precision and its budgets.
        culprits: the layers to blame; may be none.
        versions: of what the comparison was made with.
        command: what finds the failure again.
    """

    graph: Graph
    target: str
    path: Path
    comparison: TraceResult
    culprits: Sequence[LayerResult]
    versions: Mapping[str, str]
    command: str


class Writer:
    """Reproducers of one failure."""

    def __init__(self, folder: Folder, failure: Failure) -> None:
        self._folder, self._failure, self._graph = folder, failure, failure.graph
        self._precision = failure.comparison.precision

    def layer(self, culprit: LayerResult, truth: ReferenceTrace) -> Optional[Path]:
        """Write the layer's reproducer, if it fails by itself on these inputs; returns its test."""
        node = next((n for n in self._graph.nodes if culprit.layer in n.outputs), None)
        if node is None:
            return None
        build = partial(self._build_layer, culprit, node)
        return self._kept(readable(culprit.layer), self._precision, truth, build)

    def whole(self, truth: ReferenceTrace, why: str) -> Optional[Path]:
        """Write the network as it was shipped, in the precision in which its outputs are wrong.

        Args:
            why: there is no smaller reproducer.
        """
        build = partial(self._build_whole, why)
        precisions = dict.fromkeys(("float32", self._precision))
        return next(filter(None, (self._kept(WHOLE, p, truth, build) for p in precisions)), None)

    def _kept(
        self, what: str, precision: str, truth: ReferenceTrace, build: Build
    ) -> Optional[Path]:
        """Build a reproducer and keep its folder if its test fails; returns the test or None.

        Args:
            build: (path of the test, precision, truth) -> whether the test fails; it fills the
                folder.
        """
        name = f"{readable(self._graph.name)}-{self._failure.target}-{what}"
        name += "-float32" if precision == "float32" else ""
        with self._folder.building() as here:
            # Called like its folder, so that pytest can run any number of them together.
            test = here / f"test_{re.sub(r'[^A-Za-z0-9_]', '_', name)}.py"
            try:
                found = build(test, precision, truth)
            except NoPiece:
                return None
            return self._folder.keep(here, name) / test.name if found else None

    def _build_layer(
        self, culprit: LayerResult, node: Node, test: Path, precision: str, truth: ReferenceTrace
    ) -> bool:
        layer, title = culprit.layer, f"{node.op} {culprit.layer!r}"
        meant = data_inputs(self._graph, node)
        said = {"what": title, "problem": culprit.problem or "?", "subject": title}
        read = self._write(test, precision, truth, layer, titles=[title], meant=meant, **said)
        save_layer(self._graph, node, test.parent / LAYER)
        inputs = list(dict.fromkeys([*read, *meant]))

        def fails(samples: slice) -> bool:
            limits = [(layer, culprit.budget)]
            return _fails(test, case(truth, inputs, limits, precision, samples), culprit)

        if not fails(EVERYTHING):
            return False
        samples = (slice(i, i + 1) for i in range(self._batch([*inputs, layer], truth)))
        # Where no sample fails alone, the folder keeps the case of all of them.
        return any(map(fails, samples)) or fails(EVERYTHING)

    def _build_whole(self, why: str, test: Path, precision: str, truth: ReferenceTrace) -> bool:
        outputs = self._graph.outputs
        if self._failure.target == "onnx":  # which lists each once
            outputs = tuple(dict.fromkeys(outputs))
        titles = [f"output {name!r}" for name in outputs]
        said = {"what": "the whole network", "problem": why, "subject": self._graph.name}
        read = self._write(test, precision, truth, None, titles=titles, meant=None, **said)
        # As each was held to: in float32, outputs have the standard budget.
        own = self._failure.comparison.checks if precision == "float64" else ()
        known = {check.layer: check.budget for check in own}
        limits = [(name, known.get(name, Budget())) for name in outputs]
        return _fails(test, case(truth, read, limits, precision, EVERYTHING))

    def _write(
        self,
        test: Path,
        precision: str,
        truth: ReferenceTrace,
        layer: Optional[str],
        **said: object,
    ) -> List[str]:
        """Write the piece and its pytest file; returns what the piece reads.

        Args:
            layer: None for the whole network.
            said: see reproducer.py.jinja.
        """
        failure = self._failure
        inputs = CUTS[failure.target](failure.path, precision, test.parent, layer, truth)
        values = {"failure": failure, "precision": precision, "inputs": inputs, "test": TEST}
        text = _template().render(file=test.name, **values, **said)
        test.write_text(text, encoding="utf-8")
        return inputs

    def _batch(self, names: Sequence[str], truth: ReferenceTrace) -> int:
        """How many samples there are to choose from: 0 unless the first axis of all these values
        is the batch's, and of no fixed size."""
        shapes = [self._graph.shapes[name] for name in names]
        axes = {shape[0] if shape else None for shape in shapes}
        sizes = {len(value(truth, name).float64) for name in names}
        free = len(axes) == len(sizes) == 1 and isinstance(axes.pop(), str)
        return sizes.pop() if free and sizes != {1} else 0


@cache
def _template() -> jinja2.Template:
    jinja = require_jinja()
    environment: jinja2.Environment = jinja.Environment(
        loader=jinja.FileSystemLoader(Path(__file__).parent),
        undefined=jinja.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.filters.update(literal=literal, prose=prose)
    return environment.get_template("reproducer.py.jinja")


def _fails(test: Path, arrays: Mapping[str, Array], culprit: Optional[LayerResult] = None) -> bool:
    """Write the case and run the test: does it fail, and in the culprit's way?"""
    np.savez(test.parent / CASE, **arrays)
    try:
        runpy.run_path(str(test))[TEST]()
    except AssertionError as error:
        cause = error.__cause__
        if isinstance(cause, MemoryError):
            return False
        fault = "" if culprit is None else culprit.fault or ""
        how = f"{STOPPED} {type(cause).__name__}:" if cause else ""
        return culprit is None or (fault.startswith(how) if how else STOPPED not in fault)
    return False
