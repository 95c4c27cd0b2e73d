"""Pieces of an .onnx file."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np
import onnx
import onnx_ir as ir

from converters.onnx_model import EXTERNAL_DATA_BYTES

from ..runtimes.onnx_reference import double_nodes, missing_epsilon, widen
from .piece import NoPiece, Piece, Values

NAME = "piece.onnx"


class OnnxFile:
    """An .onnx file. In float64 its pieces are stored in double precision, which ONNX's
    reference evaluator computes in; in float32 as they are, for onnxruntime."""

    suffix = ".onnx"

    def __init__(self, path: Path, precision: str) -> None:
        self._model, self._precision = onnx.load(path), precision

    def cut(self, layer: str, values: Values) -> Piece:
        model = ir.from_proto(self._model)
        named = ir.convenience.create_value_mapping(model.graph)
        typed = {n: v for n, v in named.items() if v.type is not None and not v.is_initializer()}
        fed = [name for name in typed if name in values and name != layer]
        try:
            graph = ir.convenience.extract(model.graph, fed, [str(typed[layer].name)])
        except (KeyError, ValueError) as error:
            raise NoPiece(f"nothing in the .onnx file computes {layer!r}: {error}") from error
        graph.inputs[:] = [value for value in graph.inputs if value.uses()]
        for value in graph.inputs:
            value.shape = ir.Shape([None, *values[str(value.name)].float64.shape[1:]])
        functions = list(model.functions.values())
        piece = ir.Model(graph, ir_version=model.ir_version, functions=functions)
        return self._piece(ir.to_proto(piece), [layer])

    def whole(self, outputs: Sequence[str]) -> Piece:
        return self._piece(self._model, list(dict.fromkeys(outputs)))  # ONNX lists each once

    def _piece(self, model: onnx.ModelProto, outputs: Sequence[str]) -> Piece:
        def write(folder: Path) -> None:
            written = doubled(model) if self._precision == "float64" else model
            large = sum(len(t.raw_data) for t in written.graph.initializer) > EXTERNAL_DATA_BYTES
            location = f"{NAME}.data"
            onnx.save(written, folder / NAME, save_as_external_data=large, location=location)

        return Piece([i.name for i in model.graph.input], outputs, write)


def doubled(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in double precision, as OnnxReference computes it: every number widened, and
    what float32 took from an epsilon added to the variance."""
    double = double_nodes(model)
    graph = double.graph
    graph.initializer.extend(model.graph.initializer)
    for tensor in graph.initializer:
        widen(tensor)
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        missing = missing_epsilon(node) if node.op_type == "BatchNormalization" else 0.0
        if missing:
            rest, variance = f"{node.name}/rest of epsilon", f"{node.name}/variance"
            graph.initializer.append(onnx.numpy_helper.from_array(np.float64(missing), rest))
            graph.node.append(onnx.helper.make_node("Add", [node.input[4], rest], [variance]))
            node.input[4] = variance
        graph.node.append(node)
    return double
