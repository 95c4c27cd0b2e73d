"""List inputs, outputs, layers and parameters, and what cannot be converted."""

from __future__ import annotations

import argparse
from typing import Dict

from converters.shape import show

from ..report.terminal import graph_table
from ..subject import load_subject, parse_inputs
from . import common


def add_options(parser: argparse.ArgumentParser) -> None:
    common.common(parser)


def run(args: argparse.Namespace) -> int:
    given = parse_inputs(args.input)
    subject = load_subject(args.checkpoint, inputs=given, **common.reading(args))
    graph, arrays = subject.graph, subject.graph.params.values()
    common.console_of(args).print(graph_table(graph))
    facts: Dict[str, str] = {
        "inputs": ", ".join(f"{v.name}={show(v.shape)}" for v in graph.inputs),
        "labels cut away": ", ".join(graph.labels) or "none",
        "outputs": ", ".join(f"{o}={show(graph.shapes[o])}" for o in graph.outputs),
        "parameters": f"{len(arrays)} arrays, {sum(a.size for a in arrays):,} numbers, "
        f"{sum(a.nbytes for a in arrays):,} bytes",
        "weights": subject.why,
        **graph.source,
    }
    common.say(*(f"{key}: {value}" for key, value in facts.items()), quiet=args.quiet)
    return common.PROVEN
