"""Draw inputs for each layer by itself, in float64.

What a network's own inputs make of a layer's input leaves numbers out: a channel that is 0 on all
of them hides every weight that it is multiplied with. So each layer is also given an array that is
drawn for it: dense, some of it exactly 0, some beyond 1e3, of either sign. MXNet computes the layer
on it, and so must the candidate.

A drawn array is one that the layer might be given by some input of the network, as far as that is
known: behind a ReLU there are no negative numbers, and an index is an index. Where MXNet's result
is not finite on drawn numbers, or says nothing, tamer ones are drawn in their place.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Dict, List, Optional, Sequence, Set

import numpy as np

from converters import Graph, Node
from converters.ir.limits import input_limits
from converters.operators.registry import Limits

from ...inputs.sampling import draw_within
from ...runtimes.base import Array, RuntimeFailure
from ...runtimes.mxnet.client import Mxnet
from ...runtimes.operator_kinds import COMPARISONS
from ..judge import LARGEST, channels
from ..trace import ReferenceTrace
from .drawn import Drawn

#: Of the numbers drawn, the part that is exactly 0. None of the first sample's, if its channels
#: have few numbers and are multiplied by a matrix: its zeros would hide a dense layer's weights,
#: each of which is multiplied with one number of a sample, and those at the corner of a filter.
ZEROS = 1 / 8
MANY = 64
#: Magnitudes of those that are huge: they fill a block half as long as the array each way, so that
#: many results depend on the others alone.
HUGE = 1e3, 1e4
#: How inputs are drawn, the next where one does not do.
MIXED, MODERATE, POSITIVE, BETWEEN, REAL = range(5)
#: How they are drawn first, and how much larger than the real ones: again and again for layers in
#: which not all stored numbers took part, such as those of gates that are open or shut.
ATTEMPTS = ((MIXED, 1.0), (MODERATE, 1.0), (POSITIVE, 1.0), (MODERATE, 8.0), (MODERATE, 0.125))
#: Inputs that choose, count, or lie at places: other numbers would be none of the network's.
CHOOSING = {
    *("anchors", "condition", "im_info", "index", "index_vector", "indices", "label", "length"),
    *("matches", "rois", "samples", "sequence_length"),
}
#: Operators that say what numbers beyond their limits mean: indices beyond a table are brought in,
#: and a condition is met where it is not 0.
BEYOND = ("Embedding", "one_hot", "take", "where")
#: Operators whose results are parts of what they are given.
SPLITS = ("SliceChannel", "_split_v2")


def draw_layers(
    model: Mxnet, graph: Graph, truth: ReferenceTrace, nodes: Sequence[Node], attempt: int = 0
) -> Optional[Drawn]:
    """Draw inputs for layers, and have MXNet compute them; None if none of them can be judged so.

    Args:
        truth: says how large the numbers are that each layer is given.
        nodes: the layers in question.
        attempt: how often that was done for these layers before. The first draws all kinds of
            numbers at once, the others leave out the wildest, and then draw at other scales.

    Raises:
        RuntimeFailure: MXNet died.
    """
    chosen = [n for n in nodes if n.inputs and (n.op in COMPARISONS or not chooses(graph, n))]
    return _Drawing(model, graph, truth, chosen, attempt).run() if chosen else None


def chooses(graph: Graph, node: Node) -> bool:
    """Does the layer sort, compare, or draw at random?"""
    operator = graph.operators[node.name]
    return operator.order_dependent or operator.random


def places(graph: Graph, node: Node, *, stored: bool) -> Dict[int, str]:
    """Positions of inputs -> their names: of stored arrays; or of those that MXNet is to be given,
    as they are not in the checkpoint."""
    folded = {name for n in graph.unfolded for name in n.outputs}
    named = ((k, name) for k, name in enumerate(node.inputs) if name is not None)
    return {
        k: name
        for k, name in named
        if (name in graph.params if stored else name not in graph.params or name in folded)
    }


def real(graph: Graph, truth: ReferenceTrace, name: str) -> Array:
    """A value on the truth's own inputs."""
    if name in truth:
        return truth.read(name, "float64")
    return truth.inputs[name] if name in truth.inputs else graph.params[name]


