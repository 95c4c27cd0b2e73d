"""Operators of MXNet that are not converted on purpose: why, and what to do instead."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Dict, Optional

_CUT = "cut the network before it: --output LAYER"

_PATTERNS = {
    "_backward_*": (
        "is a gradient, which only training computes; save the network's own symbol: "
        "net.export(prefix)"
    ),
    "Custom _CustomFunction _NDArray _Native _NoGradient": (
        "runs code that no checkpoint holds; write the layer with MXNet's own operators, or cut "
        "the network before it: --output LAYER"
    ),
    "_cond _foreach _while_loop": (
        "holds a network within the network and decides while it runs; export the network with "
        "the loop unrolled (cell.unroll in place of contrib.foreach) or with the branch it takes"
    ),
    "_CachedOp*": (
        "calls another exported block; export the inner block by itself: block.export(prefix)"
    ),
    "_contrib_calibrate_entropy _contrib_*quantize*": (
        "belongs to an int8 network, whose rounding is that of one library; convert the float "
        "network that it was made from, and quantise the result with onnxruntime's or PyTorch's "
        "own tools"
    ),
    "*_update *_update_phase? *all_finite multi_lars multi_sum_sq reset_arrays": (
        "updates weights in training, and no network that is run holds it; save the network's own "
        "symbol: net.export(prefix) or mod.save_checkpoint(prefix, epoch)"
    ),
    "_sample_unique_zipfian": (
        "draws classes for a loss that only training computes; cut the network before the loss: "
        "--output LAYER"
    ),
    "*CTCLoss *ctc_loss _contrib_MultiBoxTarget _contrib_hawkesll": (
        f"computes what only training needs from labels; {_CUT}"
    ),
    "_random_pdf_* random_pdf_*": (
        f"computes a probability density, which training needs and MXNet calls experimental; {_CUT}"
    ),
    "_contrib_count_sketch _contrib_fft _contrib_ifft": (
        f"computes with complex numbers on MXNet's GPUs only; {_CUT}"
    ),
    "_image_resize": (
        "resizes as OpenCV does, which rounds by rules of its own; cut the symbol behind this "
        "layer and feed it pictures that OpenCV resized"
    ),
    "_cv* _imdecode": (
        "reads or decodes images, which a network does not; feed it decoded pictures: cut the "
        "symbol behind this layer and make its result the input"
    ),
    "_image_adjust_lighting _image_flip_* _image_random_*": (
        "alters training images; leave it out of the exported network, which is fed images as "
        "they are"
    ),
    "_contrib_dgl_* _contrib_edge_id _contrib_getnnz _sparse_retain _square_sum": (
        "works on sparse arrays, which neither ONNX nor a dense network has; write it with dense "
        "operators (cast_storage to 'default' first)"
    ),
    "_sg_mkldnn_*": (
        "was fused for one processor by MXNet's oneDNN backend; convert the network as it was "
        "before: the file that was saved without get_backend_symbol or optimize_for"
    ),
    "_np_* _npi_* _npx_*": (
        "belongs to MXNet's NumPy interface (mx.np), which is not converted; build the same "
        "network without mx.npx.set_np(), and load its parameters"
    ),
}

#: Names of operators, with * and ?, -> why they are not converted, and what to do instead.
REFUSED: Dict[str, str] = {name: why for names, why in _PATTERNS.items() for name in names.split()}


def refusal(op: str) -> Optional[str]:
    """Why this operator is not converted; None if it is no known one."""
    return next((why for name, why in REFUSED.items() if fnmatchcase(op, name)), None)
