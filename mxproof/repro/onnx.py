"""Pieces of an .onnx file."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

import numpy as np
import onnx
import onnx_ir as ir

from converters.onnx_model import EXTERNAL_DATA_BYTES

from ..runtimes.onnx_reference import double_nodes, missing_epsilon, widen
from .piece import NoPiece, Values

NAME = "piece.onnx"


class OnnxFile:
    """An .onnx file. In float64 its pieces are stored in double precision, which ONNX's
    reference evaluator computes in; in float32 as they are, for onnxruntime."""

    def __init__(self, path: Path, precision: str) -> None:
        self._model, self._precision = onnx.load(path), precision

    def cut(self, layer: str, values: Values, folder: Path) -> List[str]:
        model = ir.from_proto(self._model)
        named = ir.convenience.create_value_mapping(model.graph)
        typed = {n: v for n, v in named.items() if v.type is not None and not v.is_initializer()}
        fed = [name for name in typed if name in values and name != layer]
        if layer not in typed:
            raise NoPiece(f"nothing in the .onnx file computes {layer!r}")
        try:
            graph = ir.convenience.extract(model.graph, fed, [layer])
        except ValueError as error:
            raise NoPiece(f"nothing in the .onnx file computes {layer!r}: {error}") from error
        graph.inputs[:] = [value for value in graph.inputs if value.uses()]
        read = [str(value.name) for value in graph.inputs]
        for value in graph.inputs:
            value.shape = ir.Shape([None, *values[str(value.name)].shape[1:]])
        piece = ir.Model(
            graph, ir_version=model.ir_version, functions=list(model.functions.values())
        )
        self._save(ir.to_proto(piece), folder)
        return read

    def whole(self, folder: Path) -> List[str]:
        self._save(self._model, folder)
        return [i.name for i in self._model.graph.input]

    def outputs(self, names: Sequence[str]) -> List[str]:
        return list(dict.fromkeys(names))

    def _save(self, model: onnx.ModelProto, folder: Path) -> None:
        if self._precision == "float64":
            model = doubled(model)
        large = sum(len(t.raw_data) for t in model.graph.initializer) > EXTERNAL_DATA_BYTES
        onnx.save(model, folder / NAME, save_as_external_data=large, location=f"{NAME}.data")


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
