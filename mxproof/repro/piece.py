"""Parts of converted files that show a fault by themselves: cut out, never converted again."""

from __future__ import annotations

from pathlib import Path
from typing import List, Protocol, Sequence

import numpy as np

from ..runtimes.base import Array, Layer, LayerTruth
from ..truth import Truth


class NoPiece(Exception):
    """A layer cannot be shown by itself."""


class Values:
    """What a layer may be fed: the network's inputs, and MXNet's results."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def __contains__(self, name: str) -> bool:
        return name in self._truth.inputs or name in self._truth

    def __getitem__(self, name: str) -> Array:
        """In float64.

        Raises:
            NoPiece: the reference does not hold all of it.
        """
        return np.asarray(self._stored(name).float64, np.float64)

    def float32(self, name: str) -> Array:
        """In MXNet's float32; raises as above."""
        return self._stored(name).float32

    def _stored(self, name: str) -> LayerTruth:
        if name in self._truth.inputs:
            array = self._truth.inputs[name]
            return Layer(name, array, array)
        if not self._truth.holds(name):
            raise NoPiece(f"the reference does not hold all of {name!r}")
        return self._truth[name]


class Shipped(Protocol):
    """A converted file, to be run in one precision."""

    def cut(self, layer: str, values: Values, folder: Path) -> List[str]:
        """Write what computes the layer into `folder`.

        Returns:
            The values that it reads, in the order in which it takes them.

        Raises:
            NoPiece: the file is laid out otherwise than this project writes it.
        """
        ...

    def whole(self, folder: Path) -> List[str]:
        """Write all of it into `folder`; returns the network's inputs."""
        ...

    def outputs(self, names: Sequence[str]) -> List[str]:
        """The network's outputs as this form of a model lists them."""
        ...
