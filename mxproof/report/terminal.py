"""Tables in the terminal."""

from __future__ import annotations

import re
from typing import Dict, Iterable, Mapping, Optional, Tuple

from rich.table import Table
from rich.text import Text

from converters import Graph
from converters.shape import show

from ..outputs import DIFFERS, EQUAL, UNDECIDED
from ..proof import Proof

TOP = {EQUAL: "equal", UNDECIDED: "too close to tell", DIFFERS: "[bold red]differs[/]"}


def plain(text: str) -> Text:
    """Foreign text as it is: no markup, no emoji, one line, and no control codes."""
    line = re.sub(r"\s*[\r\n]\s*", " ", text)
    return Text("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))


def _number(value: Optional[float], form: str = ".1e") -> str:
    return "–" if value is None else format(value, form)


def proof_table(proof: Proof) -> Table:
    """One row a target: verdict, final output, worst layers."""
    shapes = ", ".join(f"{k}={show(v)}" for k, v in proof.shapes.items())
    table = Table(title=plain(f"{proof.model} ({proof.weights} weights, {shapes})"))
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
            _number(target.output.max_abs),
            _number(target.output.max_rel),
            TOP[target.output.top1.verdict],
            plain(f"{_number(worst.rel)} {worst.layer}" if worst else "–"),
            plain(
                f"{_number(noisiest.ratio, '.2f')} {noisiest.layer} "
                f"({_number(singles.median_ratio, '.2f')})"
                if noisiest
                else "–"
            ),
        )
    return table


def errors_table(rows: Iterable[Mapping[str, str]]) -> Table:
    """The table of a test run: one row for each model in each runtime.

    Rows of the same model, runtime and precision complete each other.
    """
    merged: Dict[Tuple[str, ...], Dict[str, str]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("model", "runtime", "precision"))
        merged.setdefault(key, {}).update(row)
    table = Table(title="Largest differences from MXNet: final output, and worst layer")
    columns = (
        "model",
        "runtime",
        "precision",
        "max absolute error",
        "max relative error",
        "layers",
        "worst layer",
        "its relative error",
    )
    for heading in columns:
        table.add_column(heading)
    for _, row in sorted(merged.items()):
        table.add_row(*(plain(row.get(column, "–")) for column in columns))
    return table


def search_table(rows: Iterable[Mapping[str, str]]) -> Table:
    """How close Hypothesis came to the budget: one row for each model, target and precision."""
    table = Table(title="Worst case found: the part of its budget that a layer used up")
    columns = ("model", "target", "precision", "inputs", "worst", "where")
    for heading in columns:
        table.add_column(heading)
    for row in rows:
        table.add_row(*(plain(row[column]) for column in columns))
    return table


def graph_table(graph: Graph) -> Table:
    """Every layer with its operator and the shape of its result."""
    table = Table(title=plain(f"{graph.name}: {len(graph.nodes)} layers"))
    for heading in ("layer", "operator", "shape"):
        table.add_column(heading)
    for node in graph.nodes:
        shape = show(graph.shapes[node.outputs[0]])
        table.add_row(plain(node.name), plain(node.op), plain(shape))
    return table
