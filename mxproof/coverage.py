"""How much of a network took part in its proof: stored numbers, channels, and signs before ReLUs.

A number that no result depends on, on the inputs at hand, could be any other and the proof would
not see it. In the chain some always are: behind a ReLU that is 0 everywhere, say. So each layer is
judged by itself as well, on inputs drawn for it (see drawn.py), and there every number must take
part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import AbstractSet, Any, Dict, Iterator, List, Mapping, Tuple
from weakref import WeakKeyDictionary

import numpy as np

from converters import Graph, Node

from .check import channels
from .drawn import ATTEMPTS, CHOOSING, Drawn, chooses, draw_layers, places, real
from .runtimes.base import Array
from .runtimes.mxnet import Mxnet
from .truth import Truth


@dataclass(frozen=True)
class Share:
    """Of `total`, how many took part in the chain, and in a layer by itself."""

    total: int
    chain: int
    isolated: int


@dataclass(frozen=True)
class Coverage:
    """
    Attributes:
        stored: numbers, but for those that are exempt.
        channels: of layers' results, that are not the same number everywhere.
        relu_signs: channels that a ReLU reads, in which it saw numbers of both signs.
        missing: array -> how many of its numbers took part in no layer by itself.
        exempt: array -> why some or all of its numbers can take part in none, or in few.
        readers: array -> a layer that reads it, for those that are missing.
    """

    stored: Share
    channels: Share
    relu_signs: Share
    missing: Mapping[str, int]
    exempt: Mapping[str, str]
    readers: Mapping[str, str]

    @property
    def problems(self) -> List[str]:
        """A phrase, if stored numbers took part in no layer."""
        if not self.missing:
            return []
        named = [f"{n} of {a!r} ({self.readers[a]})" for a, n in self.missing.items()]
        more = f" and {len(named) - 5} more arrays" if len(named) > 5 else ""
        return [
            f"{sum(self.missing.values()):,} of {self.stored.total:,} stored numbers took part in "
            f"no layer, not even by itself on inputs drawn for it, so nothing is known of them: "
            f"{', '.join(named[:5])}{more}"
        ]


class Ranges:
    """The smallest and the largest number in each channel of each value, over all inputs."""

    def __init__(self) -> None:
        self.known: Dict[str, Tuple[Array, Array]] = {}

    def add(self, name: str, array: Array) -> None:
        if not array.size:
            return
        low, high = (f(channels(array), axis=(0, 2)) for f in (np.min, np.max))
        if low.size == array.size:  # one number each: it is something if it is not 0
            low = np.minimum(low, 0)
        known = self.known.get(name, (low, high))
        if len(known[0]) != len(low):  # another axis is second: a batch's, of any size
            low, high = low.min(keepdims=True), high.max(keepdims=True)
            known = known[0].min(keepdims=True), known[1].max(keepdims=True)
        self.known[name] = np.minimum(low, known[0]), np.maximum(high, known[1])

    def channels(self) -> int:
        return sum(len(low) for low, _ in self.known.values())

    def varied(self) -> int:
        return sum(int((low < high).sum()) for low, high in self.known.values())

    def of_both_signs(self) -> int:
        return sum(int(((low < 0) & (high > 0)).sum()) for low, high in self.known.values())


@dataclass
class Survey:
    """Goes through the truths of a proof: counts what takes part, and draws for the layers on the
    pattern of the first; on that of another, for those whose numbers did not all take part."""

    model: Mxnet
    graph: Graph
    _drawn: Any = field(default_factory=WeakKeyDictionary)

    def __post_init__(self) -> None:
        params = self.graph.params
        self.chain, self.isolated = (
            {n: np.zeros(a.shape, bool) for n, a in params.items()} for _ in range(2)
        )
        self.ranges = {name: Ranges() for name in ("chain", "isolated", "read", "given")}

    def drawn(self, truth: Truth, number: int) -> List[Drawn]:
        """What is drawn on the pattern of this truth; once, however often it is asked for.

        Args:
            number: of the truth, from 0.
        """
        if truth not in self._drawn:
            self._drawn[truth] = self._look(truth, number)
        found: List[Drawn] = self._drawn[truth]
        return found

    def _look(self, truth: Truth, number: int) -> List[Drawn]:
        self._follow(truth)
        found: List[Drawn] = []
        nodes = self._lacking() if number else list(self.graph.nodes)
        for attempt in range(len(ATTEMPTS)):
            drawn = draw_layers(self.model, self.graph, truth, nodes, attempt)
            if drawn is None:
                break
            found.append(drawn)
            self._add(drawn)
            nodes = self._lacking()
        return found

    def _follow(self, truth: Truth) -> None:
        """What takes part on a truth's own inputs."""
        for name in truth.names:
            self.ranges["chain"].add(name, truth.read(name, "float64"))
        for name in self._rectified():
            self.ranges["read"].add(name, real(self.graph, truth, name))
        for node in self.graph.nodes:
            stored = [
                k
                for k, n in places(self.graph, node, stored=True).items()
                if not self.chain[n].all()
            ]
            if stored:
                read = places(self.graph, node, stored=False).items()
                inputs = {k: real(self.graph, truth, n) for k, n in read}
                masks = self.model.isolated(node, inputs, stored, run=False)[1]
                for k, mask in masks.items():
                    self.chain[node.inputs[k] or ""] |= mask

    def _add(self, drawn: Drawn) -> None:
        for (_, name), mask in drawn.reached.items():
            self.isolated[name] |= mask
        for name in drawn.names:
            self.ranges["isolated"].add(name, drawn.read(name, "float64"))
        for name in self._rectified():
            self.ranges["given"].add(name, drawn.given(name))

    def _rectified(self) -> List[str]:
        """Values that a ReLU reads."""
        return [n.inputs[0] or "" for n in self.graph.nodes if rectifies(n)]

    def _lacking(self) -> List[Node]:
        """The layers that read stored numbers which have yet to take part in one by itself."""
        missing = self._missing()
        return [node for node in self.graph.nodes if not missing.keys().isdisjoint(node.inputs)]

    def _missing(self) -> Dict[str, int]:
        exempt = {name: mask for name, (mask, _) in self._exempt().items()}
        left = {n: ~found & ~exempt.get(n, False) for n, found in self.isolated.items()}
        return {name: int(mask.sum()) for name, mask in left.items() if mask.any()}

    def _exempt(self) -> Dict[str, Tuple[Array, str]]:
        """Array -> which of its numbers need not take part, and why."""
        found: Dict[str, Tuple[Array, str]] = {}
        for node in self.graph.nodes:
            stored = {n for n in node.inputs if n is not None and n in self.graph.params}
            for name, numbers, why in exemptions(self.graph, node, stored):
                looked_up = why == LOOKED_UP and not self.isolated[name].any()
                if numbers.any() and not looked_up:
                    found[name] = np.broadcast_to(numbers, self.isolated[name].shape), why
        return found

    def coverage(self) -> Coverage:
        exempt = self._exempt()
        all_of = {n: ~exempt[n][0] if n in exempt else True for n in self.isolated}
        chain, isolated = (
            sum(int((mask & all_of[n]).sum()) for n, mask in masks.items())
            for masks in (self.chain, self.isolated)
        )
        total = sum(int(np.sum(np.ones(m.shape, bool) & all_of[n])) for n, m in self.chain.items())
        missing = self._missing()
        readers = {n: node.name for node in self.graph.nodes for n in node.inputs if n in missing}
        ranges = self.ranges
        return Coverage(
            Share(total, chain, isolated),
            Share(
                *(ranges["chain"].channels(), *(ranges[r].varied() for r in ("chain", "isolated")))
            ),
            Share(
                *(
                    ranges["read"].channels(),
                    *(ranges[r].of_both_signs() for r in ("read", "given")),
                )
            ),
            missing,
            {name: f"{int(mask.sum())} numbers: {why}" for name, (mask, why) in exempt.items()},
            readers,
        )


