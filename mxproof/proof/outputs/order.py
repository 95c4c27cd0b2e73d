"""Match outputs by name: a file's with MXNet's, and a run's with its layers."""

from __future__ import annotations

from typing import Dict, Iterator, Mapping, Optional, Sequence

import numpy as np

from converters import Graph

from ...runtimes.base import Array, Candidate
from .agreement import differences


def by_name(graph: Graph, outputs: Sequence[Array]) -> Dict[str, Array]:
    """MXNet may list an output twice, ONNX does not."""
    once = list(dict.fromkeys(graph.outputs))
    return dict(zip(once if len(outputs) == len(once) else graph.outputs, outputs))


def misnamed(candidate: Candidate, graph: Graph) -> Iterator[str]:
    """The names of inputs and outputs in the converted file are MXNet's, in its order."""
    inputs = [value.name for value in graph.inputs]
    for what, expected in (("input", inputs), ("output", list(graph.outputs))):
        names: Optional[Sequence[str]] = getattr(candidate, f"{what}_names", None)
        if names is not None and list(names) not in (expected, list(dict.fromkeys(expected))):
            yield f"the file names its {what}s {list(names)}; MXNet's are {expected}"


def misplaced(outputs: Sequence[Array], shown: Mapping[str, Array], graph: Graph) -> Iterator[str]:
    """Each output of a traced run is what that run showed as the layer, bit for bit.

    Nothing may happen behind the last layer that is shown, and no two outputs be exchanged.

    Args:
        shown: output -> the layer's result.
    """
    once = list(dict.fromkeys(graph.outputs))
    if len(outputs) not in (len(once), len(graph.outputs)):
        yield f"the traced run returns {len(outputs)} outputs, MXNet {len(once)}"
        return
    for name, value in by_name(graph, outputs).items():
        if name not in shown or same_numbers(value, shown[name]):
            continue
        others = [n for n, other in shown.items() if same_numbers(value, other)]
        if others:
            yield f"output {name!r} is layer {others[0]!r} of the same run"
        elif value.shape != shown[name].shape:
            yield f"output {name!r} has shape {value.shape}, its layer {shown[name].shape}"
        else:
            gap = differences(value, shown[name])
            yield (
                f"output {name!r} is not its layer: behind the last layer that the run shows it "
                f"changes by {gap[0]:.1e} (relative {gap[1]:.1e})"
            )


def same_numbers(value: Array, other: Array) -> bool:
    """Are type, shape and all numbers equal?"""
    known = value.dtype == other.dtype and value.shape == other.shape
    return known and np.array_equal(value, other, equal_nan=value.dtype.kind == "f")
