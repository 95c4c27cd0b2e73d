"""The rows of all operators, gathered from the files beside this one.

Such a file declares rows (`@row`), and has examples by what pytest calls them: "operator name", or
"operator,operator name" for several operators that are tried alike.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

from .row import ROWS

for path in sorted(Path(__file__).parent.glob("rows_*.py")):
    module = import_module(f"{__package__}.{path.stem}")
    for key, example in getattr(module, "EXAMPLES", {}).items():
        ops, _, name = key.partition(" ")
        for op in ops.split(","):
            ROWS[op].examples[name] = replace(example, op=op)
