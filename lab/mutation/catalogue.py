"""All kinds of faults. A new one is a row in one of these files."""

from __future__ import annotations

from typing import Dict

from . import attributes, feeding, files, single, sliding, weights, wiring
from .fault import Fault


def _by_kind(*faults: Fault) -> Dict[str, Fault]:
    found: Dict[str, Fault] = {}
    for fault in faults:
        if fault.kind in found:
            raise ValueError(f"fault {fault.kind!r} is declared twice")
        found[fault.kind] = fault
    return found


CATALOGUE = _by_kind(
    *attributes.FAULTS,
    *sliding.FAULTS,
    *weights.FAULTS,
    *single.FAULTS,
    *wiring.FAULTS,
    *feeding.FAULTS,
    *files.FAULTS,
)
