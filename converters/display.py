"""How a network shows itself, in a terminal and in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .shape import show

if TYPE_CHECKING:
    from .graph import Graph


def summary(graph: Graph) -> str:
    """One line: layers, numbers, what goes in and what comes out."""
    numbers = sum(array.size for array in graph.params.values())
    inputs, outputs = (
        ", ".join(f"{name} {show(graph.shapes[name])}" for name in names)
        for names in ([v.name for v in graph.inputs], graph.outputs)
    )
    size = f"{len(graph.nodes)} layers, {numbers:,} stored numbers"
    return f"<Graph {graph.name}: {size}, {inputs} -> {outputs}>"


def layers_html(graph: Graph) -> str:
    """The same, to unfold into a table of the layers."""
    rows = [("layer", "operator", "shape")]
    for node in graph.nodes:
        results = ", ".join(show(graph.shapes[name]) for name in node.outputs)
        rows.append((node.name, node.op, results))
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    table = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<details><summary>{escape(summary(graph))}</summary><table>{table}</table></details>"
