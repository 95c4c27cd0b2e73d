"""What does not come back from ONNX, and the refusal that it meets."""

from __future__ import annotations

from typing import Dict, Tuple

#: What the refusals say: patterns.
LOOP = "Loop has no way to MXNet"
FED = "its weights are computed; supported: stored ones"
WEIGHT = "its weight has a free size; supported: a known one"
SIZES = "its sizes are computed from numbers; supported: known ones"
END = "its end are computed from numbers; supported: known ones"
RANGE = r"from \(0,\) by \(1,\) to .*; supported: from 0 by 1 to a size"
TARGET = "its target is computed"
ALONG = "takes s.* along an axis; supported: a known number up to 64"
NEAREST = r"by \[0, 0\]; supported for the nearest: one whole number"
SCATTER = "Scatter(ND|Elements) has no way to MXNet"

#: Example -> the refusal that it meets.
MISSES: Dict[str, str] = {
    "Pooling_v1 zeros in a maximum": "2 outputs are read; supported: 1",
    **{f"RNN {mode} fed its weights": FED for mode in ("gru", "lstm", "rnn_relu", "rnn_tanh")},
    "RNN lstm projected": LOOP,
    "RNN lstm projected and fed its weights": LOOP,
    "RNN lstm projected in both directions": LOOP,
    "_contrib_BilinearResize2D scale": "supported: numbers, or the size of another value",
    "_contrib_BilinearResize2D odd_scale": SIZES,
    **{
        f"_contrib_BilinearResize2D to_{size}_{way}": SIZES
        for size in ("even", "odd")
        for way in ("down", "up")
    },
    "_contrib_MultiBoxDetection as in SSD": LOOP,
    "_contrib_MultiBoxDetection more than there are": LOOP,
    "_contrib_MultiBoxDetection nothing is found": LOOP,
    "_contrib_MultiBoxDetection nothing is struck out": ALONG,
    "_contrib_ROIAlign position sensitive": LOOP,
    "_contrib_box_nms as GluonCV's SSD": LOOP,
    "_contrib_box_nms boxes left of 0 keep their format": LOOP,
    "_contrib_box_nms more than there are": LOOP,
    "_contrib_box_nms nothing is valid": LOOP,
    "_contrib_box_nms of MXNet's exporter": LOOP,
    "_contrib_box_nms to corners": LOOP,
    "_split_v2 uneven": "the lengths of its parts are computed from numbers",
    "diag above": END,
    "diag below": END,
    "diag made": SCATTER,
    **{
        f"{op} {name}": LOOP
        for op in ("prod", "nanprod")
        for name in ("whole numbers", "bytes", "overflowing", "truth values")
    },
    "reshape_like whole": TARGET,
    "topk mask": SCATTER,
    "Convolution computed weight": WEIGHT,
    "Deconvolution computed": WEIGHT,
    "UpSampling joined": NEAREST,
    "UpSampling added": NEAREST,
    "UpSampling bilinear, computed": WEIGHT,
}

#: Operator -> the shares of its drawn cases that come back, at least and at most, and what refuses
#: the others. Where none comes back, no example does.
PARTLY: Dict[str, Tuple[float, float, str]] = {
    **dict.fromkeys(
        (
            "ROIPooling",
            "_contrib_DeformablePSROIPooling",
            "_contrib_MultiProposal",
            "_contrib_PSROIPooling",
            "_contrib_Proposal",
            "_contrib_RROIAlign",
            "_contrib_bipartite_matching",
        ),
        (0, 0, LOOP),
    ),
    **dict.fromkeys(
        ("_contrib_index_copy", "_slice_assign", "_slice_assign_scalar", "scatter_nd"),
        (0, 0, SCATTER),
    ),
    "_contrib_boolean_mask": (0, 0, "Compress has no way to MXNet"),
    "Convolution": (0.5, 1, WEIGHT),
    "Convolution_v1": (0.5, 1, WEIGHT),
    "Crop": (0.2, 1, "supported: ends that are known"),
    "Deconvolution": (0.5, 1, WEIGHT),
    "Pooling_v1": (0, 1, "2 outputs are read; supported: 1"),
    "RNN": (0.3, 1, f"{FED}|{LOOP}"),
    "Reshape": (0.6, 1, TARGET),
    "SequenceLast": (0.3, 1, "batch_dims=1; supported: 0"),
    "SequenceReverse": (0.3, 1, "ReverseSequence has no way to MXNet"),
    "SliceChannel": (0.3, 1, "into .*; supported: equal parts of a known size"),
    "UpSampling": (0.6, 1, f"{NEAREST}|{WEIGHT}"),
    "_contrib_BilinearResize2D": (0.4, 1, f"{SIZES}|supported: numbers, or the size of another"),
    "_contrib_MultiBoxDetection": (0, 1, f"{LOOP}|{ALONG}"),
    "_contrib_MultiBoxPrior": (0.4, 1, RANGE),
    "_contrib_ROIAlign": (0.6, 1, LOOP),
    "_contrib_arange_like": (0, 1, END),
    "_contrib_box_encode": (0, 1, "indices that have other sizes than the data"),
    "_contrib_box_iou": (0.3, 1, TARGET),
    "_contrib_box_nms": (0, 1, LOOP),
    "_split_v2": (0.3, 1, "the lengths of its parts"),
    "diag": (0, 1, f"{END}|{SCATTER}"),
    "im2col": (0, 1, RANGE),
    "nanprod": (0.2, 1, LOOP),
    "prod": (0.2, 1, LOOP),
    "reshape_like": (0.3, 1, TARGET),
    "topk": (0.6, 1, SCATTER),
}
#: Of any other operator, what is drawn rarely may be refused, for whatever reason.
ALMOST_ALL = (0.75, 1, "")
