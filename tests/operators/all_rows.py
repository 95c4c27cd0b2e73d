"""The rows of all operators, gathered from the files beside this one."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import List

from .case import Row


def gather() -> List[Row]:
    """All rows; two for one operator are a mistake."""
    modules = [m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])]
    found: List[Row] = []
    for name in modules:
        if name.startswith("rows_"):
            found += importlib.import_module(f"{__package__}.{name}").ROWS
    names = [row.op for row in found]
    twice = {n for n in names if names.count(n) > 1}
    assert not twice, f"two rows for {twice}"
    return found


ROWS = gather()