@dataclass
class _Drawing:
    model: Mxnet
    graph: Graph
    truth: ReferenceTrace
    nodes: Sequence[Node]
    attempt: int

    def __post_init__(self) -> None:
        self.drawn = Drawn()
        first, self.scale = ATTEMPTS[self.attempt]
        self.how: Dict[str, int] = defaultdict(lambda: first)
        self.readers: Dict[str, List[Node]] = defaultdict(list)
        for node in self.nodes:
            whole = any("int" in self.graph.types[name] for name in node.outputs)
            for name in filter(None, dict.fromkeys(node.inputs)):
                self.readers[name].append(node)
                if whole:  # whose types hold no other numbers, perhaps
                    self.how[name] = BETWEEN

    def run(self) -> Drawn:
        waiting = {n.name for n in self.nodes}
        while waiting:  # tamer numbers for one layer are tamer for all that read the same value
            again = [self.compute(node) for node in self.nodes if node.name in waiting]
            waiting = set().union(*again)
        made = self.drawn.shapes  # in the order in which layers were computed, some of them late
        self.drawn.shapes = {name: made[name] for name in self.truth.names if name in made}
        names = [*(v.name for v in self.graph.inputs), *self.truth.names]
        given = {name: self.given(name) for name in names}
        self.drawn.inputs = {v.name: given[v.name] for v in self.graph.inputs}
        return self.drawn

    def real(self, name: str) -> Array:
        return real(self.graph, self.truth, name)

    @cached_property
    def fixed(self) -> Set[str]:
        """Values that are given as they are: no input of the network changes them, or the layers
        that read them choose by them, or they are chosen themselves."""
        fixed: Set[str] = set()
        moving = {v.name for v in self.graph.inputs}
        for node in self.graph.nodes:
            operator = self.graph.operators[node.name]
            roles = CHOOSING.union(operator.index_limits())
            read = zip(operator.input_names(), node.inputs)
            fixed.update(name for role, name in read if name and role in roles)
            depends = not moving.isdisjoint(node.inputs) and not chooses(self.graph, node)
            (moving if depends else fixed).update(node.outputs)
        return fixed - self.limits.keys()

    @cached_property
    def limits(self) -> Dict[str, Limits]:
        """What the network's inputs may hold where they count or choose."""
        return input_limits(self.graph, {n: a.shape for n, a in self.truth.inputs.items()})

    @cached_property
    def passed_on(self) -> Set[str]:
        """Results that are given as they are, because a conversion may compute one of a layer's
        from another: the variance from the mean."""
        several = (n for n in self.graph.nodes if len(n.outputs) > 1 and n.op not in SPLITS)
        return {name for node in several for name in node.outputs}

    def given(self, name: str) -> Array:
        """What is drawn for the layers that read this value; the same until it is tamed."""
        if name in self.graph.params:  # made of stored numbers
            return self.graph.params[name]
        if not self.drawn.gives(name):
            random = np.random.default_rng([self.attempt, zlib.crc32(name.encode())])
            limits, model = self.limits.get(name), self.real(name)
            how = REAL if name in self.fixed else self.how[name]
            if limits:
                limits = self.beyond(name, limits, model.dtype)
                found = draw_within(random, limits, model.shape, model.dtype)
            elif name in self.conditions:
                nonzero = np.where(model == 0, 1, model)
                found = np.where(random.random(model.shape) < 0.5, nonzero, 0)
            else:
                positive, weighed = self.positive(name, model), self.weighed(name)
                found = draw(model, how, random, positive, self.scale, weighed)
                if name in self.compared and how <= MODERATE:
                    equal = random.permutation(found.size)[: max(1, found.size // 4)]
                    found.flat[equal] = self.compared[name]
            self.drawn.give(name, found.astype(model.dtype))
        return self.drawn.given(name)

    def beyond(self, name: str, limits: Limits, dtype: Any) -> Limits:
        """With some numbers beyond the limits, where MXNet says what they mean."""
        reading = (n for n in self.graph.nodes if self.graph.operators[n.name].index_limits())
        defined = all(n.op in BEYOND and n.attrs.get("mode") != "raise" for n in reading)
        if not defined or limits.optional or not limits.whole or name in self.conditions:
            return limits
        low = limits.low if dtype.kind == "u" else limits.low - 2
        return limits._replace(low=low, high=limits.high + 2)

    @cached_property
    def conditions(self) -> Set[Optional[str]]:
        """Values that choose between two others: both must be chosen, as they never may be on the
        network's inputs."""
        return {node.inputs[0] for node in self.nodes if node.op == "where"}

    @cached_property
    def compared(self) -> Dict[str, float]:
        """Values that are compared with a number, or with each other -> where they are equal."""
        found: Dict[str, float] = {}
        for node in self.nodes:
            equal = float(node.attrs.get("scalar", 0))
            if node.op in COMPARISONS and equal == np.float32(equal):  # or rounding decides
                found.update({name: equal for name in filter(None, node.inputs)})
        return found

    def weighed(self, name: str) -> bool:
        """Does a layer multiply its numbers by a matrix, whose rows a 0 would hide?"""
        params = self.graph.params
        return any(
            node.op == "RNN" or any(params[n].ndim > 1 for n in stored.values())
            for node in self.readers[name]
            for stored in [places(self.graph, node, stored=True)]
        )

    def positive(self, name: str, model: Array) -> bool:
        """Does no input of the network make it negative? Its layer's result on drawn numbers, which
        comes before what is drawn for those that read it, says so too."""
        if name in self.truth.inputs or not model.size or model.min() < 0:
            return False
        return name not in self.drawn or bool(self.drawn.read(name, "float64").min() >= 0)

    def compute(self, node: Node) -> Set[str]:
        """Have MXNet compute the layer; returns those that must be computed again."""
        read = places(self.graph, node, stored=False)
        stored = list(places(self.graph, node, stored=True))
        try:
            given = {k: self.given(name) for k, name in read.items()}
            results, masks = self.model.isolated(node, given, stored)
        except RuntimeFailure:
            results, masks = [], {}
        if not results or not all(map(says_something, results, map(self.real, node.outputs))):
            tamed = {name for name in read.values() if self.tame(name)}
            if tamed:
                return {reader.name for name in tamed for reader in self.readers[name]}
        passed_on = self.passed_on.intersection(node.outputs)
        changed = [name for name in passed_on if self.drawn.gives(name)]
        for name, result in zip(node.outputs, results):
            self.drawn.keep(name, result)
            if name in passed_on:
                self.drawn.give(name, result)
        for k, mask in masks.items():
            self.drawn.reached[node.name, node.inputs[k] or ""] = mask
        return {reader.name for name in changed for reader in self.readers[name]}

    def tame(self, name: str) -> bool:
        """Draw other numbers from now on; False where there are none."""
        fixed = self.fixed.union(self.passed_on, self.graph.params, self.limits)
        if name in fixed or self.how[name] == REAL:
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


def draw(
    real: Array,
    how: int,
    random: np.random.Generator,
    positive: bool = False,
    scale: float = 1.0,
    weighed: bool = True,
) -> Array:
    """(N, C, ...) -> numbers in place of a layer's real ones, of the same shape and type, and about
    as large in each channel, but for `scale`.

    Args:
        weighed: as `_Drawing.weighed` has it.
    """
    if how == REAL or real.dtype.kind != "f" or not (real.size and np.abs(real).max() < LARGEST):
        return real
    numbers = channels(real)
    if how == BETWEEN:
        low, high = (f(numbers, axis=(0, 2), keepdims=True) for f in (np.min, np.max))
        found = low + (high - low) * random.random(numbers.shape)
    else:
        sizes = np.sqrt(np.mean(np.square(numbers, dtype=np.float64), axis=(0, 2), keepdims=True))
        size = float(np.sqrt(np.mean(sizes * sizes))) or 1.0
        sizes = scale * np.maximum(sizes, size / 16)
        found = random.uniform(-(3**0.5), 3**0.5, numbers.shape) * sizes
    found = found.reshape(real.shape)
    if how == MIXED:
        block = np.ix_(*(random.permutation(n)[: (n + 1) // 2] for n in real.shape))
        shape = found[block].shape
        found[block] = random.choice([-1, 1], shape) * random.uniform(*HUGE, shape)
    if how <= MODERATE:
        spared = weighed and (found.ndim < 3 or found[0, 0].size < MANY)
        rest = found[1:] if spared else found
        rest[random.random(rest.shape) < ZEROS] = 0
    if positive or how == POSITIVE:
        found = np.abs(found)
    result: Array = found.astype(real.dtype)
    return result
