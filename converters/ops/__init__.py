"""MXNet's operators, one declaration each, in files by family."""

from . import convolution, elementwise, linear, normalization, pooling, reduction, resize, shaping, softmax
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
