"""Tables in the terminal."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Dict, Iterable, List, Mapping, Sequence, Set, Tuple

from rich.table import Column, Table
from rich.text import Text

from converters import Graph
from converters.ir.shapes import show

from ..errors import UsageError
from ..model import WEIGHTS
from ..proof.outputs.agreement import DIFFERS
from ..proof.proof import Proof
from ..proof.results import LayerResult
from ..proof.trace_results import TraceResult
from .record import FAIL, INCOMPLETE, MEASURES, PASS, QUESTIONS, Json, proof_record
from .sheet import Sheet, plain
from .wording import (
    NONE,
    NOT_COMPARED,
    SUMMARY,
    TOP,
    VERDICTS,
    coverage_words,
    lost_digits,
    number,
    reasons,
    summary,
)

STYLES = {PASS: "green", FAIL: "bold red", INCOMPLETE: "yellow", TOP[DIFFERS]: "bold red"}
ERRORS = (
    *("max absolute error", "max relative error", "output error (limit)"),
    *("layers", "worst layer", "its error (limit)"),
)
RUN = ("model", "runtime", "precision")
SEARCHED = ("model", "target", "precision", "inputs", "worst", "where")


def proof_table(proof: Proof) -> Table:
    """A column for each target: verdict, final output, worst layers."""
    shapes = ", ".join(f"{k}={show(v)}" for k, v in proof.shapes.items())
    title = plain(f"{proof.model} ({WEIGHTS.get(proof.weights, proof.weights)}; {shapes})")
    record = proof_record(proof)
    targets = record["targets"]
    notes = [f"{name}: {reason}" for name, target in targets.items() for reason in reasons(target)]
    notes += [f"{layer!r}: {n}" for layer, n in proof.notes.items() if " in MXNet" in n]
    caption = Text("\n").join(map(plain, [*notes, coverage_words(record)]))
    columns = [Column(plain(name), overflow="fold") for name in targets]
    table = Table("", *columns, title=title, caption=caption)
    for heading in ("verdict", *SUMMARY):
        table.add_row(heading, *(_cell(target, heading) for target in targets.values()))
    return table


def _cell(target: Json, heading: str) -> Text:
    text = dict(summary(target)).get(heading) or VERDICTS[target["verdict"]]
    verdict = heading == "verdict" or heading in QUESTIONS
    return Text(text, STYLES.get(target[heading] if verdict else text, ""))


def lost_in(proof: Proof) -> List[str]:
    """A sentence for each target that loses digits within its limits."""
    targets = proof_record(proof)["targets"].values()
    return [text for target in targets if (text := lost_digits(target))]


def errors_table(rows: Iterable[Mapping[str, str]]) -> Sheet:
    """The table of a test run: one row for each model in each runtime and precision.

    Args:
        rows: those of the same model, runtime and precision complete each other.
    """
    merged: Dict[Tuple[str, ...], Dict[str, str]] = {}
    for row in rows:
        merged.setdefault(tuple(row[name] for name in RUN), {}).update(row)
    title = (
        "Largest differences from MXNet: final output, and worst layer\n(errors beside a limit: "
    )
    title += "in float64 relative, in float32 in multiples of MXNet's own)"
    cells = [tuple(row.get(c, NONE) for c in (*RUN, *ERRORS)) for _, row in sorted(merged.items())]
    return Sheet(title, (*RUN, *ERRORS), cells)


def against_limit(check: LayerResult) -> str:
    """A layer's error and what it may be: in float64 relative to the layer's largest magnitude, in
    float32 in multiples of MXNet's own error."""
    error = check.rel if check.sums is None else check.ratio
    if error is None:
        return NOT_COMPARED if check.rel is None else f"{number(check.rel)} (MXNet's is 0)"
    form = ".1e" if check.sums is None else ".2f"
    return f"{number(error, form)} ({number(check.limit, form)})"


def proven_sentence(rows: Iterable[Mapping[str, str]], failed: Sequence[str]) -> str:
    """What a test run proved: of which models, how many layers, where, and with which weights.

    Args:
        rows: of the tests of layers that passed.
        failed: the ids of tests of models that failed.
    """
    places: Dict[Tuple[str, str, str], Set[str]] = {}
    for row in rows:
        model = row["model"], row["layers"], row["weights"]
        places.setdefault(model, set()).add(f"{row['runtime']} {row['precision']}")
    alike: Dict[Tuple[str, str], List[str]] = {}
    for (name, layers, weights), where in places.items():
        if not any(f"[{name}-" in test or f"[{name}]" in test for test in failed):
            models = alike.setdefault((weights, ", ".join(sorted(where))), [])
            models.append(f"{name} ({layers} layers)")
    parts = [f"{', '.join(m)} with {weights} in {where}" for (weights, where), m in alike.items()]
    proven = f"Proven equal to MXNet, every layer: {'; '.join(parts)}." if parts else ""
    tests = "1 test" if len(failed) == 1 else f"{len(failed)} tests"
    return f"Not proven: {tests} of models failed. {proven}".strip() if failed else proven


def search_table(rows: Iterable[Mapping[str, str]]) -> Sheet:
    """How close Hypothesis came to the budget: one row for each model, target and precision."""
    title = "Worst case found: the part of its budget that a layer used up (limit: 1)"
    return Sheet(title, SEARCHED, [tuple(row[c] for c in SEARCHED) for row in rows])


def graph_table(graph: Graph) -> Sheet:
    """Every layer with its operator, the shape of its result, and why it is not converted."""
    rows = [
        (node.name, node.op, show(graph.shapes[node.outputs[0]]), graph.refused.get(node.name, ""))
        for node in graph.nodes
    ]
    headings = ("layer", "operator", "shape", "not converted: why")
    kept = len(headings) if graph.refused else len(headings) - 1
    title = f"{graph.name}: {len(graph.nodes)} layers"
    return Sheet(title, headings[:kept], [row[:kept] for row in rows])


def require_layers(graph: Graph, pattern: str) -> None:
    """Refuse a pattern that matches no layer.

    Raises:
        UsageError: it matches none of the network's layers.
    """
    names = (name for node in graph.nodes for name in node.outputs)
    if not any(fnmatchcase(name, pattern) for name in names):
        raise UsageError(f"--layers {pattern}: {graph.name} has no such layer; see `inspect`.")


def layer_sheet(model: str, target: str, comparison: TraceResult, pattern: str) -> Sheet:
    """A table of the layers whose names match.

    Args:
        pattern: as in a shell: "stage1_*", or "*" for all.
    """
    precision = comparison.precision
    measure = MEASURES[precision]
    rows = [
        (
            *(check.layer, check.op, show(check.shape)),
            *(number(getattr(check, m), ".2g") for m in ("max_abs", "max_rel", measure, "limit")),
            NONE if check.rel is None else f"{100 * check.part:.2g} %",
            check.problem or check.note or "pass",
        )
        for check in comparison.checks
        if fnmatchcase(check.layer, pattern)
    ]
    headings = (
        "layer",
        "operator",
        "shape",
        "max abs",
        "max rel",
        f"{precision} {measure}",
        "limit",
    )
    title = f"{model}/{target} {precision}, layers {pattern}"
    return Sheet(title, (*headings, "of its budget", "verdict"), rows)
