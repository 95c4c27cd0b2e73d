"""Building the folder of one reproducer, and seeing it fail."""

from __future__ import annotations

import re
import runpy
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Mapping, Optional, Sequence

import numpy as np

from converters import Graph, Node
from converters.python_text import literal, prose

from ..report.templates import require_jinja
from ..runtimes.base import Array
from ..tolerance import Budget
from ..truth import Truth
from ..verdict import Check, Comparison
from .case import case
from .checkpoint import data_inputs, save_layer
from .folder import CASE, Folder, readable
from .onnx import OnnxFile
from .piece import NoPiece, Piece, Shipped, Values
from .pytorch import PytorchFile

if TYPE_CHECKING:
    import jinja2

FILES: Mapping[str, Callable[[Path, str], Shipped]] = {"onnx": OnnxFile, "pytorch": PytorchFile}
SUFFIXES: Mapping[str, str] = {"onnx": OnnxFile.suffix, "pytorch": PytorchFile.suffix}

LAYER = "layer"  # prefix of the checkpoint
WHOLE = "whole-network"
Build = Callable[[str, Path], bool]
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
    comparison: Comparison
    culprits: Sequence[Check]
    versions: Mapping[str, str]
    command: str


class Writer:
    """Reproducers of one failure."""

    def __init__(self, folder: Folder, failure: Failure) -> None:
        self._folder, self._failure, self._graph = folder, failure, failure.graph
        self._precision = failure.comparison.precision
        self._file = self._open(self._precision)

    def _open(self, precision: str) -> Shipped:
        return FILES[self._failure.target](self._failure.path, precision)

    def layer(self, culprit: Check, truth: Truth) -> Optional[Path]:
        """Write the layer's reproducer, if it fails by itself on these inputs; returns its test."""
        node = next((n for n in self._graph.nodes if culprit.layer in n.outputs), None)
        if node is None:
            return None
        build = partial(self._build_layer, culprit, node, Values(truth))
        return self._kept(readable(culprit.layer), self._precision, build)

    def whole(self, truth: Truth, why: str) -> Optional[Path]:
        """Write the network as it was shipped, in the precision in which its outputs are wrong.

        Args:
            why: there is no smaller reproducer.
        """
        for precision in dict.fromkeys(("float32", self._precision)):
            test = self._kept(WHOLE, precision, partial(self._build_whole, why, Values(truth)))
            if test:
                return test
        return None

    def _kept(self, what: str, precision: str, build: Build) -> Optional[Path]:
        """Build a reproducer and keep its folder if its test fails; returns the test or None.

        Args:
            build: (precision, path of the test) -> whether the test fails; it fills the folder.
        """
        name = f"{readable(self._graph.name)}-{self._failure.target}-{what}"
        name += "-float32" if precision == "float32" else ""
        with self._folder.building() as here:
            # Called like its folder, so that pytest can run any number of them together.
            test = here / f"test_{re.sub(r'[^A-Za-z0-9_]', '_', name)}.py"
            try:
                found = build(precision, test)
            except NoPiece:
                return None
            return self._folder.keep(here, name) / test.name if found else None

    def _build_layer(
        self, culprit: Check, node: Node, values: Values, precision: str, test: Path
    ) -> bool:
        layer, title = culprit.layer, f"{node.op} {culprit.layer!r}"
        piece, meant = self._file.cut(layer, values), data_inputs(self._graph, node)
        save_layer(self._graph, node, test.parent / LAYER)
        problem = culprit.problem or "?"
        if set(piece.inputs) != set(meant):
            problem += f"; it reads {_listed(piece.inputs)}, in MXNet {_listed(meant)}"
        self._write(
            test, precision, piece, what=title, problem=problem, subject=title, titles=[title]
        )
        inputs = list(dict.fromkeys([*piece.inputs, *meant]))

        def fails(samples: slice) -> bool:
            limits = [(layer, culprit.budget)]
            return _fails(test, case(values, inputs, limits, precision, samples), culprit)

        if not fails(EVERYTHING):
            return False
        samples = (slice(i, i + 1) for i in range(self._batch([*inputs, layer], values)))
        # Where no sample fails alone, the folder keeps the case of all of them.
        return any(map(fails, samples)) or fails(EVERYTHING)

    def _build_whole(self, why: str, values: Values, precision: str, test: Path) -> bool:
        piece = self._open(precision).whole(self._graph.outputs)
        titles = [f"output {name!r}" for name in piece.outputs]
        said = {"what": "the whole network", "problem": why, "subject": self._graph.name}
        self._write(test, precision, piece, **said, titles=titles)
        # As each was held to: in float32, outputs have the standard budget.
        own = self._failure.comparison.checks if precision == "float64" else ()
        known = {check.layer: check.budget for check in own}
        limits = [(name, known.get(name, Budget())) for name in piece.outputs]
        return _fails(test, case(values, piece.inputs, limits, precision, EVERYTHING))

    def _batch(self, names: Sequence[str], values: Values) -> int:
        """How many samples there are to choose from: 0 unless the first axis of all these values
        is the batch's, and of no fixed size."""
        shapes = [self._graph.shapes[name] for name in names]
        axes = {shape[0] if shape else None for shape in shapes}
        sizes = {len(values[name].float64) for name in names}
        free = len(axes) == len(sizes) == 1 and isinstance(axes.pop(), str)
        return sizes.pop() if free and sizes != {1} else 0

    def _write(self, test: Path, precision: str, piece: Piece, **said: object) -> None:
        """Write the piece and its pytest file; the template lists what `said` holds."""
        piece.write(test.parent)
        text = _template().render(
            failure=self._failure,
            precision=precision,
            piece=piece,
            file=test.name,
            test=TEST,
            **said,
        )
        test.write_text(text, encoding="utf-8")


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


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "nothing"


def _fails(test: Path, arrays: Mapping[str, Array], culprit: Optional[Check] = None) -> bool:
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
