"""Operators on boxes, and what proposes regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .case import Array, Case, Data, DrawFn, Row, Shape, Values, attributes, normal, uniform, whole
from .rows_roi import sizes


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


#: coord_start, score_index, id_index, columns.
LAYOUTS = [(2, 1, -1, 6), (2, 1, 0, 6), (0, 4, 5, 6), (1, 0, -1, 5), (0, 5, 4, 7), (3, 1, 0, 9)]


def draw_nms(draw: DrawFn) -> Case:
    start, score, id_, columns = draw(st.sampled_from([*LAYOUTS, (1, 5, 0, 6)]))
    attrs = attributes(
        draw,
        "_contrib_box_nms",
        coord_start=start,
        score_index=score,
        id_index=id_,
        overlap_thresh=st.sampled_from([0.1, 0.45, 0.5, 0.7, 1.0]),
        valid_thresh=st.sampled_from([0, 0.01, 0.25, -0.5, 2]),
        topk=st.integers(-1, 12),
        background_id=st.integers(-1, 2),
    )
    batch = draw(st.lists(st.integers(1, 3), max_size=2))
    shape = (*batch, draw(st.integers(1, 20)), columns)
    given = boxes(start, score, id_, attrs.get("in_format") == "center")
    return Case("_contrib_box_nms", (Data(shape, given),), attrs, draw(st.booleans()))


def nms(shape: Shape, center: bool = False, **attrs: object) -> Case:
    return Case("_contrib_box_nms", (Data(shape, boxes(2, 1, 0, center)),), attrs)


def draw_decode(draw: DrawFn) -> Case:
    batch, number = sizes(draw, 3, 20)
    own = dict.fromkeys(
        ("std0", "std1", "std2", "std3"), st.sampled_from([None, 0.1, 0.2, 1.0, 0.25])
    )
    own["clip"] = st.sampled_from([None, -1, 0.1, 0.5, 4.42])
    attrs = attributes(draw, "_contrib_box_decode", **own)
    center = attrs.get("format", "center") == "center"
    given = Data((batch, number, 4)), Data((1, number, 4), boxes(center=center))
    return Case("_contrib_box_decode", given, attrs, draw(st.booleans()))


def draw_iou(draw: DrawFn) -> Case:
    attrs = attributes(draw, "_contrib_box_iou")
    center = attrs.get("format") == "center"
    sizes = (draw(st.lists(st.integers(1, 7), min_size=1, max_size=3)) for _ in range(2))
    given = tuple(Data((*n, 4), boxes(center=center)) for n in sizes)
    return Case("_contrib_box_iou", given, attrs, draw(st.booleans()))


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


def draw_encode(draw: DrawFn) -> Case:
    batch, number, refs = sizes(draw, 3, 12, 5)
    low = draw(st.integers(-1, 0))  # an anchor that does not count may have no reference
    given = (
        Data((batch, number), uniform(-1, 0.5) if low < 0 else whole(-1, 2)),
        Data((batch, number), whole(low, refs)),
        Data((batch, number, 4), PROPER),
        Data((batch, refs, 4), PROPER),
        Data((4,)),
        Data((4,), uniform(0.1, 2)),
    )
    return Case("_contrib_box_encode", given, free=draw(st.booleans()))


def draw_matching(draw: DrawFn) -> Case:
    attrs = attributes(
        draw,
        "_contrib_bipartite_matching",
        threshold=st.sampled_from([1e-12, 0.25, -1, 0.5]),
        topk=st.integers(-1, 4),
    )
    shape = (*draw(st.lists(st.integers(1, 3), max_size=2)), *sizes(draw, 8, 8))
    values = draw(st.sampled_from([normal, lambda r, shape: r.integers(-2, 9, shape) / 8]))
    return Case("_contrib_bipartite_matching", (Data(shape, values),), attrs, draw(st.booleans()))


def draw_prior(draw: DrawFn) -> Case:
    parts = st.sampled_from([0.1, 0.25, 0.33, 1.0, 2.0])
    some = st.lists(parts, min_size=1, max_size=3).map(tuple)
    step = st.sampled_from([0.1, 0.25])
    attrs = attributes(
        draw,
        "_contrib_MultiBoxPrior",
        sizes=some,
        ratios=some,
        steps=st.none() | st.just((-1, -1)) | st.tuples(step, step),
        offsets=st.none() | st.tuples(parts.filter(lambda x: x <= 1), st.just(0.0)),
    )
    given = (Data(sizes(draw, 5, 5, 5, 5)),)
    return Case("_contrib_MultiBoxPrior", given, attrs, draw(st.booleans()))


def detection(batch: int, classes: int, number: int, free: bool = True, **attrs: object) -> Case:
    given = (
        Data((batch, classes, number), uniform(0, 1)),
        Data((batch, number * 4), normal, fixed=(1,)),
        Data((1, number, 4), OF_IMAGES, fixed=(1,)),
    )
    return Case("_contrib_MultiBoxDetection", given, attrs, free)


def draw_detection(draw: DrawFn) -> Case:
    attrs = attributes(
        draw,
        "_contrib_MultiBoxDetection",
        threshold=st.sampled_from([None, 0.01, 0.5, 0.8]),
        nms_threshold=st.sampled_from([None, 0.3, 0.5, 1.0, 0, 1.5]),
        nms_topk=st.integers(-1, 12),
        variances=st.sampled_from([None, (0.1, 0.1, 0.2, 0.2), (0.2, 0.1, 0.3, 0.5)]),
    )
    batch, classes, number = sizes(draw, 3, 4, 20)
    return detection(batch, classes + 1, number, draw(st.booleans()), **attrs)


def proposed(op: str, batch: int, height: int, width: int, free: bool = True, **attrs: Any) -> Case:
    stride = attrs.get("feature_stride", 16)
    anchors = len(attrs.get("scales", range(4))) * len(attrs.get("ratios", range(3)))

    def info(random: np.random.Generator, shape: Shape) -> Array:
        """Some of the map lies beyond the image."""
        real = [[n - random.uniform(0, 0.6)] * shape[0] for n in (height, width)]
        return np.stack([real[0], real[1], random.uniform(0.01, 0.1, shape[0])], 1) * stride

    given = (
        Data((batch, 2 * anchors, height, width), uniform(0, 1)),
        Data((batch, 4 * anchors, height, width), uniform(-0.5, 0.5)),
        Data((batch, 3), info),
    )
    return Case(op, given, attrs, free)


def proposal(op: str) -> Row:
    batches = st.just(1) if op == "_contrib_Proposal" else st.integers(1, 3)

    def draw(draw: DrawFn) -> Case:
        some = st.lists(st.sampled_from([0.3, 0.5, 1.0, 2.0, 3.0]), min_size=1, max_size=3)
        narrowed = {
            "rpn_pre_nms_top_n": st.integers(-1, 40),
            "rpn_post_nms_top_n": st.integers(1, 30),
            "threshold": st.sampled_from([0.3, 0.7, 0.5]),
            "rpn_min_size": st.integers(0, 16),
            "feature_stride": st.sampled_from([4, 8, 16]),
            **dict.fromkeys(("scales", "ratios"), some.map(tuple)),
        }
        attrs = attributes(draw, op, **narrowed)
        return proposed(op, draw(batches), *sizes(draw, 5, 5), draw(st.booleans()), **attrs)

    usual = {"rpn_pre_nms_top_n": 100, "rpn_post_nms_top_n": 20, "scales": (2, 4)}
    examples = {
        "usual": proposed(op, 1, 7, 9, output_score=True, **usual),
        "fewer than asked for": proposed(op, 1, 2, 3, rpn_post_nms_top_n=300, threshold=0.1),
    }
    return Row(op, draw, examples)


GLUONCV = {"overlap_thresh": 0.45, "topk": 40, "valid_thresh": 0.01}
TO_CENTER = {"in_format": "corner", "out_format": "center"}
ROWS = [
    Row(
        "_contrib_box_nms",
        draw_nms,
        {
            "of MXNet's exporter": nms((1, 50, 6), overlap_thresh=0.5, valid_thresh=0.1, topk=10),
            "as GluonCV's SSD": nms((2, 60, 6), id_index=0, score_index=1, **GLUONCV),
            "nothing is valid": nms((2, 9, 6), valid_thresh=3),
            "topk 0 hands all through": nms((2, 9, 6), topk=0),
            "boxes left of 0 keep their format": nms((1, 40, 6), **TO_CENTER),
            "to corners": nms((1, 40, 6), True, in_format="center", out_format="corner", topk=30),
            "more than there are": nms((2, 5, 6), topk=400),
        },
    ),
    Row("_contrib_box_decode", draw_decode),
    Row("_contrib_box_iou", draw_iou),
    Row("_contrib_box_encode", draw_encode),
    Row("_contrib_bipartite_matching", draw_matching),
    Row("_contrib_MultiBoxPrior", draw_prior),
    Row(
        "_contrib_MultiBoxDetection",
        draw_detection,
        {
            "as in SSD": detection(2, 5, 60, nms_threshold=0.45, nms_topk=20, threshold=0.2),
            "nothing is struck out": detection(2, 5, 20, nms_threshold=-1),
            "nothing is found": detection(2, 3, 9, threshold=2),
            "more than there are": detection(2, 3, 9, nms_topk=400),
        },
    ),
    proposal("_contrib_Proposal"),
    proposal("_contrib_MultiProposal"),
]
