"""MXNet's operators, one declaration each, in files by family."""

from . import (
    convolution,
    elementwise,
    linear,
    normalization,
    pooling,
    reduction,
    resize,
    shaping,
    softmax,
)
from .registry import (
    REGISTRY,
    Operator,
    Unsupported,
    auxiliary_names,
    canonical_name,
    input_names,
    operators_of,
    parse,
    roles,
    stored_outputs,
    unsupported,
)

__all__ = [
    "REGISTRY",
    "Operator",
    "Unsupported",
    "auxiliary_names",
    "canonical_name",
    "convolution",
    "elementwise",
    "input_names",
    "linear",
    "normalization",
    "operators_of",
    "parse",
    "pooling",
    "reduction",
    "resize",
    "roles",
    "shaping",
    "softmax",
    "stored_outputs",
    "unsupported",
]
