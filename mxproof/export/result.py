"""One conversion: what is changed in the network, what is written, what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from converters import DEFAULT_OPSET, Graph
from converters.files import sha256
from converters.ir.shapes import show
from converters.passes.float_types import halved, lost
from converters.passes.fuse_batch_norm import fuse

from ..model import Model
from ..proof.proof import Proof


@dataclass
class ConversionResult:
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
        owed: MXNet is here and the user wants a proof, so to have none is a failure.
    """

    subject: Model
    plain: Graph
    single: Graph
    folder: Path
    opset: int = DEFAULT_OPSET
    models: Dict[str, Path] = field(default_factory=dict)
    files: List[Path] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    proof: Optional[Proof] = None
    unproven: str = ""
    owed: bool = False

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


def changes(graph: Graph, *, fused: bool, half: bool) -> Tuple[Graph, Graph, List[str]]:
    """Batch norms folded, and float32 narrowed to float16; each is noted in the graph's source.

    Returns:
        The network; the same before numbers were narrowed; what was done, a sentence each.

    Raises:
        UnsupportedError: float16 cannot hold it.
    """
    notes: List[str] = []
    if fused:
        graph, fusion = fuse(graph)
        notes.append(str(fusion))
        graph = replace(graph, source={**graph.source, "fused": str(fusion)})
    single = graph
    if half and any(a.dtype.name in ("float32", "float64") for a in graph.params.values()):
        zeros = lost(graph)
        graph = halved(graph)
        graph = replace(graph, source={**graph.source, "float16": "narrowed from float32"})
        if zeros:
            notes.append(f"float16: {zeros} weights are too small for it and become 0")
    return graph, single, notes
