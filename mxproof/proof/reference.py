"""The reference of a proof: MXNet run on chosen inputs, or a recording of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence

from converters import Graph

from ..runtimes.base import Inputs, StoredArray
from ..runtimes.mxnet.client import Mxnet
from .coverage.drawing import places, real
from .coverage.survey import Survey
from .trace import ReferenceTrace

#: How many inputs are drawn: where a network ends in few numbers, one draw of two roundings says
#: little about their ratio.
SAMPLES = 4
#: How often all numbers are moved by rounding, to see what that does. Of a single number, an error
#: over the root mean square of n draws of the same scatter has Student's distribution: with one
#: draw it is beyond 16, a channel's limit, once in 25 times, with eight once in 4 million.
DRAWS = 8


@dataclass(frozen=True)
class Reference:
    """Truths on several inputs, which can be gone through more than once.

    Attributes:
        truths: begins a pass through them; live, MXNet runs anew, and so many times more with all
            numbers moved by rounding.
        versions: of the MXNet that made them, and of its NumPy and Python.
        model: the network in MXNet; None for a recording, which holds its own inputs only.
        arrays: what the network reads of the file of parameters, as MXNet's loader has it; None
            where that is not known, and `note` says why.
        survey: what takes part in the proof, and what is drawn for its layers; None likewise.
    """

    truths: Callable[[int], Iterator[ReferenceTrace]]
    versions: Mapping[str, str]
    model: Optional[Mxnet] = None
    arrays: Callable[[], Optional[Sequence[StoredArray]]] = lambda: None
    note: str = "MXNet's stored numbers are not at hand"
    survey: Optional[Survey] = None

    def __iter__(self) -> Iterator[ReferenceTrace]:
        return self.truths(0)

    def closer(self) -> Iterator[ReferenceTrace]:
        """The same truths, which know what rounding alone may do; a recording does not."""
        return self.truths(DRAWS)

    def learn(self, truth: ReferenceTrace, graph: Graph, names: Iterable[str]) -> None:
        """Find out what rounding may do to these layers by themselves, where MXNet is there to
        ask."""
        nodes = {name: node for node in graph.nodes for name in node.outputs}
        for name in names:
            if self.model is None or name in graph.anchored or truth.knows_rounding(name):
                continue
            node = nodes[name]
            read = places(graph, node, stored=False)
            given = {k: real(graph, truth, n) for k, n in read.items()}
            for output, rounding in zip(node.outputs, self.model.rounding(node, given, DRAWS)):
                truth.learn(output, rounding)


def live(model: Mxnet, inputs: Sequence[Inputs], versions: Mapping[str, str]) -> Reference:
    """MXNet, run on each of the inputs whenever its results are asked for."""
    truths = lambda draws: (model.truth(x, draws) for x in inputs)  # noqa: E731
    return Reference(
        truths, versions, model, lambda: model.stored, survey=Survey(model, model.graph)
    )


def kept(evidence: Reference) -> Reference:
    """The same, run once for all passes, and once more for all closer ones."""
    truths: Dict[int, List[ReferenceTrace]] = {}

    def again(draws: int) -> Iterator[ReferenceTrace]:
        if draws not in truths:
            truths[draws] = list(evidence.truths(draws))
        return iter(truths[draws])

    return replace(evidence, truths=again)


def stored(
    truths: Sequence[ReferenceTrace],
    versions: Mapping[str, str] = MappingProxyType({}),
    arrays: Optional[Sequence[StoredArray]] = None,
) -> Reference:
    """Truths that are at hand; of rounding they know MXNet's own."""
    return Reference(lambda draws: iter(truths), versions, arrays=lambda: arrays)
