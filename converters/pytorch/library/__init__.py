"""Functions in PyTorch that emitted files hold in full, for what no expression says.

These files are read as text (converters/pytorch/functions.py), not imported: converting needs no
torch. A function here may use `torch`, `nn`, `F`, its arguments, and other functions of these
files; `torch.float32` in it is float64 in a proof in float64.
"""
