"""Operators of MXNet that are not converted on purpose: why, and what to do instead."""

from __future__ import annotations

from typing import Dict, Optional

_CODE = (
    "runs code that no checkpoint holds; write the layer with MXNet's own operators, or cut the "
    "network before it: --output LAYER"
)
_CONTROL = (
    "holds a network within the network and decides while it runs; export the network with the "
    "loop unrolled (cell.unroll in place of contrib.foreach) or with the branch it takes"
)
_CALL = "calls another exported block; export the inner block by itself: block.export(prefix)"
_QUANTISED = (
    "belongs to an int8 network, whose rounding is that of one library; convert the float network "
    "that it was made from, and quantise the result with onnxruntime's or PyTorch's own tools"
)
_FUSED = (
    "was fused for one processor by MXNet's oneDNN backend; convert the network as it was before: "
    "the file that was saved without get_backend_symbol or optimize_for"
)
_TRAINING = (
    "updates weights in training, and no network that is run holds it; save the network's own "
    "symbol: net.export(prefix) or mod.save_checkpoint(prefix, epoch)"
)
_CANDIDATES = (
    "draws classes for a loss that only training computes; cut the network before the loss: "
    "--output LAYER"
)
_CUT = "cut the network before it: --output LAYER"
_LOSS = f"computes what only training needs from labels; {_CUT}"
_DENSITY = (
    f"computes a probability density, which training needs and MXNet calls experimental; {_CUT}"
)
_COMPLEX = f"computes with complex numbers on MXNet's GPUs only; {_CUT}"
_OPENCV = (
    "resizes as OpenCV does, which rounds by rules of its own; cut the symbol behind this layer "
    "and feed it pictures that OpenCV resized"
)
_IMAGES = (
    "reads or decodes images, which a network does not; feed it decoded pictures: cut the symbol "
    "behind this layer and make its result the input"
)
_AUGMENTING = (
    "alters training images; leave it out of the exported network, which is fed images as they are"
)
_SPARSE = (
    "works on sparse arrays, which neither ONNX nor a dense network has; write it with dense "
    "operators (cast_storage to 'default' first)"
)
_GRADIENT = (
    "is a gradient, which only training computes; save the network's own symbol: net.export(prefix)"
)
_NUMPY = (
    "belongs to MXNet's NumPy interface (mx.np), which is not converted; build the same network "
    "without mx.npx.set_np(), and load its parameters"
)

_GROUPS = {
    _CODE: "Custom _CustomFunction _NDArray _Native _NoGradient",
    _CONTROL: "_cond _foreach _while_loop",
    _CALL: "_CachedOp _CachedOpThreadSafe",
    _QUANTISED: (
        "_contrib_calibrate_entropy _contrib_dequantize _contrib_quantize _contrib_quantize_asym "
        "_contrib_quantize_v2 _contrib_requantize"
    ),
    _TRAINING: (
        "_adamw_update _contrib_group_adagrad_update _mp_adamw_update _multi_adamw_update "
        "_multi_lamb_update _multi_mp_adamw_update _multi_mp_lamb_update _sparse_adagrad_update "
        "_sparse_adam_update _sparse_ftrl_update _sparse_sgd_mom_update _sparse_sgd_update "
        "adam_update all_finite ftml_update ftrl_update lamb_update_phase1 lamb_update_phase2 "
        "mp_lamb_update_phase1 mp_lamb_update_phase2 mp_nag_mom_update mp_sgd_mom_update "
        "mp_sgd_update multi_all_finite multi_lars multi_mp_sgd_mom_update multi_mp_sgd_update "
        "multi_sgd_mom_update multi_sgd_update multi_sum_sq nag_mom_update "
        "preloaded_multi_mp_sgd_mom_update preloaded_multi_mp_sgd_update "
        "preloaded_multi_sgd_mom_update preloaded_multi_sgd_update reset_arrays rmsprop_update "
        "rmspropalex_update sgd_mom_update sgd_update signsgd_update signum_update"
    ),
    _CANDIDATES: "_sample_unique_zipfian",
    _LOSS: "CTCLoss _contrib_MultiBoxTarget _contrib_hawkesll",
    _COMPLEX: "_contrib_count_sketch _contrib_fft _contrib_ifft",
    _OPENCV: "_image_resize",
    _IMAGES: "_cvcopyMakeBorder _cvimdecode _cvimread _cvimresize _imdecode",
    _AUGMENTING: (
        "_image_adjust_lighting _image_flip_left_right _image_flip_top_bottom "
        "_image_random_brightness _image_random_color_jitter _image_random_contrast "
        "_image_random_flip_left_right _image_random_flip_top_bottom _image_random_hue "
        "_image_random_lighting _image_random_saturation"
    ),
    _SPARSE: (
        "_contrib_dgl_adjacency _contrib_dgl_csr_neighbor_non_uniform_sample "
        "_contrib_dgl_csr_neighbor_uniform_sample _contrib_dgl_graph_compact "
        "_contrib_dgl_subgraph _contrib_edge_id _contrib_getnnz _sparse_retain _square_sum"
    ),
}

#: Operator -> why it is not converted, and what to do; see FAMILIES for the others.
REFUSED: Dict[str, str] = {name: why for why, names in _GROUPS.items() for name in names.split()}

#: Beginning of a name -> the same, for whole families.
FAMILIES: Dict[str, str] = {
    "_backward_": _GRADIENT,
    "_contrib_quantized_": _QUANTISED,
    "_random_pdf_": _DENSITY,
    "_sg_mkldnn_": _FUSED,
    "_np_": _NUMPY,
    "_npi_": _NUMPY,
    "_npx_": _NUMPY,
}


def refusal(op: str) -> Optional[str]:
    """Why this operator is not converted; None if it is no known one."""
    if op in REFUSED:
        return REFUSED[op]
    return next((why for start, why in FAMILIES.items() if op.startswith(start)), None)
