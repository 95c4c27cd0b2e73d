"""MXNet's operators, one declaration each, in files by family."""

from importlib import import_module
from pkgutil import iter_modules

from .lookup import (
    auxiliary_names,
    input_names,
    operators_of,
    problem_of,
    roles,
    stored_outputs,
    unsupported,
    visible_outputs,
)
from .registry import REGISTRY, Operator, Unsupported, canonical_name, parse

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = [
    "REGISTRY",
    "Operator",
    "Unsupported",
    "auxiliary_names",
    "canonical_name",
    "input_names",
    "operators_of",
    "parse",
    "problem_of",
    "roles",
    "stored_outputs",
    "unsupported",
    "visible_outputs",
]
