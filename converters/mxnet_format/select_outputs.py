"""Select the part of a symbol to convert: the requested outputs, or those that inference
computes."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Collection, Iterable, List, NamedTuple, Sequence, Tuple

from ..errors import CheckpointError
from .naming import distinct_names, layer_outputs
from .symbol import VARIABLE, Entry, Symbol, SymbolNode, in_visiting_order
from .training_parts import Places, inference_heads, made_labels


class Selection(NamedTuple):
    """
    Attributes:
        symbol: what is converted.
        heads: its outputs in the whole symbol.
        cut_at, made_labels: see `Graph`.
        dropped: the whole symbol's outputs that only training needs.
    """

    symbol: Symbol
    heads: Tuple[Entry, ...]
    cut_at: Tuple[Entry, ...]
    made_labels: Tuple[Tuple[int, int, str], ...]
    dropped: Tuple[Entry, ...] = ()


def select(
    whole: Symbol, outputs: Sequence[str], stored: Collection[str], stated: Collection[str]
) -> Selection:
    """What of a symbol is converted.

    Args:
        outputs: names of layers, if the user chooses.
        stored: names of the parameters.
        stated: names of inputs that the user wants.

    Raises:
        CheckpointError: no layer has such a name.
    """
    heads = choose(whole, outputs) if outputs else inference_heads(whole, stored, stated)
    cut_at = by_layer(whole, heads) if outputs or heads != whole.heads else ()
    symbol = in_visiting_order(replace(whole, heads=heads))
    symbol, labels = without(symbol, made_labels(symbol, stated))
    dropped = () if outputs else tuple(dict.fromkeys(h for h in whole.heads if h not in heads))
    return Selection(symbol, heads, cut_at, labels, dropped)


def choose(symbol: Symbol, outputs: Sequence[str]) -> Tuple[Entry, ...]:
    """The outputs of layers with these names: `fc`, or as MXNet lists it, `fc_output`.

    Raises:
        CheckpointError: no layer has such a name.
    """
    values, names = distinct_names(symbol)
    listed = layer_outputs(symbol)
    chosen: List[Entry] = []
    for wanted in outputs:
        found = [e for e in listed if wanted in (names[e[0]], values[e], f"{values[e]}_output")]
        if not found:
            near = difflib.get_close_matches(wanted, names, 5)
            hint = f"Close to it: {', '.join(near)}." if near else f"The last is {names[-1]}."
            raise CheckpointError(f"--output {wanted}: the network has no such layer. {hint}")
        chosen += found
    return tuple(chosen)


def by_layer(symbol: Symbol, entries: Iterable[Entry]) -> Tuple[Entry, ...]:
    """(number among all layers, output), which MXNet agrees on, however many outputs and auxiliary
    states the layers between have."""
    layers = [i for i, node in enumerate(symbol.nodes) if not node.is_variable]
    return tuple((layers.index(i), output) for i, output in entries)


def without(symbol: Symbol, labels: Places) -> Tuple[Symbol, Tuple[Tuple[int, int, str], ...]]:
    """The symbol with variables in place of these labels, and without the layers that made them.

    Returns:
        The symbol, and for each label the number of the layer that reads it (of all layers
        before), the number of the input, and the variable.
    """
    nodes, taken = list(symbol.nodes), {n.name for n in symbol.nodes}
    names: List[str] = []
    for index, place in labels:
        reader = nodes[index]
        label = f"{reader.name}_label"
        while label in taken:
            label += "_"
        taken.add(label)
        read = list(reader.inputs)
        read[place] = (len(nodes), 0)
        nodes[index] = replace(reader, inputs=tuple(read))
        nodes.append(SymbolNode(VARIABLE, label))
        names.append(label)
    numbers = by_layer(symbol, labels)
    made = tuple((number, place, name) for (number, place), name in zip(numbers, names))
    return in_visiting_order(replace(symbol, nodes=tuple(nodes))), made
