"""Bind a symbol and its arrays into a Graph: inputs, parameters, labels and outputs."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from ..errors import (
    CheckpointError,
    DroppedOutputsWarning,
    ShapeError,
    UnsupportedError,
    UnusedParametersWarning,
    listed,
)
from ..ir.arrays import TYPE_FLAGS, Array
from ..ir.graph import Graph, Node, Value
from ..ir.shapes import AXES, Shape
from ..passes.fold_constants import fold_parameters, input_roles
from ..passes.state_shapes import with_shapes
from .naming import distinct_names, readable, with_readable_variables
from .select_outputs import Selection, select
from .symbol import VARIABLE, Entry, Symbol, SymbolNode, in_visiting_order


def bind(
    symbol: Symbol,
    arrays: Mapping[str, Array],
    *,
    name: str,
    inputs: Mapping[str, Shape],
    types: Optional[Mapping[str, str]] = None,
    outputs: Sequence[str] = (),
    half: bool = False,
    partial: bool = False,
    where: str = "the parameters",
) -> Graph:
    """Put a symbol and its arrays (names with or without arg:/aux:) together. See load_checkpoint.

    `inputs` also turns a variable that would be a missing parameter into an input.
    """
    stored = _without_prefix(arrays, where)
    whole = with_readable_variables(symbol)
    selected = select(whole, outputs, stored, inputs)
    symbol = selected.symbol
    values, layers = distinct_names(symbol)
    roles = _variable_roles(symbol)
    variables = [n.name for n in symbol.nodes if n.is_variable]
    parameters = {v for v in variables if v not in inputs and "parameter" in roles[v]}
    _check_stated(inputs, whole, variables)
    _check_variables(variables, sorted(parameters.difference(stored)), where)
    if not outputs:
        _warn_of_dropped(whole, selected)
        _warn_of_unused(set(stored), whole, where)
    labels = {v for v in variables if v not in stored and v not in inputs and roles[v] == {"label"}}
    data = [v for v in variables if v not in stored and v not in labels]
    _check_heads([symbol.nodes[i] for i, _ in symbol.heads], data)
    graph = Graph(
        name=name,
        inputs=tuple(map(Value, data)),
        nodes=_nodes(symbol, values, layers, labels),
        outputs=tuple(values[head] for head in symbol.heads),
        params={v: stored[v] for v in variables if v in stored},
        labels=tuple(sorted(labels)),
        source={},
        chosen=tuple(outputs),
        cut_at=selected.cut_at,
        made_labels=selected.made_labels,
        dropped_outputs=_names(whole, selected.dropped),
        half=half,
        partial=partial,
    )
    graph = fold_parameters(graph)
    given = (n for n in symbol.nodes if n.is_variable and n.name in data)
    graph = replace(graph, inputs=tuple(_input(node, graph, types or {}) for node in given))
    guessed = {v.name: v.shape or guess_input(graph, v.name) for v in graph.inputs}
    return with_shapes(graph, guessed, inputs)


def _check_variables(variables: List[str], missing: List[str], where: str) -> None:
    if len(set(variables)) != len(variables):
        twice = sorted({v for v in variables if variables.count(v) > 1})
        raise CheckpointError(f"variables named alike: {listed(list(map(repr, twice)))}.")
    if missing:
        raise CheckpointError(
            f"{where}: missing {len(missing)} parameters that the symbol reads: "
            f"{listed(missing)}. Symbol and parameters do not belong together, or the file "
            "was saved without them."
        )


def _names(symbol: Symbol, entries: Iterable[Entry]) -> Tuple[str, ...]:
    """What these outputs are called."""
    values, _ = distinct_names(symbol)
    return tuple(values[entry] for entry in entries)


def _check_stated(inputs: Mapping[str, Shape], symbol: Symbol, needed: List[str]) -> None:
    known = {node.name for node in symbol.nodes if node.is_variable}
    for name in sorted(known.intersection(inputs).difference(needed)):
        raise ShapeError(f"--input {name}: no output needs this input. Leave it out.")


def _input(node: SymbolNode, graph: Graph, types: Mapping[str, str]) -> Value:
    """An input: its shape as the file states it (`__shape__`, where 0 is unknown), and its type.

    The type is the requested one, the one that the file states, the one that a layer demands, or
    that of the parameters.
    """
    dims = [int(d) for d in re.findall(r"-?\d+", node.attrs.get("__shape__", ""))]
    axes = AXES.get(len(dims), (None,) * len(dims))
    shape = tuple(d if d > 0 else axis for d, axis in zip(dims, axes)) or None
    flag = node.attrs.get("__dtype__", "")
    stated = TYPE_FLAGS[int(flag)] if flag.isdigit() and int(flag) < len(TYPE_FLAGS) else None
    floats = {str(a.dtype) for a in graph.params.values() if a.dtype.kind == "f"}
    taken = _demanded_type(graph, node.name)
    own = taken or (floats.pop() if len(floats) == 1 else "float32")
    requested = types.get(node.name)
    return Value(node.name, shape, graph.kept(requested or stated or own))


def _demanded_type(graph: Graph, name: str) -> Optional[str]:
    """The element type of an input where a layer that reads it demands one."""
    for node in graph.nodes:
        operator = graph.operators.get(node.name) if name in node.inputs else None
        for role, read in zip(operator.input_names(), node.inputs) if operator else ():
            if operator and read == name and role in operator.input_types:
                return operator.input_types[role]
    return None


def _without_prefix(arrays: Mapping[str, Array], where: str) -> Dict[str, Array]:
    stored: Dict[str, Array] = {}
    for key, array in arrays.items():
        name = readable(key[4:] if key.startswith(("arg:", "aux:")) else key, VARIABLE)
        if name in stored:
            raise CheckpointError(f"{where}: {name!r} is stored both as arg: and as aux:.")
        stored[name] = array
    return stored


def _check_heads(heads: List[SymbolNode], data: List[str]) -> None:
    problems = [
        f"output {n.name!r} is a stored parameter or a label; supported: a layer or an input."
        for n in heads
        if n.is_variable and n.name not in data
    ]
    if problems:
        raise UnsupportedError(problems)


def _warn_of_dropped(whole: Symbol, selected: Selection) -> None:
    if selected.dropped:
        dropped, heads = (_names(whole, found) for found in (selected.dropped, selected.heads))
        warnings.warn(
            f"only training needs the outputs {', '.join(dropped)}: they were left out. Converted "
            f"are: {', '.join(heads)}. --output LAYER chooses others.",
            DroppedOutputsWarning,
            stacklevel=4,
        )


def _warn_of_unused(stored: Set[str], whole: Symbol, where: str) -> None:
    """Parameters that the symbol's outputs do not need; of layers, if these could be outputs."""
    inputs = {i for node in whole.nodes for i, _ in node.inputs}
    read = inputs.union(i for i, _ in whole.heads)
    known = {n.name for i, n in enumerate(whole.nodes) if n.is_variable and i in read}
    needed = {node.name for node in in_visiting_order(whole).nodes if node.is_variable}
    if beside := stored & known - needed:
        ends = [(i, 0) for i, n in enumerate(whole.nodes) if i not in read and not n.is_variable]
        warnings.warn(
            f"{where}: {len(beside)} parameters were left out, for no output needs the layers that "
            "read them. To convert these, choose the last of them for outputs, too: --output "
            f"{' or '.join(_names(whole, ends))}.",
            UnusedParametersWarning,
            stacklevel=4,
        )
    if unread := sorted(stored - known):
        warnings.warn(
            f"{where}: {len(unread)} parameters that the symbol never reads were left out: "
            f"{listed(unread)}.",
            UnusedParametersWarning,
            stacklevel=4,
        )


