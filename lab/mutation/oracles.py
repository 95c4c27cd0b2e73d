"""How others check a conversion, restated from their published rules.

They look at final outputs alone, the converted model's x and MXNet's y, both float32. Here the
outputs are matched by position, and a candidate that raises, or has another number of them, fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from mxproof.runtimes.base import Array

Outputs = Optional[Sequence[Array]]


@dataclass(frozen=True)
class Oracle:
    """
    Attributes:
        passes: (x, y) -> are they taken for equal?
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


def close(relative: float, absolute: float) -> Callable[[Array, Array], bool]:
    """|x - y| <= absolute + relative |x| everywhere; NaN equals nothing."""

    def passes(x: Array, y: Array) -> bool:
        return x.shape == y.shape and bool(np.allclose(y, x, relative, absolute))

    return passes


def elementwise(relative: float, absolute: float) -> Callable[[Array, Array], bool]:
    """Each element within one of the two: |x - y| <= absolute, or |x - y| / |y| <= relative.

    A y of 0 counts as 2.2e-16; NaN is within neither.
    """

    def passes(x: Array, y: Array) -> bool:
        if x.shape != y.shape:
            return False
        wide = y.astype(np.float64)
        apart = np.abs(x.astype(np.float64) - wide)
        size = np.where(wide == 0, np.finfo(np.float64).eps, np.abs(wide))
        return bool(((apart <= absolute) | (apart / size <= relative)).all())

    return passes


def largest_absolute(limit: float) -> Callable[[Array, Array], bool]:
    """max |x - y| <= limit."""

    def passes(x: Array, y: Array) -> bool:
        return x.shape == y.shape and bool((np.abs(x.astype(np.float64) - y) <= limit).all())

    return passes


def largest_relative(limit: float) -> Callable[[Array, Array], bool]:
    """max |x - y| / |y| <= limit where y is not 0; where it is, x must be."""

    def passes(x: Array, y: Array) -> bool:
        if x.shape != y.shape:
            return False
        wide = y.astype(np.float64)
        return bool((np.abs(x.astype(np.float64) - wide) <= limit * np.abs(wide)).all())

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
        close(1e-4, 1e-3),
    ),
    Oracle(
        "Polygraphy",
        "each element within 1e-5 absolute or 1e-5 relative",
        "NVIDIA/TensorRT, tools/Polygraphy/polygraphy/comparator/compare.py, CompareFunc.simple",
        elementwise(1e-5, 1e-5),
    ),
    Oracle("max abs", "max |x - y| <= 1e-5", "", largest_absolute(1e-5)),
    Oracle("max rel", "max |x - y| / |y| <= 1e-5", "", largest_relative(1e-5)),
)


def alarms(found: Sequence[Outputs], expected: Sequence[Sequence[Array]]) -> Dict[str, bool]:
    """Oracle -> does it raise an alarm on any of the inputs?

    Args:
        found: the candidate's outputs by input; None where it raised.
        expected: MXNet's.
    """
    with np.errstate(all="ignore"):
        return {o.name: not _passes(o, found, expected) for o in ORACLES}


def _passes(oracle: Oracle, found: Sequence[Outputs], expected: Sequence[Sequence[Array]]) -> bool:
    pairs: List[Tuple[Array, Array]] = []
    for xs, ys in zip(found, expected):
        if xs is None or len(xs) != len(ys):
            return False
        pairs += zip(xs, ys)
    return all(oracle.passes(x, y) for x, y in pairs)
