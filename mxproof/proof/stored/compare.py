"""Every stored number, compared bit for bit: the checkpoint as MXNet's own loader reads it, and the
converted file as other libraries read it.

Layers are compared on inputs, which never reach weights that only multiply zeros there. Here they
are seen. For each layer of MXNet's that reads a stored array, the tensors that this layer reads in
the file must hold it:

- one of them has the same bytes in the same order, whatever its shape; or
- tensors of other shapes hold its numbers in any order: gates are ordered otherwise, or arrays are
  joined. That the order is right is what the proof in float64 shows.

Exempt, with a reason that is reported, are arrays that MXNet's definition of the operator does not
read, and those that a requested change computes anew. Bits are compared: a NaN equals the same NaN,
and -0 is not 0.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np

from converters import Graph
from converters import operators as ops
from converters.ir.graph import Node
from converters.passes.fold_constants import FOLDS

from ...runtimes.base import Array, RuntimeFailure, StoredArray, StoredTensor
from ...runtimes.mxnet.worker.protocol import digest
from ...runtimes.registry import TARGETS
from ..reference import Reference
from .stored import DIFFERENT, EQUAL, EXEMPT, REARRANGED, Finding, StoredProof

FOLDED = "batch norms are folded, as requested"
READER = "of {}, MXNet's loader reads other numbers than converters.load_params does"
UNREAD = "no converted layer reads the array {!r}, which MXNet reads"

Held = Tuple[StoredTensor, str]  # and its digest


def prove_stored(graph: Graph, evidence: Reference, target: str, path: Path) -> StoredProof:
    """All stored numbers of a converted model.

    Raises:
        RuntimeFailure: a library that reads the files is not installed, or MXNet died.
    """
    arrays = evidence.arrays()
    if arrays is None:
        return StoredProof(note=evidence.note)
    try:
        file, tensors = TARGETS[target].stored(path)
        return compare_stored(graph, arrays, tensors, file)
    except RuntimeFailure:
        raise
    except Exception as error:  # whatever is wrong with a file is a failed proof
        return StoredProof(note="", problem=f"{type(error).__name__}: {error}")


def compare_stored(
    graph: Graph, arrays: Sequence[StoredArray], tensors: Iterable[StoredTensor], file: str
) -> StoredProof:
    """Look for each array in what its layers read.

    Args:
        arrays: as MXNet reads them.
        tensors: of the converted file; read here one at a time.
        file: its name.
    """
    stored = {array.name: array for array in arrays}
    by_layer: Dict[str, List[Held]] = {}
    for tensor in tensors:
        held = tensor, digest(tensor.load())
        for layer in tensor.layers:
            by_layer.setdefault(layer, []).append(held)
    found: Dict[str, Finding] = {}
    for node, roles in _readers(graph, stored):
        wanted = [_Wanted(graph, node, role, stored[name]) for name, role in roles.items()]
        own = {held for output in node.outputs for held in by_layer.get(output, ())}
        for name, finding in zip(roles, _look(wanted, own, file)):
            found[name] = found[name].worst(finding) if name in found else finding
    changed = _changed(graph)
    for array in arrays:
        unread = Finding(DIFFERENT, array.size, UNREAD.format(array.name))
        rest = Finding(EXEMPT, array.size, FOLDED) if array.name in changed else unread
        found.setdefault(array.name, rest)
    return StoredProof({name: found[name] for name in stored}, note="")


def _look(wanted: Sequence[_Wanted], held: Iterable[Held], file: str) -> Iterator[Finding]:
    """What becomes of one layer's arrays: each takes a tensor of its own, if one has its bytes."""
    left = sorted(held, key=lambda each: each[0].name)
    taken = []
    for each in wanted:
        taken.append(next((held for held in left if held[1] == each.digest), None))
        left = [held for held in left if held is not taken[-1]]
    rest = [tensor.load() for tensor, _ in left] if None in taken else []
    for each, one in zip(wanted, taken):
        yield each.found if one else each.search(rest, file)


