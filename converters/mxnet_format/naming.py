"""Distinct names for layers: MXNet allows several nodes of one name, a Graph does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Set, Tuple

from .. import operators as ops
from ..ir.names import unused
from .symbol import Entry, Symbol


def distinct_names(symbol: Symbol) -> Tuple[Dict[Entry, str], List[str]]:
    """(Names of all outputs, names of all nodes), every one unique.

    The first node of a name keeps it; the next are numbered. Variables come first, because
    the parameters are stored under their names.
    """
    taken: Set[str] = set()
    names = [""] * len(symbol.nodes)
    by_priority = sorted(enumerate(symbol.nodes), key=lambda pair: not pair[1].is_variable)
    wanted = {readable(n.name, n.op) for n in symbol.nodes}
    for index, node in by_priority:
        base = readable(node.name, node.op)
        names[index] = unused(base, taken if base not in taken else taken | wanted)
        taken.add(names[index])
    values = {(i, 0): name for i, name in enumerate(names)}
    read = {e for n in symbol.nodes for e in n.inputs}
    outputs = {*read, *symbol.heads, *layer_outputs(symbol)}
    several = {i for i, output in outputs if output > 0}
    values.update({(i, o): f"{names[i]}_output{o}" for i, o in outputs if i in several})
    return values, names


def layer_outputs(symbol: Symbol) -> List[Entry]:
    """All layers' outputs, as MXNet lists them."""
    return [
        (i, output)
        for i, node in enumerate(symbol.nodes)
        if not node.is_variable
        for output in range(ops.visible_outputs(node.op, node.attrs))
    ]


def readable(name: str, op: str = "") -> str:
    """Any text as a name: the empty one is called after its operator, bad Unicode is escaped."""
    return (name or op.lower()).encode("utf-8", "backslashreplace").decode("utf-8")


def with_readable_variables(symbol: Symbol) -> Symbol:
    """Variables must be readable before parameters are looked up by their names."""
    return replace(
        symbol,
        nodes=tuple(
            replace(n, name=readable(n.name, n.op)) if n.is_variable else n for n in symbol.nodes
        ),
    )
