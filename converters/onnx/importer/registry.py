"""Declare how an ONNX operator is imported: a function whose keywords are the operator's
attributes.

Which attributes and how many inputs there are, and what they are by default, is ONNX's to say.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, TypeVar

import onnx
import onnx_ir

from ...operators import Unsupported

TRANSLATIONS: Dict[str, Callable[..., Any]] = {}
#: Attributes that change nothing here: MXNet knows it without them, or needs no such choice.
IDLE = {"cubic_coeff_a", "extrapolation_value", "saturate", "seed", "sorted", "stash_type"}

_F = TypeVar("_F", bound=Callable[..., Any])


def onnx_operator(*names: str) -> Callable[[_F], _F]:
    """The function translates these operators: (builder, *inputs, **attributes) -> the outputs.

    Inputs that are left out are None. One that is annotated as a Tensor is made one. Attributes
    that the function does not take must have ONNX's default, unless they are `IDLE`. A function
    for several operators takes `op_type`, and one with `**window` all that moves a kernel.
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


@dataclass(frozen=True)
class _Renamed:
    """An operator that is one of MXNet's under another name."""

    op: str
    attributes: Mapping[str, str]
    fixed: Mapping[str, Any]

    def __call__(self, b: Any, *given: Any, **stated: Any) -> Any:
        named = {theirs: stated[ours] for ours, theirs in self.attributes.items()}
        return b.node(self.op, *given, **self.fixed, **named)


def renamed(
    name: str, op: str, attributes: Optional[Mapping[str, str]] = None, **fixed: Any
) -> None:
    """Declare an operator that is one of MXNet's under another name.

    Args:
        attributes: ONNX's name -> MXNet's name.
        fixed: MXNet's attributes that say which of an operator's functions it is.
    """
    onnx_operator(name)(_Renamed(op, attributes or {}, fixed))


def call(builder: Any, op_type: str, opset: int, inputs: List[Any], stated: Dict[str, Any]) -> Any:
    """The translation of one node.

    Raises:
        Unsupported: the opset has no such operator, or this one has fewer inputs, or an attribute
            is not known or not supported.
    """
    if not onnx.defs.has(op_type, opset):
        raise Unsupported(f"{op_type} is no operator of opset {opset}")
    schema = onnx.defs.get_schema(op_type, opset)
    unknown = sorted(set(stated) - set(schema.attributes))
    if unknown:
        raise Unsupported(
            f"attribute {', '.join(unknown)} is not known; known are: "
            f"{', '.join(sorted(schema.attributes)) or 'none'}"
        )
    if len(inputs) > schema.max_input:
        raise Unsupported(f"has {len(inputs)} inputs; supported: {schema.max_input}")
    function = TRANSLATIONS[op_type]
    parameters = inspect.signature(function).parameters
    taken = set(function.attributes if isinstance(function, _Renamed) else parameters)
    if "window" in taken:
        taken.update(schema.attributes)
    defaults = _defaults(schema)
    for key in sorted(set(stated) - taken - IDLE):
        if stated[key] != defaults.get(key):
            raise Unsupported(f"{key}={stated[key]}; supported: {defaults.get(key)}")
    attributes = {"op_type": op_type, **defaults, **stated}
    attributes = {key: value for key, value in attributes.items() if key in taken}
    tensors = [p.annotation == "Tensor" for p in parameters.values()][1 : len(inputs) + 1]
    for k, wanted in enumerate(tensors):
        inputs[k] = builder.tensor(inputs[k]) if wanted else inputs[k]
    return function(builder, *inputs, **attributes)


def _defaults(schema: onnx.defs.OpSchema) -> Dict[str, Any]:
    """Attribute -> what it is where nothing is stated, for those for which ONNX says it."""
    stated = {k: a.default_value for k, a in schema.attributes.items() if a.default_value.name}
    return {key: onnx_ir.from_proto(value).value for key, value in stated.items()}