def _variable_roles(symbol: Symbol) -> Dict[str, Set[str]]:
    """Variable -> what its users take it for: "parameter", "label", "data"."""
    found: Dict[str, Set[str]] = {n.name: set() for n in symbol.nodes if n.is_variable}
    for node in symbol.nodes:
        for (index, _), role in zip(node.inputs, input_roles(node)):
            if symbol.nodes[index].is_variable:
                found[symbol.nodes[index].name].add(role)
    return found


def _nodes(
    symbol: Symbol, values: Dict[Entry, str], names: List[str], labels: Set[str]
) -> Tuple[Node, ...]:
    outputs: Dict[int, List[str]] = {}
    for (index, _), value in sorted(values.items()):
        outputs.setdefault(index, []).append(value)
    return tuple(
        Node(
            name=names[index],
            mxnet_name=node.name,
            op=node.op,
            attrs=node.attrs,
            inputs=tuple(None if values[e] in labels else values[e] for e in node.inputs),
            outputs=tuple(outputs[index]),
        )
        for index, node in enumerate(symbol.nodes)
        if not node.is_variable
    )


def guess_input(graph: Graph, name: str) -> Shape:
    """The shape of an input, from the first layers that read it, or None.

    ("N", 3, "H", "W") for a network that begins with a two-dimensional convolution.
    """
    shapes: Dict[str, Shape] = {k: tuple(v.shape) for k, v in graph.params.items()}
    same_shape = {name}
    for node in graph.nodes:
        if not node.inputs or node.inputs[0] not in same_shape:
            continue
        operator = graph.operators.get(node.name)
        if operator is None:
            continue
        roles = zip(operator.input_names(), node.inputs)
        guess = operator.data_shape({r: shapes.get(v) for r, v in roles if v is not None})
        if guess is not None:
            return guess
        if operator.shape_preserving:
            same_shape.update(node.outputs)
    return None
