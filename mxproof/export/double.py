"""Files in float64, which not every runtime computes in: whether those installed here run them."""

from __future__ import annotations

import importlib.util
from typing import List

import numpy as np

from converters import ConversionError, Graph

from ..errors import UsageError
from .proving import NEEDS, SEED, run_file
from .result import ConversionResult

NO_DOUBLE = {
    "onnx": "Its CPU provider has float64 kernels of few operators, and none of Conv; ONNX's "
    "reference evaluator (onnx.reference) runs the file, and without --float64 it is float32.",
    "pytorch": "PyTorch computes in float64 on CPUs and on most GPUs.",
}


def is_double(graph: Graph) -> bool:
    """Whether its stored numbers are float64, which the proof is not about."""
    return any(array.dtype == np.float64 for array in graph.params.values())


def where_it_runs(parcel: ConversionResult) -> List[str]:
    """Of files in float64, a sentence for each: whether the usual runtime of their kind runs it."""
    sentences = []
    for target, path in parcel.models.items():
        said = f"float64, {target}: {NEEDS[target]}"
        if not importlib.util.find_spec(NEEDS[target]):
            sentences.append(f"{said} is not installed, so it was not tried. {NO_DOUBLE[target]}")
            continue
        try:
            shapes = parcel.subject.concrete({})
            arrays = parcel.subject.inputs(shapes, SEED)
            types = {v.name: v.type for v in parcel.graph.inputs}
            run_file(target, path, {name: a.astype(types[name]) for name, a in arrays.items()})
            sentences.append(f"{said} runs it.")
        except (ConversionError, UsageError) as error:
            sentences.append(f"{said} was not tried: {error}")
        except Exception as error:  # onnxruntime's, of many kinds
            why = str(error).strip().splitlines()[0].rpartition(" : ")[2]
            sentences.append(f"{said} does not run it ({why}). {NO_DOUBLE[target]}")
    return sentences
