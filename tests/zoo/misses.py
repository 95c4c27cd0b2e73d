"""Models that are known not to convert or not to verify, and why.

A row that passes fails the suite, so that none outlives its reason.
"""

from __future__ import annotations

from typing import Dict

#: model -> target -> one line.
MISSES: Dict[str, Dict[str, str]] = {}
