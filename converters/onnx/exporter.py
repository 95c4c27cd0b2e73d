"""Graph -> ONNX model, one layer after the other.

MXNet's layer names become the names of the values, so that every layer can be found again.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import List, Union

import onnx
import onnx_ir as ir

from .. import operators as ops
from ..errors import UnsupportedError
from ..ir.examples import completed
from ..ir.graph import Graph
from ..progress import counted
from .builder import OnnxBuilder
from .opsets import DEFAULT_OPSET, NEWEST_OPSET, OLDEST_OPSET

#: Those that the installed onnx knows.
SUPPORTED_OPSETS = range(OLDEST_OPSET, min(NEWEST_OPSET, onnx.defs.onnx_opset_version()) + 1)
EXTERNAL_DATA_BYTES = 1 << 30  # protobuf ends at 2 GiB


def to_onnx(graph: Graph, *, opset: int = DEFAULT_OPSET) -> ir.Model:
    """The network as an ONNX model, with symbolic dimensions as in its inputs.

    Raises:
        UnsupportedError: operators, attributes or an opset that cannot be converted.
        ShapeError: an input's shape is neither given nor implied.
    """
    if opset not in SUPPORTED_OPSETS:
        first, last = SUPPORTED_OPSETS[0], SUPPORTED_OPSETS[-1]
        raise UnsupportedError([f"opset {opset}; supported: {first} to {last}."])
    _ = graph.operators  # first, so that all that is unsupported is listed
    builder = OnnxBuilder(graph, opset)
    for value in graph.inputs:
        builder.add_input(value.name)
    for node in counted(graph.nodes, f"{graph.name}: converting to ONNX, layers"):
        try:
            builder.add_layer(node)
        except ops.Unsupported as problem:
            raise completed(ops.unsupported(node, problem), graph) from None
    return builder.model()


def save_onnx(
    model: ir.Model, path: Union[str, os.PathLike[str]], *, external_data: bool = False
) -> List[Path]:
    """Write the model, whole or not at all; weights beyond 1 GiB go into `<path>.data`.

    Args:
        path: the .onnx file; its folder is made if need be.
        external_data: weights go there whatever their size.

    Returns:
        The files written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = sum(v.const_value.nbytes for v in model.graph.initializers.values() if v.const_value)
    external = external_data or weights > EXTERNAL_DATA_BYTES
    data = path.name + ".data" if external else None
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        ir.save(model, Path(folder) / path.name, external_data=data)
        names = [data] if data and (Path(folder) / data).exists() else []
        for name in [*names, path.name]:
            os.replace(Path(folder) / name, path.parent / name)
    return [path.parent / name for name in [path.name, *names]]
