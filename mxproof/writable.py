"""Folders that results go to, looked at before anything is done for them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .errors import UsageError


def writable_folder(option: str, path: Path) -> Path:
    """`path`, or where it does not exist the folder above it in which it is made.

    Args:
        option: with its value, as the user wrote it: begins the message.

    Raises:
        UsageError: a file is in the way, or nothing can be written there.
    """
    folder = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not folder.is_dir():
        raise UsageError(f"{option}: {folder} is a file. Name a folder.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise UsageError(
            f"{option}: nothing can be written to {folder} ({error.strerror}). Name another folder."
        ) from error
