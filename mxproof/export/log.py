"""The log of a conversion: what was read, what became of each layer, what was written."""

from __future__ import annotations

import ast
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

import onnx

from converters import Graph, __version__

from ..reports.record import proof_record
from ..reports.wording import FUNCTIONS, one_line, precision_words
from ..reproducers.case import NoPiece
from ..reproducers.pytorch import PytorchFile
from .result import ConversionResult

PACKAGES = ("numpy", "onnx", "onnx-ir", "safetensors", "onnxruntime", "torch", "mxnet")


def log_text(parcel: ConversionResult, said: Sequence[str], seconds: float, command: str) -> str:
    """All of it, as plain text, a fact a line.

    Args:
        said: warnings, as they were shown.
        command: the command line.
    """
    sections = {
        "command": [command],
        "versions": _versions(parcel),
        "read": [f"{k}: {v}" for k, v in parcel.graph.source.items()],
        "inputs and outputs": [f"{k} {n}: {dtype} {s}" for k, n, dtype, s in parcel.values()],
        "cut away": _cut(parcel.graph),
        "notes": parcel.notes,
        "warnings": said,
        "layers": _layers(parcel),
        "proof": [_verdict(parcel)],
        "written": [f"{e['name']}  {e['bytes']} bytes  {e['sha256']}" for e in parcel.written()],
        "seconds": [f"{seconds:.1f}"],
    }
    lines: List[str] = []
    for title, facts in sections.items():
        lines += [f"{title}:", *(f"  {one_line(fact)}" for fact in list(facts) or ["none"])]
    return "\n".join(lines) + "\n"


def _versions(parcel: ConversionResult) -> Iterator[str]:
    yield f"mxproof {__version__}, Python {platform.python_version()}, {platform.system()}"
    judged = parcel.proof.versions if parcel.proof else {}
    for name in PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            if name in judged:
                yield f"{name} {judged[name]} (in another Python)"


def _cut(graph: Graph) -> Iterator[str]:
    yield from (f"label {label}" for label in graph.labels)
    converted = {node.name for node in graph.nodes}
    for node in graph.listed:
        if node.name not in converted:
            yield f"layer {node.name} ({node.op}): folded into others"


def _layers(parcel: ConversionResult) -> Iterator[str]:
    """What became of each layer in each target."""
    models = parcel.models
    nodes = _onnx_nodes(models["onnx"]) if "onnx" in models else {}
    lines = _statements(models["pytorch"]) if "pytorch" in models else {}
    for node in parcel.graph.nodes:
        found = dict.fromkeys(lines[o] for o in node.outputs if o in lines)
        forms = {
            "onnx": " ".join(nodes.get(node.name, [])) or "as its input",
            "pytorch": "; ".join(found),
        }
        parts = [f"{target}: {text}" for target, text in forms.items() if target in models]
        yield f"{node.op} {node.name} -> {' | '.join(parts)}"


def _onnx_nodes(path: Path) -> Dict[str, List[str]]:
    """Layer -> the operators that it became."""
    found: Dict[str, List[str]] = {}
    for node in onnx.load(path, load_external_data=False).graph.node:
        found.setdefault(node.name.rpartition("/")[0], []).append(node.op_type)
    return found


def _statements(path: Path) -> Dict[str, str]:
    """Value -> the statement that makes it, and in which block."""
    try:
        places = PytorchFile(path).places
    except NoPiece:
        return {}
    return {
        name: (f"{place.path}: " if place.path else "") + ast.unparse(place.statement)
        for name, place in places.items()
    }


def _verdict(parcel: ConversionResult) -> str:
    if parcel.proof is None:
        return f"not proven: {parcel.unproven}"
    targets = proof_record(parcel.proof)["targets"].items()
    said = (f"{n}: {FUNCTIONS[t['function']]}, {precision_words(t)}" for n, t in targets)
    return "; ".join(said)
