"""Where a recurrent operator's weights lie in the one vector that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Dict, List, Optional, Tuple

import numpy.typing as npt

Array = npt.NDArray[Any]

#: Mode -> rows of weights per number of the state: one set for each gate.
GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}

Place = Tuple[int, Tuple[int, ...]]  # first number, shape


@dataclass(frozen=True)
class Packing:
    """For each layer and direction the weights of the input, of the state and of the projection;
    then likewise the two vectors of biases. Gates are in cuDNN's order, which is PyTorch's.

    Source: src/operator/rnn-inl.h, GetRnnParamSize; rnn_impl.h, LstmForwardInference.
    """

    mode: str
    size: int
    layers: int
    directions: int
    projection: Optional[int]

    @property
    def rows(self) -> int:
        return GATES[self.mode] * self.size

    @property
    def output(self) -> int:
        """Numbers that one direction hands on."""
        return self.projection or self.size

    def _shapes(self, layer: int, features: int) -> Dict[str, Tuple[int, int]]:
        """Of one layer's weights in one direction, named as PyTorch names them."""
        columns = self.directions * self.output if layer else features
        shapes = {"weight_ih": (self.rows, columns), "weight_hh": (self.rows, self.output)}
        if self.projection:
            shapes["weight_hr"] = (self.projection, self.size)
        return shapes

    def length(self, features: int) -> int:
        """Of the whole vector."""
        layers = (self._shapes(layer, features).values() for layer in range(self.layers))
        weights = sum(rows * columns for shapes in layers for rows, columns in shapes)
        return self.directions * (weights + 2 * self.rows * self.layers)

    def features(self, length: int) -> int:
        """How many numbers a vector of this length takes at each step."""
        return (length - self.length(0)) // (self.rows * self.directions)

    def places(self, length: int) -> List[List[Dict[str, Place]]]:
        """Layer, direction, name -> where."""
        at = 0

        def take(*shape: int) -> Place:
            nonlocal at
            at += prod(shape)
            return at - prod(shape), shape

        layers = [self._shapes(layer, self.features(length)) for layer in range(self.layers)]
        found = [
            [{name: take(*shape) for name, shape in shapes.items()} for _ in range(self.directions)]
            for shapes in layers
        ]
        for places in (p for directions in found for p in directions):
            places.update(bias_ih=take(self.rows), bias_hh=take(self.rows))
        return found

    def unpacked(self, packed: Array) -> List[List[Dict[str, Array]]]:
        """Layer, direction, name -> numbers."""
        return [
            [
                {k: packed[at : at + prod(s)].reshape(s) for k, (at, s) in places.items()}
                for places in directions
            ]
            for directions in self.places(len(packed))
        ]
