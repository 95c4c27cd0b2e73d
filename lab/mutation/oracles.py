"""The checks of other conversion projects, restated from their published rules.

They compare final outputs only: x of the converted model and y of MXNet, both float32. Here the
outputs are matched by position, and a candidate that raises, or has another number of them, fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

import numpy as np

from mxproof.runtimes.base import Array


@dataclass(frozen=True)
class Oracle:
    """
    Attributes:
        passes: (x, y) -> are they considered equal?
        source: where the rule is published.
    """

    name: str
    rule: str
    source: str
    passes: Callable[[Array, Array], bool]


def sorted_snr(x: Array, y: Array) -> bool:
    """Both sorted, the longer one cut: 10 log10(mean(y^2) / (mean((x - y)^2) + 1e-7)) > 12, the
    same with max(y^2) > 30, and max |x - y| / max(1, |x|, |y|) < 0.15."""
    a, b = (np.sort(v.astype(np.float64), axis=None)[::-1] for v in (x, y))
    length = min(len(a), len(b))
    a, b = a[:length], b[:length]
    noise = np.mean((a - b) ** 2) + 1e-7
    ratio, peak = (10 * np.log10(size / noise) for size in (np.mean(b**2), np.max(b**2)))
    error = np.abs(a - b) / np.maximum(1, np.maximum(np.abs(a), np.abs(b)))
    return bool(ratio > 12 and peak > 30 and error.max() < 0.15)


def within(limit: Callable[[Array, Array], Any]) -> Callable[[Array, Array], bool]:
    """|x - y| <= limit(x, y) for every element, in float64; NaN is within nothing."""

    def passes(x: Array, y: Array) -> bool:
        if x.shape != y.shape:
            return False
        a, b = x.astype(np.float64), y.astype(np.float64)
        return bool((np.abs(a - b) <= limit(a, b)).all())

    return passes


ORACLES: Tuple[Oracle, ...] = (
    Oracle(
        "MMdnn",
        "outputs sorted; SNR > 12 dB, PSNR > 30 dB, error < 0.15",
        "microsoft/MMdnn, tests/test_conversion_imagenet.py",
        sorted_snr,
    ),
    Oracle(
        "MXNet's exporter tests",
        "|x - y| <= 1e-3 + 1e-4 |x|",
        "apache/mxnet, tests/python-pytest/onnx/test_onnxruntime_cv.py with the defaults of "
        "mxnet.test_utils.assert_almost_equal",
        within(lambda x, y: 1e-3 + 1e-4 * np.abs(x)),
    ),
    Oracle(
        "Polygraphy",
        "each element within 1e-5 absolute or 1e-5 relative",
        "NVIDIA/TensorRT, tools/Polygraphy/polygraphy/comparator/compare.py, CompareFunc.simple",
        within(lambda x, y: np.maximum(1e-5, 1e-5 * np.abs(y))),
    ),
    Oracle("max abs", "max |x - y| <= 1e-5", "", within(lambda x, y: 1e-5)),
    Oracle("max rel", "max |x - y| / |y| <= 1e-5", "", within(lambda x, y: 1e-5 * np.abs(y))),
)


def alarms(
    found: Optional[Sequence[Sequence[Array]]], expected: Sequence[Sequence[Array]]
) -> Dict[str, bool]:
    """Oracle -> does it raise an alarm for any of the inputs?

    Args:
        found: the candidate's outputs by input; None if it failed.
        expected: MXNet's.
    """
    complete = found is not None and [*map(len, found)] == [*map(len, expected)]
    pairs = [pair for xs, ys in zip(found or (), expected) for pair in zip(xs, ys)]
    with np.errstate(all="ignore"):
        return {o.name: not (complete and all(o.passes(*pair) for pair in pairs)) for o in ORACLES}
