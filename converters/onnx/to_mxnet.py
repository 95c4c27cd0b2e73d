"""ONNX -> MXNet: a symbol and its arrays, without MXNet.

Layers keep their names: an ONNX value becomes the node that has its name. Each ONNX operator is
translated by itself (converters/onnx/importer, a declaration each); what depends on constants and
sizes alone is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Union

import onnx
import onnx_ir as ir

from ..errors import CheckpointError, UnsupportedError
from ..ir.arrays import Array
from ..ir.shapes import Shape, stated
from ..mxnet_format.checkpoint import save_checkpoint
from ..mxnet_format.checkpoint_files import PathLike, params_path, symbol_path
from ..mxnet_format.symbol import Symbol
from .exporter import SUPPORTED_OPSETS
from .importer.translation import Translation

Source = Union[PathLike, onnx.ModelProto, ir.Model]


@dataclass(frozen=True)
class MxnetModel:
    """A network as MXNet 1.9.1 loads it.

    Attributes:
        arrays: "arg:NAME" or "aux:NAME" -> numbers.
        inputs: name -> shape, with named sizes where they are free.
    """

    symbol: Symbol
    arrays: Dict[str, Array]
    inputs: Dict[str, Shape]


def from_onnx(source: Source, *, inputs: Optional[Mapping[str, Shape]] = None) -> MxnetModel:
    """An ONNX file or model as a network for MXNet 1.9.1.

    Args:
        inputs: shapes of inputs in place of the model's: fixed sizes make more of it known.

    Raises:
        CheckpointError: the file is missing or no ONNX model.
        ShapeError: `inputs` names no input, or the model says otherwise.
        UnsupportedError: operators or attributes that have no way to MXNet, all of them.
    """
    model = _read(source)
    opset = model.opset_imports.get("", model.opset_imports.get("ai.onnx"))
    if opset is None or opset not in SUPPORTED_OPSETS:
        first, last = SUPPORTED_OPSETS[0], SUPPORTED_OPSETS[-1]
        raise UnsupportedError(
            [
                f"opset {opset}; supported: {first} to {last}. Convert it first: "
                "onnx.version_converter.convert_version."
            ]
        )
    translation = Translation(model, opset, stated(inputs or {}))
    symbol = translation.symbol()
    read = {node.name for node in symbol.nodes if node.is_variable}
    return MxnetModel(
        symbol,
        {key: array for key, array in translation.builder.arrays.items() if key[4:] in read},
        {name: shape for name, shape in translation.inputs.items() if name in read},
    )


def save_mxnet(model: MxnetModel, prefix: PathLike, epoch: int = 0) -> List[Path]:
    """Write PREFIX-symbol.json and PREFIX-0000.params; the files written."""
    save_checkpoint(prefix, model.symbol, model.arrays, epoch)
    return [symbol_path(prefix), params_path(prefix, epoch)]


def _read(source: Source) -> ir.Model:
    model: ir.Model
    if isinstance(source, ir.Model):
        return source
    if isinstance(source, onnx.ModelProto):
        model = ir.from_proto(source)
        return model
    path = Path(source)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file. Give an ONNX model, e.g. net.onnx.")
    try:
        model = ir.load(path)
        names = [value.name for value in model.graph.inputs]
    except Exception as error:  # protobuf's and onnx_ir's, of many kinds
        raise CheckpointError(
            f"{path}: is no ONNX model, or damaged ({type(error).__name__}: {error}). Export it "
            "again, or compare its size with the original's."
        ) from error
    if not model.opset_imports or not (names or len(model.graph)):
        raise CheckpointError(f"{path}: is no ONNX model: it holds no network. Export it again.")
    return model
