"""Look up a node's inputs and their roles in the operator declarations."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Mapping, Optional

from ..errors import LayerProblem, UnsupportedError, sentences
from . import registry
from .registry import Operator, Unsupported, parse


def _or_default(default: Any, get: Callable[[Operator], Any], op: str, attrs: Any) -> Any:
    """Reading a file must not fail on an operator that only converting cannot handle."""
    try:
        return get(parse(op, attrs))
    except Unsupported:
        return default


def input_names(op: str, attrs: Mapping[str, str]) -> tuple[str, ...]:
    """MXNet's input names of a node; () for an operator without a declaration."""
    return tuple(_or_default((), lambda o: o.input_names(), op, attrs))


def stored_outputs(op: str, attrs: Mapping[str, str]) -> int:
    """How many outputs MXNet's graph has for the node, hidden ones included."""
    return int(_or_default(1, lambda o: o.stored_outputs(), op, attrs))


def visible_outputs(op: str, attrs: Mapping[str, str]) -> int:
    """How many outputs MXNet lists for the node."""
    return int(_or_default(1, lambda o: o.visible_outputs(), op, attrs))


def auxiliary_names(op: str) -> tuple[str, ...]:
    """Names of the inputs that training updates outside the gradient."""
    return registry.REGISTRY.get(op, Operator).auxiliary


def roles(op: str) -> dict[str, str]:
    """Input name -> "parameter" or "label"; what is in neither is data."""
    cls = registry.REGISTRY.get(op, Operator)
    return {**dict.fromkeys(cls.parameters, "parameter"), **dict.fromkeys(cls.labels, "label")}


def unsupported(node: Any, *problems: Unsupported) -> UnsupportedError:
    """The error for one layer, in the words of the one that lists many."""
    return UnsupportedError(sentences(LayerProblem(node.op, node.name, str(p)) for p in problems))


def _check_counts(operator: Operator, inputs: int, outputs: int) -> None:
    names = operator.input_names()
    kinds = {p.kind for p in inspect.signature(type(operator).infer).parameters.values()}
    variadic = inspect.Parameter.VAR_POSITIONAL in kinds
    needed = len([n for n in names if n not in operator.labels]) or int(variadic)
    if inputs < needed or (inputs > len(names) and not variadic):
        described = ", ".join([*names, *(["more"] if variadic else [])]) or "none"
        raise Unsupported(f"has {inputs} inputs; supported: {described}")
    if outputs > operator.visible_outputs():
        raise Unsupported(f"{outputs} outputs are read; supported: {operator.visible_outputs()}")


def problem_of(node: Any) -> Optional[str]:
    """Why a layer has no declaration; None if it has one."""
    try:
        _check_counts(parse(node.op, node.attrs), len(node.inputs), len(node.outputs))
    except Unsupported as problem:
        return str(problem)
    return None


def operators_of(nodes: Any) -> dict[str, Operator]:
    """Layer name -> its declaration, for nodes with `name`, `op`, `attrs` and `outputs`.

    Raises:
        UnsupportedError: listing every operator and attribute that has no declaration.
    """
    found: dict[str, Operator] = {}
    problems: list[LayerProblem] = []
    for node in nodes:
        try:
            found[node.name] = parse(node.op, node.attrs)
            _check_counts(found[node.name], len(node.inputs), len(node.outputs))
        except Unsupported as problem:
            problems.append(LayerProblem(node.op, node.name, str(problem)))
    if problems:
        raise UnsupportedError(sentences(problems))
    return found
