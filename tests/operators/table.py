"""docs/operators.md: every operator, what it becomes, what is tried, what is not taken.

`python -m tests.operators.table` writes it; a test fails where it is not current.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Dict, List

from converters.onnx.exporter import SUPPORTED_OPSETS
from converters.operators import REGISTRY
from converters.operators.aliases import RENAMES

from .all_rows import ROWS
from .row import Row

FILE = Path(__file__).parents[2] / "docs" / "operators.md"

HEAD = """# Operators

{count} operators of MXNet, {names} with their other names. Made by
`python -m tests.operators.table` from the declarations in `converters/operators` and the rows in
`tests/operators`, whose suite holds every operator to MXNet in float64 and float32, on both
targets, at the lowest, the default and the newest of opsets {opsets}. Behind an attribute in
brackets is why it is not tried, or not at all values.

| operator | other names | ONNX | PyTorch | attributes tried | limits |
|---|---|---|---|---|---|
"""


def table() -> str:
    aliases: Dict[str, List[str]] = {}
    for alias, op in RENAMES.items():
        aliases.setdefault(op, []).append(alias)
    lines = [line(ROWS[op], aliases.get(op, [])) for op in sorted(ROWS, key=str.lower)]
    opsets = f"{SUPPORTED_OPSETS[0]} to {SUPPORTED_OPSETS[-1]}"
    names = len(ROWS) + sum(len(aliases.get(op, [])) for op in ROWS)
    return HEAD.format(count=len(ROWS), names=names, opsets=opsets) + "\n".join(lines) + "\n"


def line(row: Row, aliases: List[str]) -> str:
    declaration = REGISTRY[row.op]
    last = f" to {declaration.onnx_until}" if declaration.onnx_until else ""
    onnx = row.no_onnx or f"from opset {declaration.onnx_since}{last}"
    fields = dataclasses.fields(declaration) if dataclasses.is_dataclass(declaration) else ()
    tried = [
        f"{f.name} ({row.narrowed[f.name]})" if f.name in row.narrowed else f.name for f in fields
    ]
    others = [f"{k}: {v}" for k, v in row.narrowed.items() if k not in {f.name for f in fields}]
    limits = [declaration.limits, *others]
    if declaration.order_dependent:
        limits.append(
            "depends on the order of numbers, or on their being equal: judged on given inputs"
        )
    if declaration.random:
        limits.append("draws random numbers: its form and distribution are judged")
    cells = [
        f"`{row.op}`",
        ", ".join(f"`{a}`" for a in sorted(aliases)),
        onnx,
        "yes",
        ", ".join(tried),
        "; ".join(part for part in limits if part),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")
