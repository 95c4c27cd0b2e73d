"""MXNet's results on one set of inputs, which everything else is compared with."""

from __future__ import annotations

import tempfile
import weakref
from math import prod
from os import SEEK_END
from pathlib import Path
from typing import Any, Container, Dict, Iterable, Iterator, List, Optional, Tuple, Union

import numpy as np

from ..runtimes.base import Array, Inputs, Layer, RandomLayer, RoundedLayer, Rounding
from .judge import check
from .results import LayerResult

#: Bytes of results that a runtime may hold beside what the network itself needs. Runtimes that
#: cannot show layers one by one run the network in portions of this size.
LIMIT = 128 << 20


class ReferenceTrace:
    """All layers of MXNet on `inputs`, in order, in a file that vanishes with this object.

    MXNet runs once, and every candidate is compared with the same numbers. They are on disk
    because they need not fit in memory: all of ResNet-152 on one picture of 224 x 224 are 2.5 GB,
    while the largest layer is 10 MB.

    Attributes:
        inputs: name -> array.
        shapes: layer -> its shape, in order.
        outputs: MXNet's float32 outputs in an untraced run, in the order of its heads.
        draws: random layer -> many draws of it, see `RandomLayer`.
        nbytes: of all layers in both precisions.
        whole: layers can be fed these results (a recording keeps samples of some only).
    """

    whole = True

    def __init__(
        self,
        inputs: Inputs,
        layers: Iterable[Layer],
        outputs: Iterable[Array] = (),
        folder: Optional[Union[str, Path]] = None,
    ) -> None:
        """
        Args:
            layers: read once, one at a time.
            folder: where the file goes; the system's folder for temporary files by default.
        """
        self.inputs = inputs
        self.shapes: Dict[str, Tuple[int, ...]] = {}
        self._places: Dict[Tuple[str, str], Tuple[int, Any, Tuple[int, ...]]] = {}
        self._rounded: Dict[str, Rounding] = {}
        self.draws: Dict[str, Array] = {}
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - see the next line
        weakref.finalize(self, self._file.close)
        for layer in layers:
            for precision in ("float64", "float32"):
                self._write(layer.name, precision, getattr(layer, precision))
            self.shapes[layer.name] = layer.float64.shape
            if isinstance(layer, RoundedLayer):
                self._rounded[layer.name] = layer.rounding
            if isinstance(layer, RandomLayer):
                self.draws[layer.name] = layer.draws
        self._file.flush()
        self.nbytes = self._file.tell()
        self.outputs = list(outputs)

    @property
    def names(self) -> Tuple[str, ...]:
        """The layers."""
        return tuple(self.shapes)

    def __contains__(self, name: str) -> bool:
        return name in self.shapes

    def __getitem__(self, name: str) -> Layer:
        """One layer, read from the file and kept nowhere; KeyError if there is none."""
        layer = name, self.read(name, "float64"), self.read(name, "float32")
        known = self._rounded.get(name)
        return RoundedLayer(*layer, known) if known else Layer(*layer)

    def __iter__(self) -> Iterator[Layer]:
        return map(self.__getitem__, self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def holds(self, name: str) -> bool:
        """Is every number of this layer here?"""
        return name in self

    def portions(self, limit: int = LIMIT, alone: Container[str] = ()) -> List[int]:
        """How many layers' float32 results may be held at a time; one at a time of `alone`."""
        sizes = (limit if n in alone else 4 * prod(shape) for n, shape in self.shapes.items())
        return portions(sizes, limit)

    def check(self, name: str, op: str, value: Array, precision: str, **how: Any) -> LayerResult:
        """Judge a candidate's result for the layer `name`; `row` and `alone` as for `check`."""
        rounding = self._rounded.get(name, Rounding())
        return check(op, value, self[name], precision, rounding=rounding, **how)

    def learn(self, name: str, rounding: Rounding) -> None:
        """What rounding may do to the layer, from now on."""
        self._rounded[name] = rounding

    def knows_rounding(self, name: str) -> bool:
        return name in self._rounded

    def read(self, name: str, precision: str) -> Array:
        """A new array; KeyError if there is no such layer."""
        offset, dtype, shape = self._places[name, precision]
        self._file.seek(offset)
        return np.fromfile(self._file, dtype, prod(shape)).reshape(shape)

    def _write(self, name: str, precision: str, array: Array) -> None:
        self._places[name, precision] = self._file.seek(0, SEEK_END), array.dtype, array.shape
        np.ascontiguousarray(array).tofile(self._file)


def with_earlier(
    truths: Iterable[ReferenceTrace],
) -> Iterator[Tuple[ReferenceTrace, Optional[Inputs]]]:
    """Each truth, and the inputs of the one before it."""
    earlier: Optional[Inputs] = None
    for truth in truths:
        yield truth, earlier
        earlier = truth.inputs


def portions(sizes: Iterable[int], limit: int = LIMIT) -> List[int]:
    """Bytes of each layer, in order -> how many layers go together; at least one at a time.

    A limit of 0 is every layer by itself.
    """
    counts: List[int] = []
    room = 0
    for size in sizes:
        if not counts or size > room:
            counts.append(0)
            room = limit
        counts[-1] += 1
        room -= size
    return counts
