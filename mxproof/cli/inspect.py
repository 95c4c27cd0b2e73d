"""List inputs, outputs, layers and parameters, what cannot be converted, and which outputs can."""

from __future__ import annotations

import argparse
from typing import Any, Callable, Dict, Iterable

from converters import ConversionError, Graph, to_onnx, to_pytorch
from converters.ir.shapes import show

from ..model import load_model, parse_inputs
from ..reports.terminal import graph_table
from . import common

TARGETS: Dict[str, Callable[[Graph], Any]] = {"ONNX": to_onnx, "PyTorch": to_pytorch}


def add_options(parser: argparse.ArgumentParser) -> None:
    common.common(parser)


def run(args: argparse.Namespace) -> int:
    how = {"inputs": parse_inputs(args.input), "partial": True, **common.reading(args)}
    subject = load_model(args.checkpoint, **how)
    graph, arrays = subject.graph, subject.graph.params.values()
    common.console_of(args).print(graph_table(graph))
    facts: Dict[str, str] = {
        "inputs": ", ".join(f"{v.name}={show(v.shape)}" for v in graph.inputs),
        "labels cut away": ", ".join(graph.labels) or "none",
        "outputs": _shown(graph, graph.outputs),
        **_refusals(graph),
        "parameters": f"{len(arrays)} arrays, {sum(a.size for a in arrays):,} numbers, "
        f"{sum(a.nbytes for a in arrays):,} bytes",
        "weights": subject.why,
        **graph.source,
    }
    common.say(*(f"{key}: {value}" for key, value in facts.items()), quiet=args.quiet)
    return common.PROVEN


def _shown(graph: Graph, outputs: Iterable[str]) -> str:
    return ", ".join(f"{name}={show(graph.shapes[name])}" for name in outputs)


def _refusals(graph: Graph) -> Dict[str, str]:
    """What keeps the network from being converted, and the outputs that it has before that."""
    if graph.refused:
        available = _shown(graph, graph.available) or "none"
        return {
            "not converted": f"{len(graph.refused)} layers; see the table",
            "outputs that can be converted (--output)": available,
        }
    found = {}
    for target, convert in TARGETS.items():
        try:
            convert(graph)
        except ConversionError as error:
            found[f"not converted to {target}"] = str(error)
    return found
