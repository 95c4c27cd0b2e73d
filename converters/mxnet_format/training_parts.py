"""Find the parts of a symbol that only training computes.

A checkpoint often holds the symbol that was trained: heads that are losses, and layers that make
labels from other labels (SSD's MultiBoxTarget). Inference computes neither.

1. Labels that layers make are cut away from the loss layers, which do not read them in inference.
2. Heads that need a training operator or a variable of labels are dropped, and the network's own
   results that they compare with labels (SSD's box regression) are returned in their place, unless
   an output that stays is computed from them.

mxproof/runtimes/mxnet/listing.py holds the result to MXNet's own listing of the file.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import reduce
from operator import or_
from typing import Callable, Collection, Iterable, List, Sequence, Tuple

from ..passes.fold_constants import input_roles
from .symbol import Entry, Symbol, SymbolNode

#: Operators (patterns) that make a loss, or labels, of the labels that are their input number 1.
#: Source: ListArguments in src/operator/nn/ctc_loss-inl.h, contrib/multibox_target-inl.h and
#: loss_binary_op-inl.h; plugin/warpctc/warpctc-inl.h.
TRAINING = ("*CTCLoss", "*ctc_loss", "WarpCTC", "_contrib_MultiBoxTarget", "softmax_cross_entropy")
LABEL_PLACE = 1
#: Heads that are losses where a variable of labels reaches them.
LOSSES = ("MakeLoss", "make_loss", "Custom")
#: What variables of labels are called.
LABELS = re.compile("label|target|truth|(^|_)gt(_|$)", re.IGNORECASE)

Places = List[Tuple[int, int]]  # (index of a node, number of one of its inputs)


def made_labels(symbol: Symbol, stated: Collection[str]) -> Places:
    """The inputs of loss layers that are labels which other layers make.

    Args:
        stated: names of inputs; labels made of one that nothing else needs are left out, but for
            those of training operators.
    """
    found = _labels(symbol, variables=False)
    if not found:
        return []
    needed = union(_cones(symbol, found)[i] for i, _ in symbol.heads)
    wanted = _variables(symbol, lambda name: name in stated) & ~needed
    whole = _cones(symbol)
    trains = union(1 << i for i, node in enumerate(symbol.nodes) if _trains(node))
    cones = [whole[symbol.nodes[i].inputs[place][0]] for i, place in found]
    return [e for e, cone in zip(found, cones) if not wanted & cone or trains & cone]


def inference_heads(
    symbol: Symbol, stored: Collection[str], stated: Collection[str]
) -> Tuple[Entry, ...]:
    """The outputs that a network has in inference; its own heads where all are, or none would be.

    Args:
        stored: names of the parameters.
        stated: names of inputs that the user wants: what needs one of them is no loss.
    """
    training = _Training(symbol, stored, stated)
    kept = {head for head in symbol.heads if head[0] not in training}
    if len(kept) == len(set(symbol.heads)):
        return symbol.heads
    replaced = {head: training.compared(head[0]) for head in symbol.heads if head not in kept}
    ends = {i for entries in (kept, *replaced.values()) for i, _ in entries}
    found: List[Entry] = []
    for head in symbol.heads:
        found += [head] if head in kept else []
        found += [
            entry
            for entry in dict.fromkeys(replaced.get(head, ()))
            if entry not in kept.union(found) and not training.needed(entry[0], ends)
        ]
    layers = bool(found) and not any(symbol.nodes[i].is_variable for i, _ in found)
    return tuple(found) if layers else symbol.heads


class _Training:
    """What of a network only training computes: sets of nodes, as bits of a number."""

    def __init__(self, symbol: Symbol, stored: Collection[str], stated: Collection[str]) -> None:
        self.nodes, self.heads = symbol.nodes, [i for i, _ in symbol.heads]
        self.cones = _cones(symbol, _labels(symbol, variables=True) + made_labels(symbol, stated))
        self.stated = _variables(symbol, lambda name: name in stated)
        self.free = _variables(symbol, lambda name: name not in stored)
        self.operators = union(1 << i for i, node in enumerate(self.nodes) if self._trains(node))
        self.roots = self.operators | self._only_losses_need(symbol)

    def __contains__(self, index: int) -> bool:
        return bool(self.cones[index] & self.roots)

    def needed(self, index: int, others: Collection[int]) -> bool:
        """Is the node needed to compute one of the others?"""
        return any(self.cones[other] >> index & 1 for other in others if other != index)

    def _trains(self, node: SymbolNode) -> bool:
        """Is it a training operator? One that can be converted is none on labels of the user's."""
        if node.op == "softmax_cross_entropy":
            return not union(self.cones[i] for i, _ in node.inputs[LABEL_PLACE:]) & self.stated
        return _trains(node)

    def _only_losses_need(self, symbol: Symbol) -> int:
        """The variables that only losses need: called as labels are, or needed by `MakeLoss` alone
        in a network that has other outputs."""
        named = _variables(symbol, lambda name: bool(LABELS.search(name)))
        other = self.free & ~_variables(symbol, lambda name: "label" in name)
        losses = {i for i in self.heads if self._is_loss(i) or not self.cones[i] & other}
        kept = union(self.cones[i] for i in self.heads if i not in losses) & self.free
        custom = union(self.cones[i] for i in losses if self.nodes[i].op == "Custom")
        only = union(self.cones[i] for i in losses) & self.free & ~kept
        only &= named | ~custom if kept else named
        wanted = [i for i in losses if self.cones[i] & only & self.stated]
        return only & ~union(self.cones[i] for i in wanted)

    def _is_loss(self, index: int) -> bool:
        """Does this head need a training operator, or is it a loss that has a weight?"""
        node = self.nodes[index]
        weighs = not re.fullmatch(r"[0.]+", node.attrs.get("grad_scale", "1"))
        return bool(self.cones[index] & self.operators) or (node.op in LOSSES and weighs)

    def compared(self, head: int) -> List[Entry]:
        """What the training layers behind this head read of the network."""
        return [
            (source, output)
            for index, node in enumerate(self.nodes)
            if self.cones[head] >> index & 1 and index in self
            for place, (source, output) in enumerate(node.inputs)
            if not (self.operators >> index & 1 and place == LABEL_PLACE)
            if not self.nodes[source].is_variable
            if source not in self and self.cones[source] & self.free
        ]


def _trains(node: SymbolNode) -> bool:
    return any(fnmatchcase(node.op, pattern) for pattern in TRAINING)


def union(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)


def _variables(symbol: Symbol, wanted: Callable[[str], bool]) -> int:
    return union(1 << i for i, n in enumerate(symbol.nodes) if n.is_variable and wanted(n.name))


def _labels(symbol: Symbol, *, variables: bool) -> Places:
    """The inputs that layers read as labels, in training only: variables, or layers' results."""
    return [
        (index, place)
        for index, node in enumerate(symbol.nodes)
        for place, ((source, _), role) in enumerate(zip(node.inputs, input_roles(node)))
        if role == "label" and symbol.nodes[source].is_variable == variables
    ]


def _cones(symbol: Symbol, labels: Sequence[Tuple[int, int]] = ()) -> List[int]:
    """For each node all that it needs, itself included, but for what only `labels` need."""
    cut = set(labels)
    cones: List[int] = []
    for index, node in enumerate(symbol.nodes):
        read = (
            source for place, (source, _) in enumerate(node.inputs) if (index, place) not in cut
        )
        cones.append(union(cones[i] for i in read) | 1 << index)
    return cones
