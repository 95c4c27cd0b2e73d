"""Our float64 definitions of what MXNet has in float32 only, against MXNet's float32 results.

tests/operators holds them to PyTorch and ONNX in float64.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest

from converters import load_checkpoint, save_checkpoint
from converters.ops import REGISTRY
from converters.ops.attributes import c_float
from mxproof.runtimes.base import Array
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.runtimes.mxnet_definitions import DEFINITIONS
from tests.converters.networks import Network

Shapes = Dict[str, tuple]


def rows(op: str, shapes: Shapes, *attributes: Dict[str, Any]) -> List[Tuple[str, Shapes, Any]]:
    return [(op, shapes, attrs) for attrs in attributes or ({},)]


IMAGE, VIDEO, PLACES = (2, 4, 5, 6), (2, 4, 3, 4, 3), {"data": (1, 1, 3, 4)}
CHANNELS = {"gamma": (4,), "beta": (4,)}
NORM = {"data": IMAGE, **CHANNELS, "moving_mean": (4,), "moving_var": (4,)}
DETECTION = {"cls_prob": (2, 4, 30), "loc_pred": (2, 120), "anchor": (1, 30, 4)}
RAW = {"clip": False, "nms_threshold": -1}
PROPOSAL = {"cls_prob": (1, 12, 3, 4), "bbox_pred": (1, 24, 3, 4), "im_info": (1, 3)}
FEW = {"rpn_post_nms_top_n": 20, "scales": (2, 3.3), "output_score": True}
UNION = {**FEW, "iou_loss": True, "threshold": 0.3, "rpn_pre_nms_top_n": 40}
RESIZE, HALF = "_contrib_BilinearResize2D", {"scale_width": 0.5}
AFFINE = {"transform_type": "affine", "target_shape": (7, 3)}
ATTENTION = "_contrib_interleaved_matmul_"
RELU = {"mode": "rnn_relu", "state_size": 5}


def deconvolution(axes: int, **more: int) -> List[Tuple[str, Shapes, Any]]:
    shapes = {"data": (2, 4, *(5,) * axes), "weight": (4, 3, *(3,) * axes), "bias": (6,)}
    each = {"kernel": 3, "stride": 2, "pad": 1, **more}
    options = {"num_filter": 6, "num_group": 2, "no_bias": False}
    return rows("Deconvolution", shapes, {**{k: (n,) * axes for k, n in each.items()}, **options})


CASES = [
    *rows("_contrib_Proposal", PROPOSAL, FEW, UNION),
    *rows("_contrib_MultiProposal", PROPOSAL, FEW, UNION),
    *rows("_image_to_tensor", {"data": IMAGE}),
    *rows("_contrib_MultiBoxDetection", DETECTION, {"nms_topk": 9}, RAW),
    *rows(
        *("_contrib_MultiBoxPrior", PLACES, {"sizes": (0.3, 0.7), "ratios": (1, 2)}),
        {"ratios": (2, 0.5), "steps": (0.1, 0.2), "offsets": (0.25, 0.75), "clip": True},
    ),
    *rows("GridGenerator", {"data": (2, 6)}, AFFINE),
    *rows("GridGenerator", {"data": (2, 2, 3, 4)}, {"transform_type": "warp"}),
    *rows(
        *("SpatialTransformer", {"data": IMAGE, "loc": (2, 6)}),
        {**AFFINE, "sampler_type": "bilinear"},
    ),
    *rows(
        *("Crop", {"data": IMAGE}),
        {"num_args": 1, "offset": (1, 2), "h_w": (3, 2)},
        {"num_args": 1, "offset": (1, 2), "h_w": (3, 4)},
        {"num_args": 1, "center_crop": True, "h_w": (2, 3)},
    ),
    *rows(
        *("Crop", {"data": IMAGE, "like": (1, 1, 2, 3)}),
        {"num_args": 2, "offset": (3, 0)},
        {"num_args": 2, "center_crop": True},
    ),
    *rows("IdentityAttachKLSparseReg", {"data": (2, 4), "moving_avg": (4,)}),
    *rows("LeakyReLU", {"data": IMAGE, "gamma": (4,)}, {"act_type": "prelu"}),
    *rows("LeakyReLU", {"data": IMAGE}, {}, {"slope": 1.672}, {"act_type": "gelu"}),
    *rows("InstanceNorm", {"data": IMAGE, **CHANNELS}, {"eps": 0.1}),
    *rows("InstanceNorm", {"data": VIDEO, **CHANNELS}),
    *rows("LRN", {"data": IMAGE}, {"nsize": 3, "alpha": 0.7, "beta": 0.6, "knorm": 1.5}),
    *rows("LRN", {"data": IMAGE}, {"nsize": 9}),
    *rows("_contrib_BatchNormWithReLU", NORM, {}, {"fix_gamma": False, "eps": 0.2}),
    *rows(
        *(RESIZE, {"data": IMAGE}, {"height": 7, "width": 3}),
        {"height": 7, "width": 1, "align_corners": False},
        {"scale_height": 1.5, **HALF},
        {"mode": "odd_scale", "scale_height": 2, **HALF, "align_corners": False},
        *({"mode": f"to_{kind}"} for kind in ("even_down", "even_up", "odd_down", "odd_up")),
    ),
    *rows(RESIZE, {"data": IMAGE, "like": (1, 1, 8, 9)}, {"mode": "like"}),
    *deconvolution(1, dilate=2),
    *deconvolution(2, dilate=2),
    *deconvolution(3, adj=1),
    *rows(
        *("RNN", {"data": (4, 2, 3), "parameters": (50,), "state": (1, 2, 5)}),
        {**RELU, "num_layers": 1, "state_outputs": True},
    ),
    *rows(
        *("RNN", {"data": (4, 2, 3), "parameters": (270,), "state": (4, 2, 5)}),
        {**RELU, "num_layers": 2, "bidirectional": True},
    ),
    *(
        (ATTENTION + kind, shapes, {"heads": 3})
        for kind, shapes in (
            ("selfatt_qk", {"queries_keys_values": (4, 2, 18)}),
            ("selfatt_valatt", {"queries_keys_values": (4, 2, 18), "attention": (6, 4, 4)}),
            ("encdec_qk", {"queries": (5, 2, 6), "keys_values": (4, 2, 12)}),
            ("encdec_valatt", {"keys_values": (4, 2, 12), "attention": (6, 5, 4)}),
        )
    ),
]


#: They compute nothing, so numbers of float32 stay such.
COPIES = {"Crop", "IdentityAttachKLSparseReg"}
#: They run MXNet's operator and fill what it leaves unset: rows_roi.py asks whether they do.
MXNETS_OWN = {"_contrib_ROIAlign"}


def test_every_definition_is_compared() -> None:
    assert {op for op, _, _ in CASES} == set(DEFINITIONS) - MXNETS_OWN


def first_layer(
    op: str, values: Dict[str, Array], mxnet: MxnetProcess, folder: Path, **attrs: Any
) -> Any:
    """MXNet's first result of an operator."""
    net = Network()
    stored = REGISTRY[op].parameters
    entries = [net.variable(k, v if k in stored else None) for k, v in values.items()]
    head = net.layer(op, "layer", *entries, **attrs)
    save_checkpoint(folder / "net", net.symbol(head), net.arrays)
    inputs = {k: v for k, v in values.items() if k not in stored}
    graph = load_checkpoint(folder / "net", inputs={k: v.shape for k, v in inputs.items()})
    model = mxnet.load(folder / "net", 0, graph)
    try:
        return next(iter(model.truth(inputs)))
    finally:
        model.close()


