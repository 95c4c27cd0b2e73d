"""Convolutions in tiles: the same numbers as in one piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.networks import Network
from mxproof.runtimes import pytorch
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.mxnet.worker.tiling import LARGEST, tiles
from mxproof.runtimes.registry import convert
from tests.operators.prove import reference


@given(
    size=st.integers(1, 40),
    pad=st.integers(0, 4),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 6),
    dilate=st.integers(1, 3),
    largest=st.integers(1, 60),
)
def test_tiles_are_the_windows(
    size: int, pad: int, kernel: int, stride: int, dilate: int, largest: int
) -> None:
    """The windows of all tiles, one after the other, are those of the whole."""
    reach = (kernel - 1) * dilate + 1
    starts = range(0, size + pad - reach + 1, stride)
    parts = tiles((1, 2, size), (pad,), (kernel,), (stride,), (dilate,), largest)
    assert (parts == []) == (len(starts) <= max(1, largest // (2 * kernel)))
    found = [a + s for a, b in parts for s in range(0, b - a - reach + 1, stride)]
    assert not parts or found == list(starts)
    assert all(b <= size + pad for _, b in parts)


def test_the_matrix_of_a_tile_is_no_larger_than_allowed() -> None:
    shape, kernel = (1, 3, 34, 224, 224), (5, 7, 7)
    parts = tiles(shape, (4, 6, 6), kernel, (2, 2, 2), (1, 1, 1))
    rows = [(end - begin - 5) // 2 + 1 for begin, end in parts]
    assert sum(rows) == 17
    assert all(n * 3 * 5 * 7 * 7 * 112 * 112 <= max(LARGEST, 735 * 112 * 112) for n in rows)


def convolution(
    shape: Tuple[int, ...], *, bias: bool = True, **options: Any
) -> Tuple[Network, Tuple[int, int]]:
    """A convolution of six filters, and its output."""
    net = Network()
    inputs = [net.variable("data")]
    inputs += [net.parameter("w", 6, shape[1] // options.get("num_group", 1), *options["kernel"])]
    inputs += [net.parameter("b", 6)] if bias else []
    return net, net.layer("Convolution", "conv", *inputs, num_filter=6, no_bias=not bias, **options)


def drawn(shape: Tuple[int, ...]) -> Dict[str, Any]:
    return {"data": np.random.default_rng(1).random(shape).astype("f")}


@pytest.mark.parametrize(
    ("shape", "count", "options"),
    [
        (
            *((2, 4, 13, 6), 6),
            {"kernel": (3, 2), "stride": (2, 1), "pad": (1, 0), "dilate": (2, 1)},
        ),
        (
            *((2, 4, 13, 6, 7), 7),
            {"kernel": (3, 2, 3), "stride": (2, 1, 2), "pad": (1, 0, 2), "num_group": 2},
        ),
    ],
    ids=["2d", "3d"],
)
def test_pytorch_convolves_in_tiles(
    shape: Tuple[int, ...], count: int, options: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    net, head = convolution(shape, **options)
    path = convert(net.graph(head, inputs={"data": shape}), "pytorch", tmp_path)[0]
    runtime = pytorch.Pytorch(path, "float64")
    results, taken = [], []
    monkeypatch.setattr(pytorch, "tiles", lambda *a: taken.append(tiles(*a)) or taken[-1])
    for largest in (1 << 40, 1):
        monkeypatch.setattr(pytorch.Tiled, "largest", largest)
        results += runtime.run(drawn(shape))
    assert [len(parts) for parts in taken] == [0, count]
    np.testing.assert_allclose(results[1], results[0], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("bias", [True, False])
def test_mxnet_convolves_in_tiles(bias: bool, mxnet: MxnetProcess) -> None:
    shape = (1, 6, 20, 40, 40)
    assert len(tiles(shape, (2, 4, 0), (3, 5, 5), (1, 1, 1), (1, 1, 1))) > 1
    net, head = convolution(shape, bias=bias, kernel=(3, 5, 5), pad=(1, 2, 0))
    with reference(net.symbol(head), net.arrays, {"data": shape}, mxnet) as (_, model, _):
        (layer,) = model.layers(drawn(shape), limit=0)
        (whole,) = model.run(drawn(shape), "float64")
    np.testing.assert_allclose(layer.float64, whole, rtol=1e-13, atol=1e-13)
