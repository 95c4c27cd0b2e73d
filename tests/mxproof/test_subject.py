"""The inputs that proofs are made on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Tuple

import numpy as np
import pytest

from converters import load_checkpoint, save_checkpoint
from converters.mxnet_format.checkpoint_files import find_files
from fixtures.networks import Network
from mxproof.inputs.sampling import DISTRIBUTIONS
from mxproof.model import Model
from mxproof.zoo.weights import STANDARD


def subject_of(tmp_path: Path, shape: Tuple[Any, ...]) -> Model:
    """A network of any size, or where all sizes are 64 one that takes no other."""
    net, pooled = Network(), shape[2:] != (64, 64)
    x = net.convolution("conv", net.variable("data"), 3, 4)
    if pooled:
        x = net.layer("Pooling", "pool", x, global_pool=True, pool_type="avg", kernel=(7, 7))
    x = net.layer("Flatten", "flat", x)
    weight = net.parameter("w", 5, 4 if pooled else 4 * 64 * 64)
    x = net.layer("FullyConnected", "fc", x, weight, num_hidden=5, no_bias=True)
    save_checkpoint(tmp_path / "net", net.symbol(x), net.arrays)
    graph = load_checkpoint(tmp_path / "net", inputs={"data": shape})
    return Model(graph, find_files(tmp_path / "net"), "user", "a test", None)


FREE = ("N", 3, "H", "W")


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_distributions(kind: str, tmp_path: Path) -> None:
    """By their definition: mean 0 and deviation 1 but for those that are named for being not."""
    draw = DISTRIBUTIONS[kind]
    values, again = (draw(np.random.default_rng(0), (200, 500)) for _ in range(2))
    np.testing.assert_array_equal(values, again)
    assert values.shape == (200, 500)
    assert np.isfinite(values).all()
    sizes = {"tiny": 1e-6, "huge": 1e4, "sparse": 0.02**0.5, "outliers": 1e4 * 0.02**0.5}
    if kind == "constant":
        assert len(np.unique(values)) == 1
    elif kind == "heavy-tailed":
        assert np.abs(values).max() > 30 * np.median(np.abs(values))
    else:
        assert values.std() == pytest.approx(sizes.get(kind, 1), rel=0.05)
        assert abs(values.mean()) < 0.02 * sizes.get(kind, 1)
    inputs = subject_of(tmp_path, FREE).inputs({"data": (1, 3, 9, 8)}, 5, kind)["data"]
    noise = STANDARD.mean + STANDARD.var**0.5 * draw(np.random.default_rng(5), (1, 3, 9, 8))
    assert inputs.dtype == np.float32
    np.testing.assert_array_equal(inputs, noise.astype(np.float32))
