"""Other names of the operators: MXNet's aliases, and what old files call them.

Sorted; each line is one `add_alias` in MXNet's source, or an entry of its deprecated names.
"""

from __future__ import annotations

from typing import Dict

RENAMES: Dict[str, str] = {
    "Softmax": "SoftmaxOutput",  # src/operator/softmax_output.cc
    "_Plus": "elemwise_add",  # src/operator/tensor/elemwise_binary_op_basic.cc
    "_add": "elemwise_add",
    "_plus": "elemwise_add",
    "concat": "Concat",  # src/operator/nn/concat.cc
    "flatten": "Flatten",  # src/operator/tensor/matrix_op.cc
    "reshape": "Reshape",
}
