"""Parts of converted files that show a fault by themselves: cut out, never converted again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Protocol, Sequence

import numpy as np

from ..runtimes.base import Layer, LayerTruth
from ..truth import Truth


class NoPiece(Exception):
    """A layer cannot be shown by itself."""


class Values:
    """Arrays that a layer may be fed: the network's inputs and MXNet's results."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def __contains__(self, name: str) -> bool:
        return name in self._truth.inputs or name in self._truth

    def __getitem__(self, name: str) -> LayerTruth:
        """Look up a value by its name.

        Raises:
            NoPiece: the reference holds only part of it, as a recording may.
        """
        if name in self._truth.inputs:
            array = np.asarray(self._truth.inputs[name], np.float64)
            return Layer(name, array, array)
        if not self._truth.holds(name):
            raise NoPiece(f"the reference does not hold all of {name!r}")
        return self._truth[name]


@dataclass(frozen=True)
class Piece:
    """A part of a converted file, or all of it.

    Attributes:
        inputs: the values that it reads, in the order in which it takes them.
        outputs: the values that it computes.
        write: writes its files into a folder.
    """

    inputs: Sequence[str]
    outputs: Sequence[str]
    write: Callable[[Path], None]


class Shipped(Protocol):
    """A converted file, to be run in one precision."""

    def cut(self, layer: str, values: Values) -> Piece:
        """Return the part of the file that computes the layer.

        Raises:
            NoPiece: the file is not laid out the way this project writes it.
        """
        ...

    def whole(self, outputs: Sequence[str]) -> Piece:
        """Return the whole file as a piece that computes the network's outputs."""
        ...