@pytest.mark.parametrize(("op", "shapes", "attrs"), CASES)
def test_is_mxnets(
    op: str, shapes: Shapes, attrs: Dict[str, Any], mxnet: MxnetProcess, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    values = {k: random.standard_normal(s).astype(np.float32) for k, s in shapes.items()}
    values.update({k: np.abs(v) + 1 for k, v in values.items() if k == "moving_var"})
    values.update({k: np.float32([[44, 60, 0.5]]) for k in values if k == "im_info"})
    truth = first_layer(op, values, mxnet, tmp_path, **attrs)
    near = 1e-6 if op == "LeakyReLU" else 2e-5
    np.testing.assert_allclose(truth.float32, truth.float64, rtol=near, atol=1e-6)
    rounded = np.array_equal(truth.float64, truth.float64.astype(np.float32))
    assert rounded == (op in COPIES or (op, attrs) == ("LeakyReLU", {}))  # a quarter


@pytest.mark.parametrize("bounds", [{}, {"lower_bound": -0.1, "upper_bound": 0.7}], ids=str)
def test_rrelu(bounds: Dict[str, float], mxnet: MxnetProcess, tmp_path: Path) -> None:
    """It is defined by us in float32, too; MXNet computes the same as leaky with the mean slope."""
    values = {"data": np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)}
    attrs = {"act_type": "rrelu", **bounds}
    ours = first_layer("LeakyReLU", values, mxnet, tmp_path, **attrs).float64
    mean = float(np.mean([*bounds.values()] or [0.125, 0.334]))
    leaky = first_layer("LeakyReLU", values, mxnet, tmp_path, slope=mean)
    np.testing.assert_allclose(leaky.float32, ours, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "text",
    ["0.1", "1.672", "-1.672", "1e-05", "2e-05", "1.0000001", ".5", "3.", "1.679e-27", "6.64e18"],
)
def test_numbers_are_read_as_mxnet_reads_them(
    text: str, mxnet: MxnetProcess, tmp_path: Path
) -> None:
    zero = {"data": np.zeros((1,), np.float32)}
    read = first_layer("_contrib_quadratic", zero, mxnet, tmp_path, c=text).float64[0]
    assert read == c_float(text)


def test_target_shape_means_a_padding() -> None:
    """oneDNN has no target_shape; what it means is in deconvolution-inl.h, InferPad."""
    random = np.random.default_rng(0)
    x, weight = random.standard_normal((1, 2, 5, 5)), random.standard_normal((2, 3, 4, 4))
    run = DEFINITIONS["Deconvolution"].run
    common = {"kernel": "(4, 4)", "stride": "(2, 2)"}
    (ours,) = run({**common, "target_shape": "(9, 10)", "pad": "(7, 7)"}, x, weight)
    (padded,) = run({**common, "pad": "(2, 1)", "adj": "(1, 0)"}, x, weight)
    np.testing.assert_array_equal(ours, padded)
