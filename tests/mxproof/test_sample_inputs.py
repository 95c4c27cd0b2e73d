"""The inputs that a proof draws by default: which sizes, which numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest

from mxproof.inputs.sampling import informative
from mxproof.model import load_model
from mxproof.zoo.models import I3D, ZOO

from .test_subject import FREE, subject_of


def drawn(tmp_path: Path, shape: Any = FREE, given: Any = None, **how: int) -> List[Any]:
    return [x["data"] for x in subject_of(tmp_path, shape).evidence(given or {}, **how)]


PLAIN = (1, 3, 64, 64)
SMALL, TALL, WIDE = (3, 3, 35, 33), (1, 3, 225, 35), (1, 3, 34, 226)


@pytest.mark.parametrize(
    ("shape", "given", "expected"),
    [
        (FREE, {}, [PLAIN, SMALL, TALL, WIDE]),
        (FREE, {"data": FREE}, [PLAIN, SMALL, TALL, WIDE]),
        (FREE, {"data": (1, 3, 9, 8)}, [(1, 3, 9, 8)] * 4),
        (FREE, {"data": ("N", 3, 9, 8)}, [(1, 3, 9, 8), (3, 3, 9, 8), *[(1, 3, 9, 8)] * 2]),
        ((1, 3, "H", "W"), {}, [PLAIN, (1, *SMALL[1:]), TALL, WIDE]),
        ((1, 3, "H", 40), {}, [(1, 3, h, 40) for h in (64, 23, 225, 34)]),
        # A network that takes no other height and width, see `subject_of`.
        (("N", 3, 64, 64), {}, [PLAIN, (3, 3, 64, 64), PLAIN, PLAIN]),
    ],
)
def test_each_free_axis_differs(shape: Any, given: Any, expected: Any, tmp_path: Path) -> None:
    arrays = drawn(tmp_path, shape, given, samples=5)
    assert [a.shape for a in arrays] == [*expected, expected[0]], "they take turns"
    assert all(a.dtype == np.float32 for a in arrays)
    flat = [a.ravel()[:200] for a in arrays]
    assert not any(np.array_equal(flat[i], flat[j]) for i in range(5) for j in range(i))


def test_each_remainder_of_4_is_a_height_and_a_width() -> None:
    for axis in (-2, -1):
        assert {shape[axis] % 4 for shape in (PLAIN, SMALL, TALL, WIDE)} == {0, 1, 2, 3}


def test_the_numbers(tmp_path: Path) -> None:
    plain, sparse, outliers, again = drawn(tmp_path)
    for dense in (plain, again):
        assert dense.std() == pytest.approx(1, rel=0.05)
        assert (dense != 0).all()
    assert 0.9 < (sparse == 0).mean() < 1
    assert outliers.max() > 1e4
    assert outliers.min() < -1e4
    assert 0.95 < (np.abs(outliers) < 10).mean() < 0.99


def test_a_seed_repeats_exactly(tmp_path: Path) -> None:
    first, second = drawn(tmp_path, seed=7, samples=2)
    again = drawn(tmp_path, seed=7, samples=4)
    np.testing.assert_array_equal(first, again[0])
    np.testing.assert_array_equal(second, again[1])
    assert not np.array_equal(first, drawn(tmp_path, seed=8, samples=1)[0])


def test_a_network_of_multiples_of_32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does not take gives way to what the plan has next."""
    from converters import Graph, ShapeError

    infer = Graph.infer_shapes

    def strict(self: Graph, shapes: Dict[str, Tuple[Any, ...]]) -> Any:
        if any(isinstance(d, int) and d % 32 for d in shapes["data"][2:]):
            raise ShapeError("takes multiples of 32 only")
        return infer(self, shapes)

    subject = subject_of(tmp_path, FREE)
    monkeypatch.setattr(Graph, "infer_shapes", strict)
    shapes = [x["data"].shape for x in subject.evidence({})]
    assert shapes == [PLAIN, (3, 3, 32, 32), (1, 3, 224, 32), (1, 3, 32, 224)]


@pytest.mark.parametrize("model", ZOO)
def test_the_zoo(model: str) -> None:
    """First a picture; zeros, although its noise is around the mean of pixels; each side large."""
    subject = load_model(model, weights="seeded")
    first, sparse, tall, wide = (x["data"] for x in subject.evidence({}))
    np.testing.assert_array_equal(first, ZOO[model].picture(first.shape))
    assert len(sparse) == 3
    assert (sparse == 0).mean() > 0.9
    assert (tall.shape[-2], wide.shape[-1]) == (225, 226)
    cost = sum(x.size for x in (first, sparse, tall, wide))
    assert cost <= 6 * first.size, "no more than one picture and one pair of them, twice"


def test_two_frames_behind_each_temporal_stride() -> None:
    """A step in time that is taken once says nothing of how long it is."""
    subject = load_model(I3D, weights="seeded")
    graph = subject.graph
    shapes = graph.infer_shapes({k: v.shape for k, v in subject.evidence({})[0].items()})
    strides = {n.name: getattr(graph.operators[n.name], "stride", None) for n in graph.nodes}
    stepping = [name for name, stride in strides.items() if stride and stride[0] > 1]
    assert stepping == ["conv0_fwd", "pool0_fwd", "pool1_fwd"]
    behind = [shape for n in graph.nodes if len(shape := shapes[n.name] or ()) == 5]
    counts = [int(shape[2]) for shape in behind]  # type: ignore[arg-type]
    assert min(counts[:-1]) >= 2, "but for the last pooling, which is over all frames"


@pytest.mark.parametrize(
    ("outputs", "scale"),
    [
        ([lambda x: x], 1),
        ([lambda x: np.tanh(1e5 * x)], 1e-4),  # 1 for all but the smallest
        ([lambda x: np.maximum(x - 20, 0)], 1e2),
        ([lambda x: x, lambda x: np.tanh(1e5 * x)], 1e-4),
        ([lambda x: x, lambda x: 0 * x + 3], 1),  # a constant: nothing helps
    ],
)
def test_inputs_that_say_nothing_are_scaled(outputs: Any, scale: float) -> None:
    samples = [{"data": np.full((n, 2), n / 4, np.float32)} for n in (1, 2, 3)]
    found = informative(lambda x: [f(x["data"]).astype(np.float32) for f in outputs], samples)
    assert found[0]["data"][0, 0] == samples[0]["data"][0, 0]
    for new, old in zip(found[1:], samples[1:]):
        np.testing.assert_array_equal(new["data"], old["data"] * np.float32(scale))
