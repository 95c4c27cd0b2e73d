"""Convolutions in tiles: the same numbers as in one piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Tuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters import load_checkpoint, save_checkpoint
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.runtimes.tiling import LARGEST, tiles
from mxproof.targets import convert
from tests.converters.networks import Network


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


GEOMETRY: List[Tuple[Tuple[int, ...], Any]] = [
    ((2, 4, 13, 6), {"kernel": (3, 2), "stride": (2, 1), "pad": (1, 0), "dilate": (2, 1)}),
    (
        (2, 4, 13, 6, 7),
        {"kernel": (3, 2, 3), "stride": (2, 1, 2), "pad": (1, 0, 2), "num_group": 2},
    ),
]


@pytest.mark.parametrize(("shape", "options"), GEOMETRY, ids=["2d", "3d"])
def test_pytorch_convolves_in_tiles(
    shape: Tuple[int, ...], options: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    pytest.importorskip("torch", reason="needs PyTorch")
    from mxproof.runtimes import pytorch

    net = Network()
    groups = options.get("num_group", 1)
    weight = net.parameter("w", 6, 4 // groups, *options["kernel"])
    data, bias = net.variable("data"), net.parameter("b", 6)
    head = net.layer("Convolution", "conv", data, weight, bias, num_filter=6, **options)
    path = convert(net.graph(head, inputs={"data": shape}), "pytorch", tmp_path)[0]
    inputs = {"data": np.random.default_rng(1).random(shape).astype("f")}
    runtime = pytorch.Pytorch(path, "float64")
    results, taken = [], []
    monkeypatch.setattr(pytorch, "tiles", lambda *a: taken.append(tiles(*a)) or taken[-1])
    for largest in (1 << 40, 1):
        monkeypatch.setattr(pytorch.Tiled, "largest", largest)
        results += runtime.run(inputs)
    assert [len(parts) for parts in taken] == [0, 6 if "dilate" in options else 7]
    np.testing.assert_allclose(results[1], results[0], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("bias", [True, False])
def test_mxnet_convolves_in_tiles(bias: bool, tmp_path: Path, mxnet: MxnetProcess) -> None:
    net = Network()
    options = {"kernel": (3, 5, 5), "pad": (1, 2, 0), "no_bias": not bias, "num_filter": 2}
    inputs = [net.variable("data"), net.parameter("w", 2, 6, 3, 5, 5)]
    inputs += [net.parameter("b", 2)] if bias else []
    head = net.layer("Convolution", "conv", *inputs, **options)
    save_checkpoint(tmp_path / "net", net.symbol(head), net.arrays)
    shape = (1, 6, 20, 40, 40)
    assert len(tiles(shape, (2, 4, 0), (3, 5, 5), (1, 1, 1), (1, 1, 1))) > 1
    graph = load_checkpoint(tmp_path / "net", inputs={"data": shape})
    data = {"data": np.random.default_rng(1).random(shape).astype("f")}
    model = mxnet.load(tmp_path / "net", 0, graph)
    (layer,) = model.layers(data, limit=0)
    (whole,) = model.run(data, "float64")
    model.close()
    np.testing.assert_allclose(layer.float64, whole, rtol=1e-13, atol=1e-13)


def test_a_suspended_worker_goes_on(tmp_path: Path, mxnet: MxnetProcess) -> None:
    net = Network()
    head = net.layer("Flatten", "flat", net.variable("data"))
    save_checkpoint(tmp_path / "net", net.symbol(head), net.arrays)
    graph = load_checkpoint(tmp_path / "net", inputs={"data": ("N", 2, 3)})
    data = {"data": np.ones((1, 2, 3), "f")}
    with MxnetProcess(mxnet.python) as process:
        model, other = (process.load(tmp_path / "net", 0, graph) for _ in range(2))
        before = model.run(data)[0]
        process.suspend()
        np.testing.assert_array_equal(model.run(data)[0], before)
        process.suspend()
        other.close()
        np.testing.assert_array_equal(model.truth(data)["flat"].float32, before)
        model.close()
