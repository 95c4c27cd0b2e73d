"""Helpers that several operators use to write ONNX or PyTorch."""
