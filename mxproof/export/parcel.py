"""One conversion: what was asked for, what is written, what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from converters import DEFAULT_OPSET, Graph
from converters.files import sha256
from converters.shape import show

from ..proof import Proof
from ..subject import Subject


def plain(text: str) -> str:
    """Foreign text in one line, without control codes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@dataclass
class Parcel:
    """
    Attributes:
        subject: with the network as it is written.
        plain: the same before batch norms were folded and numbers narrowed.
        single: the same before numbers were narrowed.
        folder: where the files are before all of them are moved into place.
        models: target -> its file.
        files: all of them, in the order in which they were written.
        notes: sentences on what was done to the network, and what it cost.
        proof: the verdict on these files, or None.
        unproven: why there is none, and what to do about it.
    """

    subject: Subject
    plain: Graph
    single: Graph
    folder: Path
    opset: int = DEFAULT_OPSET
    models: Dict[str, Path] = field(default_factory=dict)
    files: List[Path] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    proof: Optional[Proof] = None
    unproven: str = ""

    @property
    def graph(self) -> Graph:
        return self.subject.graph

    @property
    def name(self) -> str:
        return self.graph.name

    def path(self, suffix: str) -> Path:
        """`<name><suffix>` in the folder."""
        return self.folder / f"{self.name}{suffix}"

    def values(self) -> List[Tuple[str, str, str, str]]:
        """("input" or "output", name, type, shape) of each."""
        graph = self.graph
        named = [("input", v.name) for v in graph.inputs]
        named += [("output", name) for name in dict.fromkeys(graph.outputs)]
        return [(kind, name, graph.types[name], show(graph.shapes[name])) for kind, name in named]

    def add(self, suffix: str, text: str) -> None:
        """Write a file of text beside the models."""
        self.path(suffix).write_text(text, encoding="utf-8")
        self.files.append(self.path(suffix))

    def written(self) -> List[Dict[str, Any]]:
        """Name, bytes and SHA-256 of each file."""
        return [
            {"name": p.name, "bytes": p.stat().st_size, "sha256": sha256(p)} for p in self.files
        ]
