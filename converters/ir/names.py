"""Names that are not taken."""

from __future__ import annotations

from typing import Container


def unused(base: str, taken: Container[str]) -> str:
    """The name itself, or with the first number behind it that makes it a new one."""
    name, number = base, 0
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name
