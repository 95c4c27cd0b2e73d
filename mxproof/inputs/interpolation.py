"""Resize pictures.

Pillow's filters take the mean over all that a pixel covers, so that no line of a picture vanishes
where it becomes smaller. OpenCV's bilinear interpolation, which `mx.image.imresize` is and most
networks were trained with, takes two by two pixels whatever the scale: other numbers altogether.
"""

from __future__ import annotations

from typing import Tuple

import numpy as np
from PIL import Image

from converters.preprocessing import Pixels

from ..runtimes.base import Array

#: Bits of OpenCV's weights.
BITS = 11


def resized(image: Image.Image, width: int, height: int, method: str) -> Image.Image:
    """The picture in that size.

    Args:
        method: one of `converters.preprocessing.INTERPOLATIONS`.
    """
    if method == "opencv":
        return Image.fromarray(opencv_bilinear(np.asarray(image), width, height))
    return image.resize((width, height), Image.Resampling[method.upper()])


def opencv_bilinear(pixels: Pixels, width: int, height: int) -> Pixels:
    """(H, W) or (H, W, C) -> (height, width) or (height, width, C), the very bytes that OpenCV's
    cv::resize gives with INTER_LINEAR.

    Source: modules/imgproc/src/resize.cpp, HResizeLinear, VResizeLinear and FixedPtCast for uchar.
    """
    columns, across, beyond = _weights(pixels.shape[1], width)
    across[:, beyond] = [[1 << BITS], [0]]  # rows beyond the outermost ones have theirs
    rows, down, _ = _weights(pixels.shape[0], height)
    wide = pixels.astype(np.int32)
    shape = (-1,) + (1,) * (pixels.ndim - 2)
    left, right = (wide[:, c] * w.reshape(shape) for c, w in zip(columns, across))
    lines = (left + right) >> 4
    above, below = (lines[r] * w.reshape(-1, *shape[1:], 1) >> 16 for r, w in zip(rows, down))
    found: Pixels = ((above + below + 2) >> 2).astype(np.uint8)
    return found


def _weights(before: int, after: int) -> Tuple[Array, Array, Array]:
    """The two pixels that each new one lies between, and their weights in 1 / 2**BITS, (2, after);
    and which of the new ones lie beyond the outermost centres, where both are the same pixel.

    Centres of pixels are at halves.
    """
    scale = 1 / (after / before)
    places = ((np.arange(after) + 0.5) * scale - 0.5).astype(np.float32)
    first = np.floor(places).astype(np.int64)
    part = places - first.astype(np.float32)
    weights = np.rint(np.stack([1 - part, part]) * np.float32(1 << BITS)).astype(np.int32)
    beyond = (first < 0) | (first >= before - 1)
    return np.clip(np.stack([first, first + 1]), 0, before - 1), weights, beyond
