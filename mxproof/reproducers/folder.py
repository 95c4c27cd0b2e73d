"""The folder that reproducers go to: each is in it whole, or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Iterator, List

from ..reports.templates import require_jinja
from ..writable import writable_folder

CASE = "case.npz"


class Folder:
    """A folder of reproducers. It is made with the first; what else is in it is left alone."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            UsageError: the path, or what is above it, is a file, or nothing can be written there,
                or what writes reproducers is not installed.
        """
        require_jinja()
        self.path = path
        self._taken: List[Path] = []
        self._above = writable_folder(f"--repro {path}", path)

    @contextmanager
    def building(self) -> Iterator[Path]:
        """An empty folder that vanishes unless it is kept."""
        with tempfile.TemporaryDirectory(prefix=".mxproof-", dir=self._above) as parent:
            built = Path(parent) / "new"
            built.mkdir()
            yield built

    def keep(self, built: Path, name: str) -> Path:
        """Move a finished folder to its place. One of an earlier run goes; another's stays."""
        self.path.mkdir(parents=True, exist_ok=True)
        place, numbers = self.path / name, count(2)
        while place in self._taken or (os.path.lexists(place) and not (place / CASE).is_file()):
            place = self.path / f"{name}-{next(numbers)}"
        self._taken.append(place)
        if place.exists():
            os.rename(place, built.parent / "before")
        os.rename(built, place)
        return place


def readable(text: str) -> str:
    """Any text as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", text).strip(".")[:80] or "layer"
