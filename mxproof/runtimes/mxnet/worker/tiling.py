"""A convolution in tiles of its input, one after the other.

In float64 MXNet, PyTorch and ONNX's evaluator all write the input as a matrix first, each number
once for every window that reads it. For the first layer of a video network that is 100 times its
input: more than a gigabyte, for a result of a hundred megabytes.

The MXNet worker imports this too, so it needs nothing but Python 3.6.
"""

from typing import List, Sequence, Tuple

#: Numbers in that matrix.
LARGEST = 8 << 20


def tiles(
    shape: Sequence[int],
    padding: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilate: Sequence[int],
    largest: int = LARGEST,
) -> List[Tuple[int, int]]:
    """Ranges (begin, end) of the padded first spatial axis; [] where all of it fits.

    Args:
        shape: of the input, (N, C, *S).
        padding: added to each spatial axis, on both sides together.
        kernel, stride, dilate: for each spatial axis.
    """
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilate)]
    axes = zip(shape[2:], padding, reach, stride)
    rows, *others = ((size + p - r) // s + 1 for size, p, r, s in axes)
    columns = shape[1]
    for number in (*kernel, *others):
        columns *= number
    step = max(1, largest // max(1, columns))
    if rows <= step:
        return []
    lasts = [min(first + step, rows) - 1 for first in range(0, rows, step)]
    firsts = range(0, rows, step)
    return [(a * stride[0], b * stride[0] + reach[0]) for a, b in zip(firsts, lasts)]
