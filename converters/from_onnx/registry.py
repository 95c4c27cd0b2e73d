"""How an ONNX operator is declared: a function whose keywords are the operator's attributes."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar

from ..ops import Unsupported

TRANSLATIONS: Dict[str, Callable[..., Any]] = {}

_F = TypeVar("_F", bound=Callable[..., Any])


def onnx_operator(*names: str) -> Callable[[_F], _F]:
    """The function translates these operators: (builder, *inputs, **attributes) -> the outputs.

    Inputs that are left out are None, and so are attributes without a default of their own. One
    that is annotated as a Tensor is made one. A function for several operators takes `op_type`.
    """

    def register(function: _F) -> _F:
        for name in names:
            if name in TRANSLATIONS:
                raise ValueError(
                    f"ONNX operator {name!r} is declared twice: in "
                    f"{TRANSLATIONS[name].__module__} and in {function.__module__}"
                )
            TRANSLATIONS[name] = function
        return function

    return register


def renamed(
    name: str,
    op: str,
    attributes: Optional[Mapping[str, Tuple[str, Any]]] = None,
    *,
    inputs: int = 1,
    **fixed: Any,
) -> None:
    """Declare an operator that is one of MXNet's under another name.

    Args:
        attributes: ONNX's name -> MXNet's name, and the default.
        fixed: MXNet's attributes that say which of an operator's functions it is.
    """
    mapping = attributes or {}

    def translate(b: Any, *given: Any, **stated: Any) -> Any:
        named = {theirs: stated.get(k, default) for k, (theirs, default) in mapping.items()}
        return b.node(op, *given, **fixed, **named)

    kind = inspect.Parameter
    parameters = [kind(f"_{k}", kind.POSITIONAL_OR_KEYWORD) for k in range(inputs + 1)]
    parameters += [kind(key, kind.KEYWORD_ONLY) for key in mapping]
    translate.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    onnx_operator(name)(translate)


def call(builder: Any, op_type: str, inputs: List[Any], attributes: Dict[str, Any]) -> Any:
    """The translation of one node.

    Raises:
        Unsupported: more inputs than it is known to have, or an attribute that is not known.
    """
    function = TRANSLATIONS[op_type]
    parameters = inspect.signature(function).parameters
    known = {n for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY and n != "op_type"}
    unknown = sorted(set(attributes) - known)
    if unknown:
        raise Unsupported(
            f"attribute {', '.join(unknown)} is not known; known are: "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    kinds = {p.kind for p in parameters.values()}
    most = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters.values()) - 1
    if len(inputs) > most and inspect.Parameter.VAR_POSITIONAL not in kinds:
        raise Unsupported(f"has {len(inputs)} inputs; supported: {most}")
    more = {"op_type": op_type} if "op_type" in parameters else {}
    tensors = [p.annotation == "Tensor" for p in parameters.values()][1 : len(inputs) + 1]
    for k, wanted in enumerate(tensors):
        inputs[k] = builder.tensor(inputs[k]) if wanted else inputs[k]
    return function(builder, *inputs, **attributes, **more)
