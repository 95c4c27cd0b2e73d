"""Each layer by itself, in float64, on inputs that are drawn for it.

What a network's own inputs make of a layer's input leaves numbers out: a channel that is 0 on all of
them hides every weight that it is multiplied with. So each layer is also given an array that is
drawn for it: dense, some of it exactly 0, some beyond 1e3, of either sign. MXNet computes the layer
on it, and so must the candidate.

A drawn array is one that the layer might be given by some input of the network, as far as that is
known: behind a ReLU there are no negative numbers, and an index is an index. Where MXNet's result is
not finite on drawn numbers, or says nothing, tamer ones are drawn in their place.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Dict, List, Optional, Set

import numpy as np

from converters import Graph, Node

from .check import LARGEST, channels
from .compare import Pass
from .runtimes.base import Array, Candidate, Layer, RuntimeFailure
from .runtimes.mxnet import Mxnet
from .tolerance import Budgets
from .truth import Truth
from .verdict import Comparison

#: Of the numbers drawn, the part that is exactly 0. None of the first sample's: its zeros would hide
#: the weights of a dense layer, each of which is multiplied with one number of a sample.
ZEROS = 1 / 8
#: Magnitudes of those that are huge: half of a block that is half as long as the array each way.
#: Outside of it they are not, and so some results depend on the others alone.
HUGE = 1e3, 1e4
#: How inputs are drawn, the next where one does not do.
MIXED, MODERATE, POSITIVE, BETWEEN, REAL = range(5)
#: Inputs that choose, count, or lie at places: other numbers would be none of the network's.
CHOOSING = frozenset(
    ["anchors", "condition", "im_info", "index", "index_vector", "indices", "length", "matches"]
    + ["rois", "samples", "sequence_length"]
)


class Drawn(Truth):
    """MXNet's float64 result of each layer on what was drawn for it, and what was drawn.

    Layers that choose or sort, or draw numbers themselves, are not among them.

    Attributes:
        reached: stored array -> which of its numbers took part.
    """

    def __init__(self) -> None:
        super().__init__({}, ())
        self.reached: Dict[str, Array] = {}

    def __getitem__(self, name: str) -> Layer:
        result = self.read(name, "float64")
        return Layer(name, result, result)

    def given(self, name: str) -> Array:
        """What the layers that read this value are given; KeyError if it was not drawn."""
        return self.read(name, "given")

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
) -> Comparison:
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


def draw_layers(model: Mxnet, graph: Graph, truth: Truth) -> Drawn:
    """
    Args:
        truth: says how large the numbers are that each layer is given.

    Raises:
        RuntimeFailure: MXNet died.
    """
    return _Drawing(model, graph, truth).run()


@dataclass
class _Drawing:
    model: Mxnet
    graph: Graph
    truth: Truth

    def __post_init__(self) -> None:
        self.drawn = Drawn()
        self.how: Dict[str, int] = Counter()
        self.readers: Dict[str, List[Node]] = defaultdict(list)
        for node in self.graph.nodes:
            for name in filter(None, dict.fromkeys(node.inputs)):
                self.readers[name].append(node)

    def run(self) -> Drawn:
        nodes = [n for n in self.graph.nodes if n.inputs and not self.chooses(n)]
        waiting = {n.name for n in nodes}
        while waiting:  # tamer numbers for one layer are tamer for all that read the same value
            again = [self.compute(node) for node in nodes if node.name in waiting]
            waiting = set().union(*again)
        for name in (v.name for v in self.graph.inputs):
            self.drawn.inputs = {**self.drawn.inputs, name: self.given(name)}
        for name in self.truth.names:
            self.given(name)
        return self.drawn

    def chooses(self, node: Node) -> bool:
        operator = self.graph.operators[node.name]
        return operator.order_dependent or operator.random

    @cached_property
    def fixed(self) -> Set[str]:
        """Values that are given as they are: no input of the network changes them, or the layers
        that read them choose by them, or they are chosen themselves."""
        fixed, moving = set(), {v.name for v in self.graph.inputs}
        for node in self.graph.nodes:
            operator = self.graph.operators[node.name]
            roles = CHOOSING.union(operator.index_limits())
            read = zip(operator.input_names(), node.inputs)
            fixed.update(name for role, name in read if name and role in roles)
            depends = not moving.isdisjoint(node.inputs) and not self.chooses(node)
            (moving if depends else fixed).update(node.outputs)
        return fixed - self.graph.index_limits.keys()

    def real(self, name: str) -> Array:
        return self.truth.read(name, "float64") if name in self.truth else self.truth.inputs[name]

    def given(self, name: str) -> Array:
        """What is drawn for the layers that read this value; the same until it is tamed."""
        if name in self.graph.params:
            return self.graph.params[name]
        try:
            return self.drawn.given(name)
        except KeyError:
            random = np.random.default_rng(zlib.crc32(name.encode()))
            limit = self.graph.index_limits.get(name)
            real = self.real(name)
            if limit:
                array = random.integers(0, limit, real.shape).astype(real.dtype)
            else:
                array = draw(real, REAL if name in self.fixed else self.how[name], random)
            self.drawn.give(name, array)
            return array

    def compute(self, node: Node) -> Set[str]:
        """Have MXNet compute the layer; returns those that must be computed again."""
        places = {k: n for k, n in enumerate(node.inputs) if n and not self.stored(n)}
        stored = [k for k, name in enumerate(node.inputs) if name in self.graph.params]
        try:
            given = {k: self.given(name) for k, name in places.items()}
            results, masks = self.model.isolated(node, given, stored)
        except RuntimeFailure:
            results, masks = [], {}
        if not results or not all(map(says_something, results, map(self.real, node.outputs))):
            tamed = {name for name in places.values() if self.tame(name)}
            if tamed:
                return {reader.name for name in tamed for reader in self.readers[name]}
        for name, result in zip(node.outputs, results):
            self.drawn.keep(name, result)
        for k, mask in masks.items():
            self.drawn.reached[node.inputs[k] or ""] = mask
        return set()

    def stored(self, name: str) -> bool:
        """Is it in the checkpoint, for MXNet to read?"""
        return name in self.graph.params and not any(name in n.outputs for n in self.graph.unfolded)

    def tame(self, name: str) -> bool:
        """Draw other numbers from now on; False where there are none."""
        fixed = name in self.fixed or name in self.graph.params or name in self.graph.index_limits
        if fixed or self.how[name] == REAL:
            return False
        self.how[name] += 1
        self.drawn.forget(name)
        return True


def says_something(result: Array, real: Array) -> bool:
    """Is it finite, and not the same everywhere, if MXNet's real result is?"""
    if result.dtype.kind != "f" or not result.size or not real.size:
        return True
    finite = [np.abs(a).max() < LARGEST for a in (result, real)]
    varies = [a.min() < a.max() for a in (result, real)]
    return (finite[0] or not finite[1]) and (varies[0] or not varies[1])


