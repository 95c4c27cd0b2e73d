"""Region proposals."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .case import Array, Case, Data, DrawFn, Row, Shape, attributes, uniform


def case(op: str, batch: int, height: int, width: int, free: bool = True, **attrs: Any) -> Case:
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
        sizes = draw(batches), draw(st.integers(1, 5)), draw(st.integers(1, 5))
        return case(op, *sizes, draw(st.booleans()), **attrs)

    usual = {"rpn_pre_nms_top_n": 100, "rpn_post_nms_top_n": 20, "scales": (2, 4)}
    examples = {
        "usual": case(op, 1, 7, 9, output_score=True, **usual),
        "fewer than asked for": case(op, 1, 2, 3, rpn_post_nms_top_n=300, threshold=0.1),
    }
    return Row(op, draw, examples)


ROWS = [proposal("_contrib_Proposal"), proposal("_contrib_MultiProposal")]