LOOKED_UP = "looked up by indices, of which inputs reach a few"


def exemptions(
    graph: Graph, node: Node, stored: AbstractSet[str]
) -> Iterator[Tuple[str, Array, str]]:
    """Arrays that a layer reads, which of their numbers no input can bring into play, and why."""
    operator = graph.operators[node.name]
    roles = {role: n for role, n in zip(operator.input_names(), node.inputs) if n is not None}
    every = np.ones(1, bool)
    if chooses(graph, node):
        yield from ((n, every, "read by a layer that chooses: judged in the chain") for n in stored)
    if not CHOOSING.union(operator.index_limits()).isdisjoint(roles):
        yield from ((n, every, LOOKED_UP) for n in stored)
    if "moving_avg" in roles:
        yield roles["moving_avg"], every, "read in training only"
    gamma = roles.get("gamma", "")
    if "moving_var" not in roles or gamma not in stored:
        return
    if getattr(operator, "fix_gamma", False):
        yield gamma, every, "not read: fix_gamma says that it is 1"
        return
    dead = graph.params[gamma] == 0
    for role in ("moving_mean", "moving_var"):
        if roles[role] in stored:
            yield roles[role], dead, "of channels that are multiplied by a gamma of 0"


def rectifies(node: Node) -> bool:
    return node.op in ("relu", "LeakyReLU") or node.attrs.get("act_type") == "relu"
