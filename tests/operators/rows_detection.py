"""Operators on boxes, and what proposes regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .case import Array, Case, Data, Shape, Values, case, normal, scaled, uniform, whole
from .row import Draw, row


def boxes(start: int = 0, score: int = -1, id_: int = -1, center: bool = False) -> Values:
    """(..., columns): boxes of which many overlap; scores in eighths, so that some are equal;
    classes from -1 to 2."""

    def values(random: np.random.Generator, shape: Shape) -> Array:
        table = random.standard_normal(shape)
        corner = random.integers(-1, 4, (*shape[:-1], 2)) + random.uniform(0, 0.5, (*shape[:-1], 2))
        sides = random.uniform(-0.2, 4, (*shape[:-1], 2))
        ends = sides if center else corner + sides
        table[..., start : start + 4] = np.concatenate([corner, ends], -1)
        if score >= 0:
            table[..., score] = random.integers(-2, 9, shape[:-1]) / 8
        if id_ >= 0:
            table[..., id_] = random.integers(-1, 3, shape[:-1])
        return table

    return values


def outer(draw: Draw) -> Shape:
    """Two axes at most."""
    return draw.shape((0, 2), high=3)


#: coord_start, score_index, id_index, columns.
LAYOUTS = [(2, 1, -1, 6), (2, 1, 0, 6), (0, 4, 5, 6), (1, 0, -1, 5), (0, 5, 4, 7), (3, 1, 0, 9)]


@row("_contrib_box_nms")
def draw_nms(draw: Draw) -> Case:
    start, score, id_, columns = draw.choice(*LAYOUTS, (1, 5, 0, 6))
    attrs = draw.attrs(
        coord_start=start,
        score_index=score,
        id_index=id_,
        overlap_thresh=st.sampled_from([0.1, 0.45, 0.5, 0.7, 1.0]),
        valid_thresh=st.sampled_from([0, 0.01, 0.25, -0.5, 2]),
        topk=st.integers(-1, 12),
        background_id=st.integers(-1, 2),
    )
    shape = (*outer(draw), draw.number(1, 20), columns)
    given = boxes(start, score, id_, attrs.get("in_format") == "center")
    return case(Data(shape, given), **attrs, free=draw.flag())


@row("_contrib_box_decode")
def decode(draw: Draw) -> Case:
    batch, number = draw.sizes(3, 20)
    spread = st.sampled_from([None, 0.1, 0.2, 1.0, 0.25])
    own = dict.fromkeys(("std0", "std1", "std2", "std3"), spread)
    attrs = draw.attrs(**own, clip=st.sampled_from([None, -1, 0.1, 0.5, 4.42]))
    anchors = boxes(center=attrs.get("format", "center") == "center")
    deltas = Data((batch, number, 4), scaled(1))
    return case(deltas, Data((1, number, 4), anchors), **attrs, free=draw.flag())


@row("_contrib_box_iou")
def iou(draw: Draw) -> Case:
    attrs = draw.attrs()
    given = boxes(center=attrs.get("format") == "center")
    inputs = [Data((*draw.shape((1, 3), high=7), 4), given) for _ in range(2)]
    return case(*inputs, **attrs, free=draw.flag())


def proper(begin: Values, least: float, most: float) -> Values:
    """Boxes from there on whose sides are not 0."""

    def values(random: np.random.Generator, shape: Shape) -> Array:
        corner = begin(random, (*shape[:-1], 2))
        return np.concatenate([corner, corner + random.uniform(least, most, corner.shape)], -1)

    return values


PROPER = proper(uniform(0, 4), 0.5, 4)
OF_IMAGES = proper(
    lambda r, shape: r.integers(0, 3, shape) / 4 + r.uniform(0, 0.1, shape), 0.1, 0.6
)


@row("_contrib_box_encode")
def encode(draw: Draw) -> Case:
    batch, number, refs = draw.sizes(3, 12, 5)
    low = draw.number(-1, 0)  # an anchor that does not count may have no reference
    return case(
        Data((batch, number), uniform(-1, 0.5) if low < 0 else whole(-1, 2)),
        Data((batch, number), whole(low, refs)),
        Data((batch, number, 4), PROPER),
        Data((batch, refs, 4), PROPER),
        Data((4,)),
        Data((4,), uniform(0.1, 2)),
        free=draw.flag(),
    )


@row("_contrib_bipartite_matching")
def matching(draw: Draw) -> Case:
    thresholds = st.sampled_from([1e-12, 0.25, -1, 0.5])
    attrs = draw.attrs(threshold=thresholds, topk=st.integers(-1, 4))
    shape = (*outer(draw), *draw.sizes(8, 8))
    values = draw.choice(normal, lambda r, shape: r.integers(-2, 9, shape) / 8)
    return case(Data(shape, values), **attrs, free=draw.flag())


@row("_contrib_MultiBoxPrior")
def prior(draw: Draw) -> Case:
    parts = st.sampled_from([0.1, 0.25, 0.33, 1.0, 2.0])
    some = st.lists(parts, min_size=1, max_size=3).map(tuple)
    step = st.sampled_from([0.1, 0.25])
    attrs = draw.attrs(
        sizes=some,
        ratios=some,
        steps=st.none() | st.just((-1, -1)) | st.tuples(step, step),
        offsets=st.none() | st.tuples(parts.filter(lambda x: x <= 1), st.just(0.0)),
    )
    return case(draw.sizes(5, 5, 5, 5), **attrs, free=draw.flag())


def detection(batch: int, classes: int, number: int, **attrs: object) -> Case:
    scores, deltas = Data((batch, classes, number), uniform(0, 1)), (batch, number * 4)
    anchors = Data((1, number, 4), OF_IMAGES)
    return case(scores, Data(deltas, scaled(1)), anchors, **attrs)


@row("_contrib_MultiBoxDetection")
def draw_detection(draw: Draw) -> Case:
    attrs = draw.attrs(
        threshold=st.sampled_from([None, 0.01, 0.5, 0.8]),
        nms_threshold=st.sampled_from([None, 0.3, 0.5, 1.0, 0, 1.5]),
        nms_topk=st.integers(-1, 12),
        variances=st.sampled_from([None, (0.1, 0.1, 0.2, 0.2), (0.2, 0.1, 0.3, 0.5)]),
    )
    batch, classes, number = draw.sizes(3, 4, 20)
    return detection(batch, classes + 1, number, free=draw.flag(), **attrs)


def proposed(batch: int, height: int, width: int, **attrs: Any) -> Case:
    stride = attrs.get("feature_stride", 16)
    anchors = len(attrs.get("scales", range(4))) * len(attrs.get("ratios", range(3)))

    def info(random: np.random.Generator, shape: Shape) -> Array:
        """Some of the map lies beyond the image."""
        real = [[n - random.uniform(0, 0.6)] * shape[0] for n in (height, width)]
        return np.stack([real[0], real[1], random.uniform(0.01, 0.1, shape[0])], 1) * stride

    scores = Data((batch, 2 * anchors, height, width), uniform(0, 1))
    deltas = Data((batch, 4 * anchors, height, width), uniform(-0.5, 0.5))
    return case(scores, deltas, Data((batch, 3), info), **attrs)


@row("_contrib_Proposal", "_contrib_MultiProposal")
def proposal(draw: Draw) -> Case:
    some = st.lists(st.sampled_from([0.3, 0.5, 1.0, 2.0, 3.0]), min_size=1, max_size=3)
    attrs = draw.attrs(
        rpn_pre_nms_top_n=st.integers(-1, 40),
        rpn_post_nms_top_n=st.integers(1, 30),
        threshold=st.sampled_from([0.3, 0.7, 0.5]),
        rpn_min_size=st.integers(0, 16),
        feature_stride=st.sampled_from([4, 8, 16]),
        scales=some.map(tuple),
        ratios=some.map(tuple),
    )
    batch = 1 if draw.op == "_contrib_Proposal" else draw.number(1, 3)
    return proposed(batch, *draw.sizes(5, 5), free=draw.flag(), **attrs)


def nms(*shape: int, center: bool = False, **attrs: object) -> Case:
    return case(Data(shape, boxes(2, 1, 0, center)), **attrs)


NMS, DETECTION = "_contrib_box_nms", "_contrib_MultiBoxDetection"
PROPOSALS = "_contrib_Proposal,_contrib_MultiProposal"
SSD = {"overlap_thresh": 0.45, "topk": 40, "valid_thresh": 0.01, "id_index": 0, "score_index": 1}
TO_CENTER = {"in_format": "corner", "out_format": "center"}
TO_CORNERS = {"in_format": "center", "out_format": "corner"}
USUAL = {"rpn_pre_nms_top_n": 100, "rpn_post_nms_top_n": 20, "scales": (2, 4)}
EXAMPLES = {
    f"{NMS} of MXNet's exporter": nms(1, 50, 6, overlap_thresh=0.5, valid_thresh=0.1, topk=10),
    f"{NMS} as GluonCV's SSD": nms(2, 60, 6, **SSD),
    f"{NMS} nothing is valid": nms(2, 9, 6, valid_thresh=3),
    f"{NMS} topk 0 hands all through": nms(2, 9, 6, topk=0),
    f"{NMS} boxes left of 0 keep their format": nms(1, 40, 6, **TO_CENTER),
    f"{NMS} to corners": nms(1, 40, 6, center=True, **TO_CORNERS, topk=30),
    f"{NMS} more than there are": nms(2, 5, 6, topk=400),
    f"{DETECTION} as in SSD": detection(2, 5, 60, nms_threshold=0.45, nms_topk=20, threshold=0.2),
    f"{DETECTION} nothing is struck out": detection(2, 5, 20, nms_threshold=-1),
    f"{DETECTION} nothing is found": detection(2, 3, 9, threshold=2),
    f"{DETECTION} more than there are": detection(2, 3, 9, nms_topk=400),
    f"{PROPOSALS} usual": proposed(1, 7, 9, output_score=True, **USUAL),
    f"{PROPOSALS} fewer than asked for": proposed(1, 2, 3, rpn_post_nms_top_n=300, threshold=0.1),
}
