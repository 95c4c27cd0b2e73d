"""What the user wants changed in a network before it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import List, NamedTuple

from converters import Graph
from converters.fusing import fuse
from converters.precision import halved, lost


class Changed(NamedTuple):
    """
    Attributes:
        single: the network before numbers were narrowed.
        notes: what was done, a sentence each.
    """

    graph: Graph
    single: Graph
    notes: List[str]


def changes(graph: Graph, *, fused: bool, half: bool) -> Changed:
    """Batch norms folded, and float32 narrowed to float16; each is noted in the graph's source.

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
    return Changed(graph, single, notes)
