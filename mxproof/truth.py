"""MXNet's results on one set of inputs: what everything else is judged by."""

from __future__ import annotations

import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Container, Dict, Iterable, Iterator, List, Optional, Tuple, Union

import numpy as np

from .check import check
from .portions import LIMIT, portions
from .runtimes.base import Array, Inputs, LayerTruth
from .tolerance import Deviation
from .verdict import Check

Place = Tuple[int, Any, Tuple[int, ...]]  # offset, dtype, shape


@dataclass(frozen=True)
class StoredLayer:
    """One layer, read from the file when it is asked for, and kept nowhere."""

    name: str
    _truth: Truth

    @property
    def float64(self) -> Array:
        return self._truth.read(self.name, "float64")

    @property
    def float32(self) -> Array:
        return self._truth.read(self.name, "float32")


class Truth:
    """All layers of MXNet on `inputs`, in order, in a file that vanishes with this object.

    MXNet runs once, and every candidate is compared with the same numbers. They are on disk
    because they need not fit in memory: all of ResNet-152 on one picture of 224 x 224 are 2.5 GB,
    while the largest layer is 10 MB.

    Attributes:
        inputs: name -> array.
        names: the layers.
        outputs: MXNet's float32 outputs in an untraced run, in the order of its heads.
        nbytes: of all layers in both precisions.
        whole: layers can be fed these results (a recording keeps samples of some only).
    """

    whole = True

    def __init__(
        self,
        inputs: Inputs,
        layers: Iterable[LayerTruth],
        outputs: Iterable[Array] = (),
        folder: Optional[Union[str, Path]] = None,
    ) -> None:
        """
        Args:
            layers: read once, one at a time.
            folder: where the file goes; the system's folder for temporary files by default.
        """
        self.inputs = inputs
        self._places: Dict[Tuple[str, str], Place] = {}
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - see the next line
        weakref.finalize(self, self._file.close)
        names = []
        for layer in layers:
            names.append(layer.name)
            for precision in ("float64", "float32"):
                array = np.ascontiguousarray(getattr(layer, precision))
                self._places[layer.name, precision] = (self._file.tell(), array.dtype, array.shape)
                array.tofile(self._file)
        self._file.flush()
        self.nbytes = self._file.tell()
        self.names = tuple(names)
        self.outputs = list(outputs)

    def __contains__(self, name: str) -> bool:
        return (name, "float64") in self._places

    def __getitem__(self, name: str) -> StoredLayer:
        return StoredLayer(name, self)

    def __iter__(self) -> Iterator[StoredLayer]:
        return (self[name] for name in self.names)

    def __len__(self) -> int:
        return len(self.names)

    def holds(self, name: str) -> bool:
        """Is every number of this layer here?"""
        return name in self

    def portions(self, limit: int = LIMIT, alone: Container[str] = ()) -> List[int]:
        """How many layers' float32 results may be held at a time; one at a time of `alone`."""
        return portions((limit if n in alone else self._size(n) for n in self.names), limit)

    def _size(self, name: str) -> int:
        """Bytes of a layer in float32."""
        return 4 * int(np.prod(self._places[name, "float32"][2]))

    def check(
        self,
        name: str,
        op: str,
        value: Array,
        precision: str,
        row: Optional[Deviation] = None,
        alone: bool = False,
    ) -> Check:
        """Judge a candidate's result for the layer `name`; `alone`: on MXNet's own inputs."""
        return check(op, value, self[name], precision, row, alone)

    def read(self, name: str, precision: str) -> Array:
        """A new array.

        Raises:
            KeyError: no such layer.
        """
        offset, dtype, shape = self._places[name, precision]
        self._file.seek(offset)
        return np.fromfile(self._file, dtype, int(np.prod(shape))).reshape(shape)
