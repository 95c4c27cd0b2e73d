"""Pieces of an .onnx file."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import onnx
import onnx_ir as ir

from converters.onnx.exporter import EXTERNAL_DATA_BYTES

from ..proof.trace import ReferenceTrace
from ..runtimes.onnx_reference.evaluator import double_nodes, widen
from .case import NoPiece

NAME = "piece.onnx"


def cut(
    path: Path, precision: str, folder: Path, layer: Optional[str], truth: ReferenceTrace
) -> List[str]:
    """Write the part of an .onnx file that computes the layer, or all of it; returns its inputs.

    In float64 it is stored in double precision, which ONNX's reference evaluator computes in; in
    float32 as it is, for onnxruntime.

    Raises:
        NoPiece: nothing in the file computes the layer.
    """
    model = onnx.load(path)
    if layer is not None:
        model = _extracted(model, layer, truth)
    written = doubled(model) if precision == "float64" else model
    large = sum(len(t.raw_data) for t in written.graph.initializer) > EXTERNAL_DATA_BYTES
    onnx.save(written, folder / NAME, save_as_external_data=large, location=f"{NAME}.data")
    return [i.name for i in model.graph.input]


def _extracted(model: onnx.ModelProto, layer: str, truth: ReferenceTrace) -> onnx.ModelProto:
    whole = ir.from_proto(model)
    named = ir.convenience.create_value_mapping(whole.graph)
    typed = {n: v for n, v in named.items() if v.type is not None and not v.is_initializer()}
    shapes = {**truth.shapes, **{name: array.shape for name, array in truth.inputs.items()}}
    fed = [name for name in typed if name in shapes and name != layer]
    try:
        graph = ir.convenience.extract(whole.graph, fed, [str(typed[layer].name)])
    except (KeyError, ValueError) as error:
        raise NoPiece(f"nothing in the .onnx file computes {layer!r}: {error}") from error
    graph.inputs[:] = [value for value in graph.inputs if value.uses()]
    for value in graph.inputs:
        value.shape = ir.Shape([None, *shapes[str(value.name)][1:]])
    functions = list(whole.functions.values())
    piece = ir.Model(graph, ir_version=whole.ir_version, functions=functions)
    return ir.to_proto(piece)


def doubled(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in double precision, as OnnxReference computes it."""
    double = double_nodes(model)
    double.graph.initializer.extend(model.graph.initializer)
    for tensor in double.graph.initializer:
        widen(tensor)
    return double
