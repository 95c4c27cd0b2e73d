"""Versions of ONNX's operators that the exporter writes. This module imports no onnx."""

DEFAULT_OPSET = 21
OLDEST_OPSET = 13  # the first whose Squeeze, Unsqueeze and ReduceSum take their axes as inputs
NEWEST_OPSET = 26  # the last that onnxruntime 1.31 runs