def _readers(
    graph: Graph, stored: Mapping[str, StoredArray]
) -> Iterator[Tuple[Node, Dict[str, str]]]:
    """Each layer that was converted as it is, and array -> role of all that it reads, also through
    layers that were folded into parameters."""
    original = {node.name: node for node in graph.listed}
    folded = {n.name: n.inputs for n in graph.listed if n.op in FOLDS and n not in graph.nodes}

    def arrays(name: Optional[str]) -> List[str]:
        if name in stored:
            return [str(name)]
        return [a for read in folded.get(name or "", ()) for a in arrays(read)]

    for node in graph.nodes:
        roles = [*ops.input_names(node.op, node.attrs), *[""] * len(node.inputs)]
        names = {a: role for name, role in zip(node.inputs, roles) for a in arrays(name)}
        if names and original.get(node.name) == node:
            yield node, names


def _changed(graph: Graph) -> Set[str]:
    """What layers read that a requested change took away or altered."""
    now = {node.name: node for node in graph.nodes}
    changed = [n for n in graph.listed if now.get(n.name) != n and n.op not in FOLDS]
    return {name for node in changed for name in node.inputs if name}


class _Wanted:
    """A stored array as one layer must find it in the file."""

    def __init__(self, graph: Graph, node: Node, role: str, stored: StoredArray) -> None:
        why, fixed = graph.operators[node.name].unread().get(role, ("", None))
        params = graph.params if stored.name in graph.params else graph.unfolded_params
        self.original, self.array = params[stored.name], graph.widened(params[stored.name])
        if fixed is not None:
            self.array = np.full_like(self.array, fixed)
        known = self.array.dtype == stored.dtype and fixed is None
        self.digest = stored.digest if known else digest(self.array)
        self.layer, self.stored = (node.op, node.outputs[0]), stored
        self.named = f"its {role or 'array'} {stored.name!r}"
        self.found = Finding(EXEMPT if why else EQUAL, stored.size, why)
        if not known and digest(self.original) != stored.digest:
            self.found = self._different(READER.format(self.named))

    def search(self, tensors: Sequence[Array], file: str) -> Finding:
        """The array was not found as it is.

        Args:
            tensors: that the layer reads, but for those that are other arrays.
        """
        if digest(self.original) != self.stored.digest:
            return self._different(READER.format(self.named))
        tensors = [array for array in tensors if array.dtype == self.array.dtype]
        alike = [array for array in tensors if array.shape == self.array.shape]
        if alike:
            apart = [bits(array) != bits(self.array) for array in alike]
            nearest = min(range(len(alike)), key=lambda k: int(apart[k].sum()))
            return self._different(self._words(apart[nearest], file, alike[nearest]))
        missing = absent(self.array, tensors)
        if self.found.why or not self.array.size:
            return self.found
        if missing.any():
            return self._different(self._words(missing, file))
        return replace(self.found, verdict=REARRANGED)

    def _different(self, why: str) -> Finding:
        return Finding(DIFFERENT, self.stored.size, why, (self.layer,))

    def _words(self, missing: Array, file: str, other: Optional[Array] = None) -> str:
        count, place = int(missing.sum()), tuple(map(int, np.argwhere(missing)[0]))
        verb = "is" if count == 1 else "are"
        have = shown(self.array, place)
        there = f", {file} {shown(other, place)}" if other is not None else ""
        found = f"{count:,} of {self.array.size:,} numbers of {self.named} {verb} not in {file}"
        return f"{found}; at {place} MXNet has {have}{there}"


def bits(array: Array) -> Array:
    """The numbers as unsigned integers."""
    whole: Array = np.asarray(array, order="C").view(f"u{array.dtype.itemsize}")
    return whole


def absent(array: Array, others: Sequence[Array]) -> Array:
    """Which numbers of the array the others do not hold, of its shape; of equal numbers, which the
    others hold less often, the last ones."""
    everything = np.concatenate([bits(a).ravel() for a in (array, *others)])
    values, places = np.unique(everything, return_inverse=True)
    own, rest = places[: array.size], places[array.size :]
    needed, there = (np.bincount(each, minlength=len(values)) for each in (own, rest))
    order = np.argsort(own, kind="stable")
    number = np.empty_like(order)  # of each among its equals
    number[order] = np.arange(len(order)) - (np.cumsum(needed) - needed)[own[order]]
    short: Array = (number >= there[own]).reshape(array.shape)
    return short


def shown(array: Array, place: Tuple[int, ...]) -> str:
    """A number such that no other one of its type reads alike."""
    number = array[place]
    pattern = int(bits(array)[place])
    return f"{number!s} ({pattern:#x})" if number != number else str(number)
