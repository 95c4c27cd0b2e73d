"""All kinds of faults, by name. A new kind is a row in one of these files."""

from __future__ import annotations

from typing import Dict

from . import attributes, graphs, parameters, surroundings
from .mutant import Fault

_FILES = (attributes, parameters, graphs, surroundings)

CATALOGUE: Dict[str, Fault] = {fault.kind: fault for file in _FILES for fault in file.FAULTS}
