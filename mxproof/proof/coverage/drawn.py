"""Judge each layer of a candidate in isolation, on inputs drawn for it (see drawing.py)."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

import numpy as np

from converters import Graph

from ...runtimes.base import Array, Candidate, Layer
from ..compare import Pass
from ..tolerance import Budgets
from ..trace import ReferenceTrace
from ..trace_results import TraceResult


class Drawn(ReferenceTrace):
    """MXNet's float64 result of each layer on what was drawn for it, and what was drawn.

    Layers that choose or sort, or draw numbers themselves, are not among them.

    Attributes:
        reached: (layer, stored array that it reads) -> which of its numbers took part.
    """

    def __init__(self) -> None:
        super().__init__({}, ())
        self.reached: Dict[Tuple[str, str], Array] = {}

    def __getitem__(self, name: str) -> Layer:
        result = self.read(name, "float64")
        return Layer(name, result, result)

    def given(self, name: str) -> Array:
        """What the layers that read this value are given; KeyError if nothing is."""
        return self.read(name, "given")

    def gives(self, name: str) -> bool:
        return (name, "given") in self._places

    def give(self, name: str, array: Array) -> None:
        self._write(name, "given", array)

    def forget(self, name: str) -> None:
        """What was drawn for it: something else will be."""
        self._places.pop((name, "given"), None)

    def keep(self, name: str, result: Array) -> None:
        """A layer's result on what its inputs are given."""
        self._write(name, "float64", result)
        self.shapes[name] = result.shape


def compare_drawn(
    drawn: Drawn, candidate: Candidate, graph: Graph, budgets: Optional[Budgets] = None
) -> TraceResult:
    """Give each layer of a float64 candidate what was drawn for it, and judge it by itself."""
    with np.errstate(all="ignore"):  # what overflows shows in the values
        return _DrawnPass(drawn, candidate, graph, budgets or Budgets(), alone=True).run()


class _DrawnPass(Pass):
    truth: Drawn

    def visit(self, layer: str, value: Array) -> Optional[Array]:
        if layer in self.truth:
            self.seen.append(layer)
            self.checks.append(self.check(self.nodes[layer], layer, value))
        return self.truth.given(layer)
