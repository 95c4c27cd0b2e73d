"""What is known of MXNet's gradients: which it lacks, and which are not those of its function."""

from __future__ import annotations

from typing import Dict, Tuple

_NONE = "MXNet has none: it did not register one"
_CONSTANT = "MXNet's derivative has a constant in float32"
_PENALTY = "adds the gradient of a penalty, which is not converted (docs/fine-tuning.md)"

#: Operators whose gradients are not compared -> why. A test holds that they differ or are missing.
WITHOUT: Dict[str, str] = {
    "_grad_add": _NONE,
    "argmax_channel": _NONE,
    "batch_take": _NONE,
    "khatri_rao": _NONE,
    "_slice_assign": _NONE,
    "_slice_assign_scalar": _NONE,
    "_contrib_RROIAlign": _NONE,
    "_contrib_ModulatedDeformableConvolution": "MXNet has it on GPUs only",
    "IdentityAttachKLSparseReg": _PENALTY,
    "_image_to_tensor": "MXNet's is not that of the division by 255",
    "GroupNorm": "PyTorch trains a number for each channel, MXNet one for each group "
    "(docs/fine-tuning.md)",
}

#: The same of single examples; a crash, or memory that is not written, cannot be tried.
CASES: Dict[str, str] = {
    "LeakyReLU selu": "MXNet's is not the derivative of its selu (finite differences)",
    "LeakyReLU rrelu": "draws its slopes in training, see test_training.py",
    "Activation softrelu ends": "above 20 it is the input, of which MXNet's derivative is not 1",
    "broadcast_mod 0": "the divisor is 0",
    "_mod_scalar 0": "the divisor is 0",
    "Deconvolution target shape": "oneDNN refuses it, and there is none in float64",
    "RNN lstm projected": "MXNet trains no projected LSTM on a CPU",
    "RNN lstm projected in both directions": "MXNet trains no projected LSTM on a CPU",
    "RNN lstm projected and fed its weights": "MXNet trains no projected LSTM on a CPU",
}
CRASHES: Dict[str, str] = {
    "_contrib_BilinearResize2D like": "MXNet's backward pass writes beyond its memory",
    "_contrib_BilinearResize2D like, pixels": "MXNet's backward pass writes beyond its memory",
    "_contrib_ROIAlign of no image, as feature pyramids mark them": "MXNet leaves the memory of "
    "such a region as it was, so that its results are arbitrary",
}

#: Operators of which only the examples are compared -> why.
UNDRAWN: Dict[str, str] = {
    "sort": "MXNet refuses its gradient where no axis is stated",
    "LRN": "oneDNN ends the process on some shapes",
    "RNN": "MXNet's is wrong in the second of three plain layers (finite differences)",
}

#: Operators -> the error that is allowed, in parts of the largest magnitude, and why.
LOOSE: Dict[str, Tuple[float, str]] = {
    op: (1e-7, _CONSTANT) for op in ("erf", "erfinv", "gamma", "gammaln")
}
