"""The folder that reproducers go to: each is in it whole, or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

from ..report.templates import require_jinja
from ..subject import UsageError

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
        above = self._nearest()
        if not above.is_dir():
            raise UsageError(f"--repro {path}: {above} is a file. Name a folder.")
        if not os.access(above, os.W_OK):
            raise UsageError(f"--repro {path}: {above} cannot be written to.")

    def _nearest(self) -> Path:
        """The folder, or the first above it that exists."""
        return next(p for p in (self.path, *self.path.absolute().parents) if p.exists())

    @contextmanager
    def building(self) -> Iterator[Path]:
        """An empty folder that vanishes unless it is kept."""
        with tempfile.TemporaryDirectory(prefix=".mxproof-", dir=self._nearest()) as parent:
            built = Path(parent) / "new"
            built.mkdir()
            yield built

    def keep(self, built: Path, name: str) -> Path:
        """Move a finished folder to its place. One of an earlier run goes; another's stays."""
        self.path.mkdir(parents=True, exist_ok=True)
        names = (name, *(f"{name}-{n}" for n in range(2, 10_000)))
        place = next(p for p in (self.path / n for n in names) if self._is_free(p))
        self._taken.append(place)
        if place.exists():
            os.rename(place, built.parent / "before")
        os.rename(built, place)
        return place

    def _is_free(self, place: Path) -> bool:
        earlier = (place / CASE).is_file()
        return place not in self._taken and (earlier or not os.path.lexists(place))


def readable(text: str) -> str:
    """Any text as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", text).strip(".")[:80] or "layer"
