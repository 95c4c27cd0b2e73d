"""`mxproof inspect`."""

from __future__ import annotations

import argparse
from typing import Any, Dict

from converters.shape import show

from ..report.terminal import graph_table
from ..subject import load_subject, parse_inputs
from .common import PROVEN, common, console_of, reading, say


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "inspect",
        help="show what a checkpoint holds",
        description="List inputs, outputs, layers and parameters, and what cannot be converted.",
    )
    common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    console = console_of(args)
    given = parse_inputs(args.input)
    subject = load_subject(args.checkpoint, inputs=given, **reading(args))
    graph = subject.graph
    console.print(graph_table(graph))
    facts: Dict[str, str] = {
        "inputs": ", ".join(f"{v.name}={show(v.shape)}" for v in graph.inputs),
        "labels cut away": ", ".join(graph.labels) or "none",
        "outputs": ", ".join(f"{o}={show(graph.shapes[o])}" for o in graph.outputs),
        "parameters": f"{len(graph.params)} arrays, "
        f"{sum(a.size for a in graph.params.values()):,} numbers, "
        f"{sum(a.nbytes for a in graph.params.values()):,} bytes",
        "weights": subject.why,
        **graph.source,
    }
    for key, value in facts.items():
        say(f"{key}: {value}", quiet=args.quiet)
    return PROVEN
