"""The header of emitted files: where they come from, their inputs and outputs, how to run them."""

from __future__ import annotations

import keyword
import textwrap
from typing import Dict, List, Mapping, Optional, Tuple

from ._version import __version__
from .errors import CheckpointError, ShapeError
from .ir.graph import Graph
from .ir.shapes import Dim, show
from .preprocessing import KEY, Preprocessing
from .python_text import INDENT, WIDTH, prose

#: Sizes to try a network with, for those that it leaves free: the usual ones first.
SIDES = (224, 112, 64, 32, 16)
USUAL = {"N": 1, "T": 16}


def example_shapes(graph: Graph) -> Optional[Dict[str, Tuple[int, ...]]]:
    """Fixed shapes of all inputs that the network takes, or None where none is known to be."""
    for side in SIDES:
        shapes = {
            v.name: tuple(_size(dim, side) for dim in v.shape)
            for v in graph.inputs
            if v.shape is not None
        }
        if len(shapes) < len(graph.inputs):
            return None
        try:
            graph.infer_shapes(dict(shapes))
        except ShapeError:
            continue
        return shapes
    return None


def _size(dim: Dim, side: int) -> int:
    return dim if isinstance(dim, int) else USUAL.get(dim or "", side)


def sources(source: Mapping[str, str]) -> List[str]:
    """One line a fact; the preprocessing, which is JSON, as a list."""
    lines = [f"{prose(k)}: {prose(v)}" for k, v in source.items() if k != KEY]
    return lines + preprocessing(source.get(KEY))


def preprocessing(text: Optional[str]) -> List[str]:
    """What the recorded preprocessing does, in words; [] where none is recorded."""
    if not text:
        return []
    try:
        steps = str(Preprocessing.from_text(text))
    except CheckpointError:
        steps = text
    return textwrap.wrap(f"preprocessing: {prose(steps)}", WIDTH, subsequent_indent=INDENT)


def description(graph: Graph) -> List[str]:
    """What it is, from what, and what goes in and out."""
    title = f"{prose(graph.name)}, converted from MXNet by mxproof {__version__}."
    lines = [title, "", *sources(graph.source)]
    lines += [_value("input", v.name, graph) for v in graph.inputs]
    return lines + [_value("output", name, graph) for name in dict.fromkeys(graph.outputs)]


def docstring(graph: Graph, class_name: str, stages: str) -> List[str]:
    """The lines of the module's docstring, without its quotes.

    Args:
        stages: a sentence on how MXNet's names became this file's, or "".
    """
    lines = description(graph)
    if stages:
        lines += ["", stages]
    return [*lines, "", *(f"{INDENT}{line}".rstrip() for line in usage(graph, class_name))]


def _value(kind: str, name: str, graph: Graph) -> str:
    return f"{kind} {prose(name)}: {graph.types[name]} {prose(show(graph.shapes[name]))}"


def usage(graph: Graph, class_name: str = "") -> List[str]:
    """The lines that load the emitted file and run the network on zeros."""
    name = prose(graph.name)
    importable = name.isidentifier() and not keyword.iskeyword(name)
    if importable:
        lines = ["import torch", f"from {name} import load", "", "model = load()"]
    else:
        lines = ["import runpy", "import torch", ""]
        lines.append(f'model = runpy.run_path("{name}.py")["load"]()')
    if class_name:
        lines[-1] += f"  # class {class_name}, in eval mode"
    return [*lines, *run_lines(graph)]


def run_lines(graph: Graph, model: str = "model") -> List[str]:
    """The lines that run `model` on zeros; [] where the shape of an input is not known."""
    shapes = example_shapes(graph)
    if shapes is None:
        return []
    zeros = [_zeros(shape, graph.types[name]) for name, shape in shapes.items()]
    run = f"{INDENT}outputs = {model}({', '.join(zeros)})"
    if len(run) > WIDTH - len(INDENT):
        run = f"{INDENT}outputs = {model}(\n" + "".join(f"{INDENT * 2}{z},\n" for z in zeros)
        run += f"{INDENT})"
    return ["with torch.inference_mode():", *run.split("\n")]


def _zeros(shape: Tuple[int, ...], dtype: str) -> str:
    sizes = ", ".join(map(str, shape)) or "()"
    kind = "" if dtype == "float32" else f", dtype=torch.{dtype}"
    return f"torch.zeros({sizes}{kind})"
