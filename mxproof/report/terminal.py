"""Tables in the terminal."""

from __future__ import annotations

from typing import Iterable, Mapping, Optional

from rich.table import Table

from converters import Graph
from converters.shape import show

from ..verify import Proof


def _number(value: Optional[float], form: str = ".1e") -> str:
    return "–" if value is None else format(value, form)


def proof_table(proof: Proof) -> Table:
    """One row a target: verdict, final output, worst layers."""
    shapes = ", ".join(f"{k}={show(v)}" for k, v in proof.shapes.items())
    table = Table(title=f"{proof.model} ({proof.weights} weights, {shapes})")
    for heading in (
        "target",
        "verdict",
        "layers",
        "output max abs",
        "output max rel",
        "top-1",
        "float64 rel, worst layer",
        "float32 ratio, worst layer (median)",
    ):
        table.add_column(heading)
    for target in proof.targets.values():
        doubles, singles = target.comparisons["float64"], target.comparisons["float32"]
        worst, noisiest = doubles.worst, singles.worst
        table.add_row(
            target.target,
            "[green]pass[/]" if target.passed else "[bold red]FAIL[/]",
            str(len(doubles.checks)),
            _number(target.max_abs),
            _number(target.max_rel),
            "equal" if target.top1_equal else "[bold red]differs[/]",
            f"{_number(worst.rel)} {worst.layer}",
            f"{_number(noisiest.ratio, '.2f')} {noisiest.layer} "
            f"({_number(singles.median_ratio, '.2f')})",
        )
    return table


def errors_table(rows: Iterable[Mapping[str, str]]) -> Table:
    """The table of a test run: model x runtime, largest errors and worst layer."""
    table = Table(title="MXNet against its conversions")
    columns = ("model", "runtime", "precision", "max absolute error", "max relative error")
    for heading in (*columns, "worst layer"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*(row[c] for c in columns), row["worst layer"])
    return table


def graph_table(graph: Graph) -> Table:
    """Every layer with its operator and the shape of its result."""
    table = Table(title=f"{graph.name}: {len(graph.nodes)} layers")
    for heading in ("layer", "operator", "shape"):
        table.add_column(heading)
    for node in graph.nodes:
        table.add_row(node.name, node.op, show(graph.shapes[node.outputs[0]]))
    return table
