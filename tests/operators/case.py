"""One use of an operator: its attributes and inputs, and what numbers these hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Tuple, Union

import numpy as np

from converters.mxnet_format.binding import TYPE_FLAGS
from converters.operators import visible_outputs
from fixtures.networks import Network

Array = np.ndarray
Shape = Tuple[int, ...]
#: (random, shape) -> float64 numbers of that shape, which are then cast.
Values = Callable[[np.random.Generator, Shape], Array]


def normal(random: np.random.Generator, shape: Shape) -> Array:
    return random.standard_normal(shape)


def scaled(scale: float) -> Values:
    return lambda random, shape: scale * random.standard_normal(shape)


def times(factor: float, values: Values) -> Values:
    """By a power of two: what was equal stays so, and nothing is rounded."""
    return lambda random, shape: factor * values(random, shape)


TINY, HUGE = 2.0**-20, 2.0**13


def sparse(random: np.random.Generator, shape: Shape) -> Array:
    """Every third one is exactly 0."""
    return random.standard_normal(shape) * (random.integers(0, 3, shape) > 0)


def mixed(random: np.random.Generator, shape: Shape) -> Array:
    """Next to nothing, exactly 0, and beyond a thousand, beside each other."""
    return sparse(random, shape) * 10.0 ** random.integers(-6, 5, shape)


#: What stands for normal numbers; the first is the simplest.
MAGNITUDES: Tuple[Values, ...] = (normal, times(TINY, sparse), times(HUGE, sparse), mixed)


def uniform(low: float, high: float) -> Values:
    return lambda random, shape: random.uniform(low, high, shape)


def whole(low: int, high: int) -> Values:
    """Whole numbers, low <= n < high."""
    return lambda random, shape: random.integers(low, high, shape).astype(np.float64)


def distinct(random: np.random.Generator, shape: Shape) -> Array:
    """No two alike, and far apart: for what depends on their order."""
    count = int(np.prod(shape))
    return (random.permutation(count).reshape(shape) - count // 2) / 8


@dataclass(frozen=True)
class Data:
    """An input that the network's user feeds; `fixed` axes are so where others are free."""

    shape: Shape
    values: Values = normal
    dtype: str = "float32"
    fixed: Shape = (1,)

    def make(self, random: np.random.Generator) -> Array:
        return np.asarray(self.values(random, self.shape)).astype(self.dtype)


#: Element types that operators which only move elements take (bool: few of them).
MOVABLE = ("float32", "int32", "int64", "uint8", "int8")


class Stored(Data):
    """An input that the checkpoint stores."""


@dataclass(frozen=True)
class Label:
    """An input that only training reads."""

    name: str = "softmax_label"


@dataclass(frozen=True)
class Case:
    """An operator with its attributes and inputs.

    Attributes:
        op: filled in by the row, or by the name of the example.
        attrs: as MXNet's Python takes them; they are written as text.
        free: convert with all sizes free, but 1 and those of fixed axes (of the channels).
    """

    op: str
    inputs: Tuple[Union[Data, Label], ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    free: bool = True

    @classmethod
    def of(
        cls, *inputs: Union[Shape, Data, Label], op: str = "", free: bool = True, **attrs: Any
    ) -> Case:
        """A shape stands for float32 data of that shape."""
        given = (Data(each) if isinstance(each, tuple) else each for each in inputs)
        return cls(op, tuple(given), attrs, free)

    def network(self) -> Tuple[Network, List[Tuple[int, int]]]:
        """A network of this one layer, and its outputs."""
        net = Network()
        random = np.random.default_rng(0)
        entries = []
        for i, given in enumerate(self.inputs):
            if isinstance(given, Label):
                entries.append(net.variable(given.name))
            elif isinstance(given, Stored):
                entries.append(net.variable(f"stored{i}", given.make(random)))
            else:
                flag = str(TYPE_FLAGS.index(given.dtype))
                typed = {} if given.dtype == "float32" else {"__dtype__": flag}
                entries.append(net.variable(f"data{i}", **typed))
        layer = net.layer(self.op, "layer", *entries, **self.attrs)
        node = net.nodes[layer[0]]
        heads = [(layer[0], i) for i in range(visible_outputs(node.op, node.attrs))]
        if not self.inputs:
            data = net.variable("data0")
            heads.append(net.layer("elemwise_add", "beside", data, data))
        return net, heads

    def _fed(self) -> Dict[str, Data]:
        """The inputs that a user feeds; a network has one, even where the operator has none."""
        return {
            f"data{i}": given
            for i, given in enumerate(self.inputs or (Data((2, 3)),))
            if isinstance(given, Data) and not isinstance(given, Stored)
        }

    def feeds(self, seed: int) -> Dict[str, Array]:
        """Numbers for the inputs."""
        random = np.random.default_rng((0, seed))
        return {name: given.make(random) for name, given in self._fed().items()}

    def types(self) -> Dict[str, str]:
        return {name: given.dtype for name, given in self._fed().items()}

    def shapes(self, free: bool) -> Dict[str, Tuple[Union[int, str], ...]]:
        """Of the data inputs; equal sizes get equal names where they are free."""
        return {
            name: tuple(
                f"s{d}" if free and d > 1 and axis not in given.fixed else d
                for axis, d in enumerate(given.shape)
            )
            for name, given in self._fed().items()
        }


case = Case.of
