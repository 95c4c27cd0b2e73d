"""The inputs that proofs are made on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import pytest

from converters import load_checkpoint, save_checkpoint
from fixtures.weights import STANDARD
from mxproof.subject import DISTRIBUTIONS, Subject, load_subject
from tests.converters.networks import Network


def subject_of(tmp_path: Path, shape: Tuple[Any, ...]) -> Subject:
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
    return Subject(graph, tmp_path / "net", 0, "user", "a test", None)


FREE = ("N", 3, "H", "W")


@pytest.mark.parametrize(
    ("shape", "given", "expected"),
    [
        (FREE, {}, [(1, 3, 64, 64), (2, 3, 64, 64)]),
        (FREE, {"data": (1, 3, 9, 8)}, [(1, 3, 9, 8), (1, 3, 9, 8)]),
        (("N", 3, 9, 8), {}, [(1, 3, 9, 8), (2, 3, 9, 8)]),
        ((1, 3, "H", "W"), {}, [(1, 3, 64, 64), (1, 3, 64, 64)]),
        (("N", 3, 64, 64), {}, [(1, 3, 64, 64), (2, 3, 64, 64)]),  # see `subject_of`
    ],
)
def test_every_other_input_is_turned(
    shape: Any, given: Dict[str, Any], expected: Any, tmp_path: Path
) -> None:
    evidence = subject_of(tmp_path, shape).evidence(given, samples=4)
    assert [e["data"].shape for e in evidence] == expected * 2
    assert all(e["data"].dtype == np.float32 for e in evidence)
    flat = [e["data"].ravel()[:200] for e in evidence]
    for i in range(4):
        for j in range(i):
            assert not np.array_equal(flat[i], flat[j]), "each is drawn anew"


def test_the_zoo_sees_its_picture_both_ways() -> None:
    subject = load_subject("resnet18", weights="seeded")
    first, second, third, _ = (e["data"] for e in subject.evidence({}, samples=4))
    assert first.shape == third.shape == (1, 3, 65, 64)
    assert second.shape == (2, 3, 64, 65)
    fractions = [len(np.unique(x % 1)) for x in (first, second, third)]
    assert fractions[:2] == [1, 1], "pixels"
    assert fractions[2] > 100, "noise"


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_distributions(kind: str, tmp_path: Path) -> None:
    """By their definition: mean 0 and deviation 1 but for those that are named for being not."""
    draw = DISTRIBUTIONS[kind]
    values, again = (draw(np.random.default_rng(0), (200, 500)) for _ in range(2))
    np.testing.assert_array_equal(values, again)
    assert values.shape == (200, 500)
    assert np.isfinite(values).all()
    sizes = {"tiny": 1e-6, "huge": 1e4, "sparse": 0.02**0.5}
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
