"""The rows of all operators, gathered from the files beside this one.

Each of these declares rows (`@row`), and lists examples in EXAMPLES under the name that pytest
gives them, "operator name"; "operator,operator name" stands for the same example of several.
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
            assert name not in ROWS[op].examples, f"two examples {key}"
            ROWS[op].examples[name] = replace(example, op=op)
