"""MXNet checkpoints -> ONNX and PyTorch, without MXNet and without torch.

from converters import load_checkpoint, to_onnx, save_onnx, to_pytorch, save_pytorch

graph = load_checkpoint("model/resnet-50")
save_onnx(to_onnx(graph), "resnet-50.onnx")
save_pytorch(to_pytorch(graph), ".")
"""

from ._version import __version__
from .checkpoint import load_checkpoint, save_checkpoint
from .errors import (
    CheckpointError,
    ConversionError,
    ShapeError,
    UnsupportedError,
    UnusedParametersWarning,
)
from .graph import Graph, Node, Value
from .onnx_model import DEFAULT_OPSET, SUPPORTED_OPSETS, save_onnx, to_onnx
from .pytorch_module import PytorchModule, save_pytorch, to_pytorch

__all__ = [
    "DEFAULT_OPSET",
    "SUPPORTED_OPSETS",
    "CheckpointError",
    "ConversionError",
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
