"""MXNet checkpoints -> ONNX and PyTorch, without MXNet and without torch.

from converters import load_checkpoint, to_onnx, save_onnx, to_pytorch, save_pytorch

graph = load_checkpoint("model/resnet-50")
save_onnx(to_onnx(graph), "resnet-50.onnx")
save_pytorch(to_pytorch(graph), ".")
"""

from typing import TYPE_CHECKING

from ._version import __version__
from .lazy import lazy_exports
from .onnx.opsets import DEFAULT_OPSET

if TYPE_CHECKING:
    from .errors import (
        CheckpointError,
        CheckpointWarning,
        ConversionError,
        DroppedOutputsWarning,
        ShapeError,
        UnsupportedError,
        UnusedParametersWarning,
    )
    from .ir.graph import Graph, Node, Value
    from .mxnet_format.checkpoint import load_checkpoint, save_checkpoint
    from .onnx.exporter import SUPPORTED_OPSETS, save_onnx, to_onnx
    from .pytorch.exporter import PytorchModule, save_pytorch, to_pytorch

_MODULES = {
    "mxnet_format.checkpoint": "load_checkpoint save_checkpoint",
    "errors": "CheckpointError CheckpointWarning ConversionError DroppedOutputsWarning ShapeError "
    "UnsupportedError UnusedParametersWarning",
    "ir.graph": "Graph Node Value",
    "onnx.exporter": "SUPPORTED_OPSETS save_onnx to_onnx",
    "pytorch.exporter": "PytorchModule save_pytorch to_pytorch",
}
__getattr__ = lazy_exports(
    __name__, {name: module for module, names in _MODULES.items() for name in names.split()}
)

__all__ = [
    "DEFAULT_OPSET",
    "SUPPORTED_OPSETS",
    "CheckpointError",
    "CheckpointWarning",
    "ConversionError",
    "DroppedOutputsWarning",
    "Graph",
    "Node",
    "PytorchModule",
    "ShapeError",
    "UnsupportedError",
    "UnusedParametersWarning",
    "Value",
    "__version__",
    "load_checkpoint",
    "save_checkpoint",
    "save_onnx",
    "save_pytorch",
    "to_onnx",
    "to_pytorch",
]
