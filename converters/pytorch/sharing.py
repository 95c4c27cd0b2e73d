"""Tie weights that several layers read to one tensor of the module, so that training keeps them
one.

The file of weights has a copy for each layer. The constructor makes one module of those that are
alike in all, and one parameter of what other modules have in common.
"""

from __future__ import annotations

import re
from typing import Dict, Hashable, Iterator, List, Mapping

from ..ir.arrays import Array
from ..python_text import wrap
from .parts import ModuleCall


def shared(modules: Mapping[str, ModuleCall], width: int) -> List[str]:
    """The constructor's last lines.

    Args:
        modules: by their paths, in the order in which they are made.
    """
    owners: Dict[Hashable, str] = {}
    lines: List[str] = []
    for path, module in modules.items():
        places = {key: _place(array) for key, array in _read(module)}
        whole = (module.kind, tuple(module.arguments.items()), tuple(places.items()))
        owner = owners.setdefault(whole, path) if places else path
        if owner != path:
            lines += wrap(f"{_expression(path)} = {_expression(owner)}", width)
            continue
        for key, place in places.items():
            name = f"{path}.{key}" if key else path
            owner = name if key.startswith("running_") else owners.setdefault(place, name)
            if owner != name:
                lines += wrap(f"{_expression(name)} = {_expression(owner)}", width)
    return ["# The same weights:", *lines] if lines else []


def _read(module: ModuleCall) -> Iterator[tuple[str, Array]]:
    """Its arrays, without a fixed gamma, which is its own."""
    for key, array in module.state.items():
        if array.size and not (module.wrapper and key == "weight"):
            yield key, array


def _place(array: Array) -> Hashable:
    """Equal for the same numbers of one array."""
    begin = array.__array_interface__["data"][0]
    return (begin, array.shape, array.strides, array.dtype.str)


def _expression(path: str) -> str:
    """`stage1.0.conv` -> self.stage1[0].conv"""
    return re.sub(r"\.(\d+)", r"[\1]", f"self.{path}")
