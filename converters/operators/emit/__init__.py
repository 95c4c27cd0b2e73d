"""What several operators write ONNX or PyTorch with."""
