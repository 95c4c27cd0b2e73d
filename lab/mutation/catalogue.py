"""All kinds of faults, by name. A new kind is a row in one of these files."""

from __future__ import annotations

from typing import Dict

from . import attributes, files, graphs, inputs, parameters
from .mutant import Fault

_FILES = (attributes, parameters, graphs, inputs, files)

CATALOGUE: Dict[str, Fault] = {fault.kind: fault for file in _FILES for fault in file.FAULTS}
