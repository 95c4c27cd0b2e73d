"""One use of an operator, and the rows that say how to draw such cases."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Literal,
    Mapping,
    Tuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from converters.binding import TYPE_FLAGS
from converters.ops import REGISTRY, visible_outputs
from converters.ops.attributes import Single
from tests.converters.networks import Network

#: On every push, few cases are drawn and each is tried at one opset; all of it runs nightly.
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev")

Array = np.ndarray
Shape = Tuple[int, ...]
#: (random, shape) -> float64 numbers of that shape, which are then cast.
Values = Callable[[np.random.Generator, Shape], Array]
DrawFn = Callable[[st.SearchStrategy[Any]], Any]


def drawn(daily: int) -> settings:
    """As many examples as the profile says; `daily` of them in the profile of every push.

    The first that Hypothesis draws is the simplest one.
    """
    count = daily if PROFILE == "ci" else settings.default.max_examples
    return settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow])


def normal(random: np.random.Generator, shape: Shape) -> Array:
    return random.standard_normal(shape)


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
        attrs: as MXNet's Python takes them; they are written as text.
        free: convert with all sizes free, but 1 and those of fixed axes (of the channels).
        seed: of the inputs' numbers.
    """

    op: str
    inputs: Tuple[Union[Data, Label], ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    free: bool = True
    seed: int = 0

    def network(self) -> Tuple[Network, List[Tuple[int, int]]]:
        """A network of this one layer, and its outputs."""
        net = Network()
        random = np.random.default_rng(self.seed)
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
        random = np.random.default_rng((self.seed, seed))
        return {name: given.make(random) for name, given in self._fed().items()}

    def types(self) -> Dict[str, str]:
        return {name: str(array.dtype) for name, array in self.feeds(0).items()}

    def shapes(self, free: bool) -> Dict[str, Tuple[Union[int, str], ...]]:
        """Of the data inputs; equal sizes get equal names where they are free."""
        return {
            name: tuple(
                f"s{d}" if free and d > 1 and axis not in given.fixed else d
                for axis, d in enumerate(given.shape)
            )
            for name, given in self._fed().items()
        }


@dataclass(frozen=True)
class Row:
    """How one operator is tried.

    Attributes:
        draw: draws a case.
        examples: cases that must be tried whatever is drawn, by name: corners and traps.
        narrowed: what is not drawn though the declaration takes it -> the reason.
        impossible: target -> why the operator cannot be converted to it at all.
        counted: what a size of the result is a count of, if only the inputs' numbers tell it.
        fixed: why the operator can be converted for fixed sizes only; "" if it need not be.
    """

    op: str
    draw: Callable[[DrawFn], Case]
    examples: Mapping[str, Case] = field(default_factory=dict)
    narrowed: Mapping[str, str] = field(default_factory=dict)
    impossible: Mapping[str, str] = field(default_factory=dict)
    fixed: str = ""
    counted: str = ""


def attributes(draw: DrawFn, op: str, **narrowed: Any) -> Dict[str, Any]:
    """Draw an operator's attributes by their annotations; often one with a default is left out.

    Args:
        narrowed: attribute -> a strategy or a value, instead. None leaves it out.
    """
    cls = REGISTRY[op]
    hints = get_type_hints(cls)
    values: Dict[str, Any] = {}
    for entry in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
        if entry.name in narrowed:
            given = narrowed[entry.name]
            value = draw(given) if isinstance(given, st.SearchStrategy) else given
        elif entry.default is not dataclasses.MISSING and draw(st.booleans()):
            continue
        else:
            value = draw(by_type(hints[entry.name], f"{op}.{entry.name}"))
        if value is not None:
            values[entry.name] = value
    return values


def by_type(kind: Any, where: str) -> st.SearchStrategy[Any]:
    """Values of an annotated type."""
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) is Union:
        return st.one_of(
            *(st.none() if k is type(None) else by_type(k, where) for k in get_args(kind))
        )
    if kind is bool:
        return st.booleans()
    if kind in (float, Single):
        return st.floats(-2, 2, width=32).map(lambda x: round(x, 3))
    raise TypeError(f"{where}: say what to draw, its type allows too much")


def shapes(draw: DrawFn, rank: Union[int, Tuple[int, int]], low: int = 1, high: int = 6) -> Shape:
    """A shape with `rank` (or from, to) dimensions of low to high."""
    first, last = (rank, rank) if isinstance(rank, int) else rank
    sizes = draw(st.lists(st.integers(low, high), min_size=first, max_size=last))
    return tuple(sizes)


def moved(draw: DrawFn, shape: Shape, fixed: Shape = (1,)) -> Data:
    """An input of any type, for operators that compute nothing."""
    dtype = draw(st.sampled_from(MOVABLE))
    return Data(shape, normal if dtype == "float32" else whole(0, 100), dtype, fixed)
