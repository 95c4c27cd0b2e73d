"""Tables in the terminal."""

from __future__ import annotations

from typing import Dict, Iterable, Mapping, Tuple

from rich.table import Table
from rich.text import Text

from converters import Graph
from converters.shape import show

from ..outputs import DIFFERS
from ..proof import Proof
from .record import FAIL, INCOMPLETE, PASS
from .wording import SUMMARY, TOP, VERDICTS, one_line, summary

STYLES = {PASS: "green", FAIL: "bold red", INCOMPLETE: "yellow", TOP[DIFFERS]: "bold red"}


def plain(text: str) -> Text:
    """Foreign text as it is: no markup, no emoji, one line, and no control codes."""
    return Text(one_line(text))


def proof_table(proof: Proof) -> Table:
    """One row a target: verdict, final output, worst layers."""
    shapes = ", ".join(f"{k}={show(v)}" for k, v in proof.shapes.items())
    table = Table(title=plain(f"{proof.model} ({proof.weights} weights, {shapes})"))
    record = proof.to_json()
    rows = {name: summary(target) for name, target in record["targets"].items()}
    for heading in ("target", "verdict", *SUMMARY):
        table.add_column(heading)
    for name, row in rows.items():
        verdict = record["targets"][name]["verdict"]
        cells = [Text(text, STYLES.get(text, "")) for _, text in row]
        table.add_row(name, Text(VERDICTS[verdict], STYLES[verdict]), *cells)
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
