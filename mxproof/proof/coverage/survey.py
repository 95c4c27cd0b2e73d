"""Survey which parts take part in a proof, and draw inputs for the layers that it leaves out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import AbstractSet, Any, Dict, Iterator, List, Tuple
from weakref import WeakKeyDictionary

import numpy as np

from converters import Graph, Node

from ...runtimes.base import Array, RuntimeFailure
from ...runtimes.mxnet.client import Mxnet
from ..trace import ReferenceTrace
from .coverage import Coverage, Ranges, Share
from .drawing import ATTEMPTS, CHOOSING, chooses, draw_layers, places, real
from .drawn import Drawn

#: How many truths are followed through the network, to see what takes part on its own inputs: a
#: plain one and a sparse one. What is drawn for the layers decides; this only says how much the
#: chain saw.
FOLLOWED = 2
#: Operators in which a small input leaves some stored numbers out: weights that meet nothing but
#: padding, anchors or positions that are cut off.
WINDOWS = (
    *("Convolution", "Convolution_v1", "Deconvolution"),
    *("Crop", "slice", "slice_axis", "slice_like"),
)
PADDING = "out of reach in inputs of these sizes (padding, or cut off); larger ones may reach them"
LOOKED_UP = "looked up by indices, of which inputs reach a few"


@dataclass
class Survey:
    """Goes through the truths of a proof: counts what takes part, and draws for the layers on the
    pattern of the first; on that of another, for those whose numbers did not all take part."""

    model: Mxnet
    graph: Graph
    _drawn: Any = field(default_factory=WeakKeyDictionary)

    def __post_init__(self) -> None:
        params = self.graph.params
        nothing: Dict[str, Array] = {n: np.broadcast_to(False, a.shape) for n, a in params.items()}
        self.chain, self.isolated = dict(nothing), dict(nothing)
        #: What would take part in a convolution without zeros, for those that were asked about.
        self.reachable: Dict[str, Array] = {}
        self.ranges = {name: Ranges() for name in ("chain", "isolated", "read", "given")}

    def drawn(self, truth: ReferenceTrace, number: int) -> List[Drawn]:
        """What is drawn on the pattern of this truth; once, however often it is asked for.

        Args:
            number: of the truth, from 0.
        """
        if truth not in self._drawn:
            self._drawn[truth] = self._look(truth, number)
        found: List[Drawn] = self._drawn[truth]
        return found

    def _look(self, truth: ReferenceTrace, number: int) -> List[Drawn]:
        if number < FOLLOWED:
            self._follow(truth)
        found: List[Drawn] = []
        nodes = self._lacking(truth) if number else list(self.graph.nodes)
        for attempt in range(len(ATTEMPTS)):
            drawn = draw_layers(self.model, self.graph, truth, nodes, attempt)
            if drawn is None:
                break
            found.append(drawn)
            self._add(drawn)
            nodes = self._lacking(truth)
        return found

    def _follow(self, truth: ReferenceTrace) -> None:
        """What takes part on a truth's own inputs."""
        for name in truth.names:
            self.ranges["chain"].add(name, truth.read(name, "float64"))
        for name in self._rectified():
            self.ranges["read"].add(name, real(self.graph, truth, name))
        for node in self.graph.nodes:
            names = places(self.graph, node, stored=True).items()
            stored = [k for k, name in names if not whole(self.chain[name])]
            if stored:
                read = places(self.graph, node, stored=False).items()
                inputs = {k: real(self.graph, truth, n) for k, n in read}
                for name, mask in self._masks(node, inputs, stored).items():
                    _join(self.chain, name, mask)

    def _add(self, drawn: Drawn) -> None:
        for (_, name), mask in drawn.reached.items():
            _join(self.isolated, name, mask)
        for name in drawn.names:
            self.ranges["isolated"].add(name, drawn.read(name, "float64"))
        for name in self._rectified():
            self.ranges["given"].add(name, drawn.given(name))

    def _rectified(self) -> List[str]:
        """Values that a ReLU reads."""
        return [n.inputs[0] or "" for n in self.graph.nodes if rectifies(n)]

    def _lacking(self, truth: ReferenceTrace) -> List[Node]:
        """The layers that read stored numbers which have yet to take part in one by itself, and
        may on inputs of these sizes."""
        missing = self._missing()
        found = []
        for node in self.graph.nodes:
            names = missing.keys() & places(self.graph, node, stored=True).values()
            if node.op in WINDOWS and names:
                masks = self._reachable(node, truth)
                names = {name for name in names if (missing[name] & masks.get(name, True)).any()}
            if names:
                found.append(node)
        return found

    def _reachable(self, node: Node, truth: ReferenceTrace) -> Dict[str, Array]:
        """Stored array -> what would take part if no number of the input were 0."""
        read = places(self.graph, node, stored=False)
        inputs = {k: np.ones_like(real(self.graph, truth, name)) for k, name in read.items()}
        masks = self._masks(node, inputs, list(places(self.graph, node, stored=True)))
        for name, mask in masks.items():
            self.reachable[name] = self.reachable.get(name, False) | mask
        return masks

    def _masks(self, node: Node, inputs: Dict[int, Array], stored: List[int]) -> Dict[str, Array]:
        """Stored array -> which of its numbers take part; none if MXNet does not say."""
        with suppress(RuntimeFailure):
            masks = self.model.isolated(node, inputs, stored, run=False)[1]
            return {node.inputs[k] or "": mask for k, mask in masks.items()}
        return {}

    def _missing(self) -> Dict[str, Array]:
        """Stored array -> which of its numbers took part in no layer, though they might."""
        lacking = {n: found for n, found in self.isolated.items() if not whole(found)}
        exempt = self._exempt() if lacking else {}
        left = {n: ~m & ~exempt[n][0] if n in exempt else ~m for n, m in lacking.items()}
        return {name: mask for name, mask in left.items() if mask.any()}

    def _exempt(self) -> Dict[str, Tuple[Array, str]]:
        """Array -> which of its numbers need not take part, and why."""
        found: Dict[str, Tuple[Array, str]] = {}
        for node in self.graph.nodes:
            stored = set(places(self.graph, node, stored=True).values())
            for name, numbers, why in exemptions(self.graph, node, stored):
                looked_up = why == LOOKED_UP and not self.isolated[name].any()
                if numbers.any() and not looked_up:
                    found[name] = np.broadcast_to(numbers, self.isolated[name].shape), why
        return found

    def coverage(self) -> Coverage:
        exempt, missing = self._exempt(), self._missing()
        for name in missing.keys() & self.reachable.keys():
            padding = missing[name] & ~self.reachable[name]
            if padding.any():
                exempt[name] = padding, PADDING
                missing[name] = missing[name] & ~padding
        spared = {name: int(mask.sum()) for name, (mask, _) in exempt.items()}
        total = sum(mask.size for mask in self.chain.values()) - sum(spared.values())
        chain, isolated = (
            sum(int((m & ~exempt[n][0] if n in exempt else m).sum()) for n, m in masks.items())
            for masks in (self.chain, self.isolated)
        )
        counts = {name: int(mask.sum()) for name, mask in missing.items() if mask.any()}
        readers = {n: node.name for node in self.graph.nodes for n in node.inputs if n in counts}
        ranges = self.ranges
        varied = [ranges[r].varied() for r in ("chain", "isolated")]
        signs = [ranges[r].of_both_signs() for r in ("read", "given")]
        return Coverage(
            Share(total, chain, isolated),
            Share(ranges["chain"].channels(), *varied),
            Share(ranges["read"].channels(), *signs),
            counts,
            {name: f"{spared[name]} numbers: {why}" for name, (_, why) in exempt.items()},
            readers,
        )


def _join(masks: Dict[str, Array], name: str, mask: Array) -> None:
    """What takes part now, too. All of an array takes no memory."""
    if not whole(masks[name]):
        shape = masks[name].shape
        both = mask if mask.all() else masks[name] | mask
        masks[name] = np.broadcast_to(True, shape) if both.all() else both


def whole(mask: Array) -> bool:
    """Is it all of an array, as `_join` has it?"""
    return not any(mask.strides) and bool(mask.all() if mask.size < 2 else mask.flat[0])


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
