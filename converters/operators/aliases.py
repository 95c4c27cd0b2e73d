"""Other names of the operators: MXNet 1.9.1's aliases, and what old files and NNVM call them.

Each alias is one `add_alias` in MXNet's source (NNGetOpHandle says of which operator), or
`__add_scalar__` and the like, NNVM's names for operators between an array and a number. Operators
that take sparse arrays, too, are also known with `_sparse_` before any of their names.
"""

from __future__ import annotations

#: Also known without the `_` that begins the name: what mx.sym itself offers.
_UNDERSCORED = (
    "_linalg_det _linalg_extractdiag _linalg_extracttrian _linalg_gelqf _linalg_gemm _linalg_gemm2 "
    "_linalg_inverse _linalg_makediag _linalg_maketrian _linalg_potrf _linalg_potri "
    "_linalg_slogdet _linalg_sumlogdiag _linalg_syrk _linalg_trmm _linalg_trsm _random_exponential "
    "_random_gamma _random_generalized_negative_binomial _random_negative_binomial _random_normal "
    "_random_poisson _random_randint _random_uniform "
    "_ravel_multi_index _sample_exponential _sample_gamma _sample_generalized_negative_binomial "
    "_sample_multinomial _sample_negative_binomial _sample_normal _sample_poisson _sample_uniform "
    "_shuffle _unravel_index"
)

#: Also known in capitals, as old files write them: `_Not_Equal`, and `_NotEqualScalar`.
_TITLED = (
    "_equal _greater _greater_equal _hypot _lesser _lesser_equal _logical_and _logical_or "
    "_logical_xor _maximum _minimum _mod _not_equal _power"
)
_TITLED_SCALAR = (
    "_div_scalar _equal_scalar _greater_equal_scalar _greater_scalar _hypot_scalar "
    "_lesser_equal_scalar _lesser_scalar _logical_and_scalar _logical_or_scalar "
    "_logical_xor_scalar _maximum_scalar _minimum_scalar _minus_scalar _mod_scalar _mul_scalar "
    "_not_equal_scalar _plus_scalar _power_scalar"
)

#: Operator -> its other names.
_OTHERS = {
    "_contrib_box_nms": "_contrib_box_non_maximum_suppression",
    "_copy": "identity",
    "_div_scalar": "__div_scalar__",
    "_minus_scalar": "__sub_scalar__",
    "_mul_scalar": "__mul_scalar__",
    "_np_cumsum": "cumsum",
    "_plus_scalar": "__add_scalar__",
    "_power_scalar": "__pow_scalar__",
    "_random_normal": "normal",
    "_random_uniform": "uniform",
    "_rdiv_scalar": "_RDivScalar __rdiv_scalar__",
    "_rminus_scalar": "_RMinusScalar __rsub_scalar__",
    "_rmod_scalar": "_RModScalar",
    "_rpower_scalar": "_RPowerScalar __rpow_scalar__",
    "_slice_assign": "_crop_assign",
    "_slice_assign_scalar": "_crop_assign_scalar",
    "add_n": "ElementWiseSum",
    "BlockGrad": "stop_gradient",
    "broadcast_add": "broadcast_plus",
    "broadcast_axis": "broadcast_axes",
    "broadcast_sub": "broadcast_minus",
    "Cast": "cast",
    "Concat": "concat",
    "elemwise_add": "_Plus _add _plus",
    "elemwise_div": "_Div _div",
    "elemwise_mul": "_Mul _mul",
    "elemwise_sub": "_Minus _minus _sub",
    "Flatten": "flatten",
    "max": "max_axis",
    "min": "min_axis",
    "Pad": "pad",
    "pick": "choose_element_0index",
    "Reshape": "reshape",
    "reverse": "flip",
    "slice": "crop",
    "SliceChannel": "split",
    "SoftmaxOutput": "Softmax",
    "sum": "sum_axis",
    "SwapAxis": "swapaxes",
}

#: Alias -> operator.
RENAMES: dict[str, str] = {
    **{name[1:]: name for name in _UNDERSCORED.split()},
    **{name.title(): name for name in _TITLED.split()},
    **{f"_{name.title().replace('_', '')}": name for name in _TITLED_SCALAR.split()},
    **{alias: name for name, aliases in _OTHERS.items() for alias in aliases.split()},
}
