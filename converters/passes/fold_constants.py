"""Fold layers that depend on parameters alone into parameters.

Gluon's recurrent layers join a dozen stored matrices into the one vector that MXNet's operator
takes, each time anew. A conversion needs the numbers, and the user needs no such layers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, List, Set, Tuple, Union

import numpy as np

from .. import operators as ops
from ..ir.arrays import Array
from ..ir.graph import Graph, Node
from ..mxnet_format.symbol import SymbolNode

#: Operators that only move numbers -> what they do, given their declaration.
FOLDS: Dict[str, Callable[..., Array]] = {
    "Concat": lambda operator, *arrays: np.concatenate(arrays, operator.dim),
    "Flatten": lambda operator, array: array.reshape(operator.infer(array.shape)),
    "Reshape": lambda operator, array: array.reshape(operator.infer(array.shape)),
    "_rnn_param_concat": lambda operator, *arrays: np.concatenate(arrays, operator.dim),
}


def fold_parameters(graph: Graph) -> Graph:
    """The graph without the layers that make nothing but parameters of parameters.

    What they make is stored in their place; `unfolded` still names them.
    """
    found = _constants(graph)
    uses = _uses(graph)
    dropped: Set[str] = set()
    for node in reversed(graph.nodes):
        if node.name in found and all(
            reader in dropped or role == "parameter" for reader, role in uses.get(node.name, ())
        ):
            dropped.add(node.name)
    if not dropped:
        return graph
    nodes = tuple(node for node in graph.nodes if node.name not in dropped)
    read = {name for node in nodes for name in node.inputs}
    stored = {**graph.params, **{name: found[name] for name in dropped}}
    params = {name: array for name, array in stored.items() if name in read}
    folded = {name: array for name, array in graph.params.items() if name not in read}
    return replace(graph, nodes=nodes, params=params, unfolded=graph.nodes, unfolded_params=folded)


def _constants(graph: Graph) -> Dict[str, Array]:
    """Layer -> its numbers, for those that depend on stored ones alone."""
    found: Dict[str, Array] = {}
    for node in graph.nodes:
        given = [graph.params.get(name or "", found.get(name or "")) for name in node.inputs]
        if node.op in FOLDS and given and all(array is not None for array in given):
            try:
                found[node.name] = FOLDS[node.op](ops.parse(node.op, node.attrs), *given)
            except ops.Unsupported:  # the conversion will say so
                continue
    return found


def _uses(graph: Graph) -> Dict[str, List[Tuple[str, str]]]:
    """Layer -> (who reads it, and as what: "parameter", "data")."""
    found: Dict[str, List[Tuple[str, str]]] = {name: [("", "")] for name in graph.outputs}
    for node in graph.nodes:
        for name, role in zip(node.inputs, input_roles(node)):
            found.setdefault(name or "", []).append((node.name, role))
    return found


def input_roles(node: Union[Node, SymbolNode]) -> List[str]:
    """What a layer takes each of its inputs for: "parameter", "label" or "data"."""
    roles = ops.roles(node.op)
    names = ops.input_names(node.op, node.attrs)
    known = [roles.get(name, "data") for name in names]
    return known + ["data"] * (len(node.inputs) - len(known))
