"""The interface of every runtime: run a network, and show each of its layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, FrozenSet, List, Mapping, Optional, Protocol, Sequence, Tuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Inputs = Mapping[str, Array]

#: Called with each layer's name and result, in the network's order. What it returns, if not
#: None, goes on to the layers that follow in place of the result: so each layer can be judged
#: alone, on a reference's inputs.
Visitor = Callable[[str, Array], Optional[Array]]


@dataclass(frozen=True)
class Rounding:
    """How far rounding alone moves the float32 results of a layer (mxnet/worker/rounding.py): of
    the layer by itself, and with what it carries from those before it. 0 where that is not known.

    Attributes:
        isolated, carried: (C,), the sum of squares of each channel's errors.
        largest: of all carried errors.
        own: of all isolated errors of a batch norm, whose terms may be taken together in either
            order; 0 for other layers.
    """

    isolated: Array = field(default_factory=lambda: np.zeros(1))
    carried: Array = field(default_factory=lambda: np.zeros(1))
    largest: float = 0.0
    own: float = 0.0


@dataclass(frozen=True)
class Layer:
    """One layer in MXNet: `float64` is the truth, `float32` MXNet's own; their distance is the
    noise to expect."""

    name: str
    float64: Array
    float32: Array


@dataclass(frozen=True)
class RoundedLayer(Layer):
    """MXNet's own error is one draw of rounding and may be small by luck: here are more of them."""

    rounding: Rounding


@dataclass(frozen=True)
class MxnetStep:
    """One training step in MXNet (see mxnet/worker/gradients.py).

    Attributes:
        train: as in training; otherwise batch norms read their moving statistics.
        gradients: of each parameter and each input.
        states: the auxiliary states after the step.
        shapes: of the inputs.
    """

    train: bool
    outputs: List[Array]
    gradients: Mapping[str, Array]
    states: Mapping[str, Array]
    shapes: Mapping[str, Tuple[int, ...]]


@dataclass(frozen=True)
class StoredArray:
    """An array of a checkpoint that the network reads, as MXNet's own loader has it.

    Attributes:
        digest: of its bytes (see mxnet/worker/protocol.py).
    """

    name: str
    dtype: str
    size: int
    digest: str


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of a converted file.

    Attributes:
        load: reads its numbers, and keeps them nowhere.
        layers: those whose results are computed from it.
    """

    name: str
    load: Callable[[], Array]
    layers: FrozenSet[str]


@dataclass(frozen=True)
class RandomLayer(Layer):
    """A layer that is drawn anew each time. `draws`: (draws, numbers); see worker/draws.py."""

    draws: Array


class RuntimeFailure(Exception):
    """A runtime could not be started, could not run the network, or died."""


class Candidate(Protocol):
    """A converted model in one runtime, in one precision.

    One that knows the names of its inputs and outputs in the file has them as `input_names` and
    `output_names`, in order: they are compared with MXNet's.
    """

    @property
    def name(self) -> str:
        """E.g. "onnxruntime"."""
        ...

    @property
    def precision(self) -> str:
        """ "float32" or "float64"."""
        ...

    def run(self, inputs: Inputs) -> List[Array]:
        """The network's outputs, as its user gets them."""
        ...

    def trace(
        self, inputs: Inputs, visit: Visitor, portions: Optional[Sequence[int]] = None
    ) -> List[Array]:
        """Run, showing each layer to `visit`; returns the outputs.

        Args:
            portions: how many layers' results may be held at a time, in turn. A runtime that
                shows them one by one may ignore it; one that runs many at once can exchange the
                result of a portion's last layer only.
        """
        ...
