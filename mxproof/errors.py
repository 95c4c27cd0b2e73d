"""Usage errors, and imports of optional libraries."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class UsageError(Exception):
    """What the user asked for makes no sense."""


def require(module: str, extra: str, what: str) -> Any:
    """Import a library that an extra of this distribution installs.

    Args:
        what: begins the message, which ends "is not installed here".

    Raises:
        UsageError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{what} is not installed here: pip install 'mxproof[{extra}]'."
        ) from error
