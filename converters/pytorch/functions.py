"""The functions of converters/pytorch/library, as text for the emitted file."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterable, List, Tuple

FOLDER = Path(__file__).with_name("library")


@dataclass(frozen=True)
class Function:
    """A function's text, and the names that it reads."""

    source: str
    reads: Tuple[str, ...]


@lru_cache(maxsize=1)
def functions() -> Dict[str, Function]:
    """Every function by its name.

    Raises:
        ValueError: two of one name.
    """
    found: Dict[str, Function] = {}
    for path in sorted(FOLDER.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            if node.name in found:
                raise ValueError(f"{path.name}: there is another function {node.name!r}")
            names = (n.id for n in ast.walk(node) if isinstance(n, ast.Name))
            source = ast.get_source_segment(text, node) or ""
            found[node.name] = Function(source, tuple(dict.fromkeys(names)))
    return found


def closure(names: Iterable[str]) -> List[str]:
    """The functions of these names and all that they call, each after those that it calls."""
    ordered: List[str] = []

    def add(name: str) -> None:
        for other in functions()[name].reads:
            if other in functions() and other != name:
                add(other)
        if name not in ordered:
            ordered.append(name)

    for name in names:
        add(name)
    return ordered
