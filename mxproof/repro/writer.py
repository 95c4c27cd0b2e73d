"""Building the folder of one reproducer, and seeing it fail."""

from __future__ import annotations

import re
import runpy
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Callable, Mapping, Optional, Sequence

import numpy as np

from converters import Graph, Node

from ..runtimes.base import Array
from ..tolerance import Budget
from ..truth import Truth
from ..verdict import Check, Comparison
from .case import case
from .checkpoint import data_inputs, save_layer
from .folder import CASE, Folder, readable
from .onnx import OnnxFile
from .piece import NoPiece, Shipped, Values
from .pytorch import PytorchFile
from .script import TEST, script

FILES: Mapping[str, Callable[[Path, str], Shipped]] = {"onnx": OnnxFile, "pytorch": PytorchFile}
SUFFIXES: Mapping[str, str] = {"onnx": ".onnx", "pytorch": ".py"}

LAYER = "layer"  # prefix of the checkpoint
WHOLE = "whole-network"
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
        self._folder, self._failure = folder, failure
        self._graph, self._target = failure.graph, failure.target
        self._precision = failure.comparison.precision

    @cached_property
    def _file(self) -> Shipped:
        return self._open(self._precision)

    def _open(self, precision: str) -> Shipped:
        return FILES[self._target](self._failure.path, precision)

    def layer(self, culprit: Check, truth: Truth) -> Optional[Path]:
        """Write the layer's reproducer, if it fails by itself on these inputs; returns its test."""
        node = next((n for n in self._graph.nodes if culprit.layer in n.outputs), None)
        if node is None:
            return None
        build = partial(self._build_layer, culprit, node, Values(truth))
        return self._kept(readable(culprit.layer), self._precision, build)

    def _kept(self, what: str, precision: str, build: Callable[[Path], bool]) -> Optional[Path]:
        """Build a reproducer in its folder; returns its test, or None where it does not fail.

        Args:
            build: fills the folder of the test that it is given; returns whether the test fails.
        """
        name = f"{readable(self._graph.name)}-{self._target}-{what}"
        name += "-float32" if precision == "float32" else ""
        with self._folder.building() as here:
            # Called like its folder, so that pytest can run any number of them together.
            test = here / f"test_{re.sub(r'[^A-Za-z0-9_]', '_', name)}.py"
            try:
                return self._folder.keep(here, name) / test.name if build(test) else None
            except NoPiece:
                return None

    def _build_layer(self, culprit: Check, node: Node, values: Values, test: Path) -> bool:
        """Fill the folder; returns whether the test fails."""
        layer, title = culprit.layer, f"{node.op} {culprit.layer!r}"
        read = self._file.cut(layer, values, test.parent)
        save_layer(self._graph, node, test.parent / LAYER)
        problem, meant = culprit.problem or "?", data_inputs(self._graph, node)
        if set(read) != set(meant):
            problem += f"; it reads {_listed(read)}, in MXNet {_listed(meant)}"
        self._write(test, self._precision, title, problem, title, read, [title])
        inputs = list(dict.fromkeys([*read, *meant]))
        limits = [(layer, culprit.budget)]

        def fails(samples: slice) -> bool:
            arrays = case(values, inputs, limits, self._precision, samples)
            return _fails(test, arrays, culprit)

        if not fails(EVERYTHING):
            return False
        samples = (slice(i, i + 1) for i in range(self._batch([*inputs, layer], values)))
        # Where no sample fails alone, the folder keeps the case of all of them.
        return any(map(fails, samples)) or fails(EVERYTHING)

    def _batch(self, names: Sequence[str], values: Values) -> int:
        """How many samples there are to choose from: 0 unless the first axis of all these values
        is the batch's, and of no fixed size."""
        shapes = [self._graph.shapes[name] for name in names]
        axes = {shape[0] if shape else None for shape in shapes}
        sizes = {len(values[name]) for name in names}
        free = len(axes) == len(sizes) == 1 and isinstance(axes.pop(), str)
        return sizes.pop() if free and sizes != {1} else 0

    def whole(self, truth: Truth, why: str) -> Optional[Path]:
        """Write the network as it was shipped, in the precision in which its outputs are wrong.

        Args:
            why: there is no smaller reproducer.
        """
        for precision in dict.fromkeys(("float32", self._precision)):
            build = partial(self._build_whole, why, Values(truth), precision)
            test = self._kept(WHOLE, precision, build)
            if test:
                return test
        return None

    def _build_whole(self, why: str, values: Values, precision: str, test: Path) -> bool:
        graph, file = self._graph, self._open(precision)
        read, outputs = file.whole(test.parent), file.outputs(graph.outputs)
        titles = [f"output {name!r}" for name in outputs]
        self._write(test, precision, "the whole network", why, graph.name, read, titles)
        limits = [(name, self._budget(name, precision)) for name in outputs]
        return _fails(test, case(values, read, limits, precision, EVERYTHING))

    def _budget(self, output: str, precision: str) -> Budget:
        """As it was held to: in float32, outputs have the standard budget."""
        known = {c.layer: c.budget for c in self._failure.comparison.checks}
        return known.get(output, Budget()) if precision == "float64" else Budget()

    def _write(
        self,
        test: Path,
        precision: str,
        what: str,
        problem: str,
        subject: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
    ) -> None:
        """Write the pytest file; its template explains the arguments."""
        text = script(
            precision,
            target=self._target,
            model=self._graph.name,
            versions=", ".join(f"{k} {v}" for k, v in self._failure.versions.items()),
            command=self._failure.command,
            what=what,
            problem=problem,
            file=test.name,
            subject=subject,
            inputs=inputs,
            outputs=outputs,
        )
        test.write_text(text, encoding="utf-8")


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