def draw(real: Array, how: int, random: np.random.Generator) -> Array:
    """Numbers in the place of a layer's real ones, of the same shape, type and size.

    Args:
        real: (N, C, ...). What is not negative stays so.
    """
    if how == REAL or real.dtype.kind != "f" or not real.size or not np.isfinite(real).all():
        return real
    numbers = channels(real)
    if how == BETWEEN:
        low, high = (f(numbers, axis=(0, 2), keepdims=True) for f in (np.min, np.max))
        found = low + (high - low) * random.random(numbers.shape)
    else:
        sizes = np.sqrt(np.mean(np.square(numbers, dtype=np.float64), axis=(0, 2), keepdims=True))
        size = float(np.sqrt(np.mean(sizes * sizes))) or 1.0
        found = random.uniform(-(3**0.5), 3**0.5, numbers.shape) * np.maximum(sizes, size / 16)
    found = found.reshape(real.shape)
    if how == MIXED:
        block = np.ix_(*(random.random(n) < (0.5 if n > 1 else 1) for n in real.shape))
        signs = random.choice([-1, 1], found[block].shape)
        found[block] = signs * random.uniform(*HUGE, found[block].shape)
    if how <= MODERATE:
        rest = found[1:] if len(found) > 1 or found.ndim < 3 else found
        rest[random.random(rest.shape) < ZEROS] = 0
    if how == POSITIVE or real.min() >= 0:
        found = np.abs(found)
    return found.astype(real.dtype)
