"""Judging by a recording: what is wrong anywhere in a layer is seen in what is kept of it."""

from __future__ import annotations

import re
from typing import Any, Optional

import numpy as np
import pytest

from mxproof.proof import judge as checking
from mxproof.proof.results import LayerResult
from mxproof.proof.tolerance import Budget, ToleranceOverride
from mxproof.recording import sketch as module
from mxproof.recording.recorded import measured
from mxproof.recording.sketch import CELL, CELLS, SAMPLES, WEIGHTS, Sketch, form, keep, positions
from mxproof.runtimes.base import Layer

from .fakes import NOISE, Array

SHAPE = (2, 64, 30, 20)


def kept_of(t: Array, m: Optional[Array] = None) -> Sketch:
    """As a file holds it."""
    layer = Layer("relu", t, (t if m is None else m).astype("f"))
    kept = keep(layer)
    parts = [getattr(kept, name).astype(form) for name, form in module.STORED.items()]
    assert [part.size for part in parts] == [*module.part_sizes(t.shape, kept.whole).values()]
    return Sketch("relu", shape=t.shape, **dict(zip(module.STORED, parts)))


def judge(
    kept: Sketch, value: Array, precision: str, row: Optional[ToleranceOverride] = None
) -> LayerResult:
    return checking.check("op", value, kept, precision, row, measure=measured)


def numbers(seed: int = 0, shape: Any = SHAPE) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


T = numbers()
KEPT = kept_of(T)
PEAK = np.abs(T).max((0, 2, 3), keepdims=True)
factors = pytest.mark.parametrize("factor", [0.99, 1.01])


def off(place: Any, error: float) -> Array:
    """The layer, wrong in one place."""
    x = T.copy()
    x[place if isinstance(place, tuple) else np.unravel_index(place, SHAPE)] += error
    return x


def said(x: Array, kept: Sketch = KEPT) -> str:
    return judge(kept, x, "float64").problem or ""


@pytest.mark.parametrize("sign", [1, -1])
def test_one_number_anywhere(sign: int) -> None:
    """1e-9 of the channel's magnitude, in the first, the last and any other place."""
    for place in (0, T.size - 1, *np.random.default_rng(1).integers(0, T.size, 20)):
        assert "1 of 64 channels" in said(off(place, sign * 1e-9 * np.abs(T).max())), place


def test_one_number_in_four_million() -> None:
    t = numbers(0, (1, 256, 129, 128)).astype("f").astype("d")
    kept = kept_of(t)
    assert form(t.shape)[2] == CELL
    assert not said(t, kept)
    t[0, 200, 128, 127] += 1e-9 * np.abs(t[0, 200]).max()
    assert re.match(r"1 of 256 .* channel 200 ", said(t, kept))


@factors
def test_boundary_of_a_number(factor: float) -> None:
    """By definition: a weight times the error may be the budget times the root of the cell."""
    _, size, length = form(SHAPE)
    place = next(p for p in range(5 * 600, 6 * 600) if p not in positions("relu", SHAPE))
    cells = module.sketch("relu", off(place, 1.0) - T)
    assert np.count_nonzero(cells) == 1
    assert size % length == 0
    allowed = 1e-12 * KEPT.by_channel[0, 5] * np.sqrt(length)
    assert (not said(off(place, factor * allowed / np.abs(cells).max()))) == (factor < 1)


@factors
def test_boundary_of_a_sample(factor: float) -> None:
    """A number that is kept is judged as if all were: 1e-12 of its channel's magnitude."""
    at = tuple(map(int, np.unravel_index(positions("relu", SHAPE)[77], SHAPE)))
    x = off(at, factor * 1e-12 * PEAK[0, at[1], 0, 0] * 1.001)  # kept in float16, rounded up
    assert (KEPT.by_channel[0] >= PEAK.ravel()).all()
    words = f"1 of {SAMPLES} samples, worst {abs(x - T).max():.1e} at {at}, allowed "
    assert said(x).startswith(words) == bool(said(x)) == (factor > 1)


@pytest.mark.parametrize(("error", "words"), [(1e-13, "^$"), (1e-11, "1 of 64 .* channel 9 by ab")])
def test_a_channel_that_is_a_little_off(error: float, words: str) -> None:
    assert re.search(words, said(T * np.where(np.arange(64) == 9, 1 + error, 1)[:, None, None]))


def test_numbers_that_change_places() -> None:
    """In two cells or in one, where no sample sees it: neighbours in memory are in one cell."""
    random = np.random.default_rng(2)
    rest = np.setdiff1d(np.arange(T.size - 1), positions("relu", SHAPE))
    for i in random.choice(rest, 20, replace=False):
        for j in (i + 1, random.choice(rest)):
            x = T.copy()
            x.flat[[i, j]] = x.flat[[j, i]]
            assert said(x), (i, j)


def test_rounding_of_any_kind_passes() -> None:
    """A tenth of the budget: at random, all to one side, growing with the number."""
    for error in (*(numbers(seed) / 3 for seed in range(5)), np.ones(SHAPE), 3 * T / PEAK):
        assert not said(T + 1e-13 * PEAK * error)


@pytest.mark.parametrize(("factor", "passes"), [(3.2, True), (5.0, False)])
def test_float32_of_a_layer(factor: float, passes: bool) -> None:
    kept = kept_of(T, T + NOISE * numbers(1))
    result = judge(kept, (T + factor * NOISE * numbers(2)).astype("f"), "float32")
    assert result.ratio == pytest.approx(factor, rel=0.15)
    assert (result.problem is None) == passes


@pytest.mark.parametrize(("factor", "passes"), [(3.5, True), (70.0, False)])
def test_float32_of_a_channel(factor: float, passes: bool) -> None:
    """One of 512 that the layer as a whole would hide."""
    shape = (1, 512, 6, 5)
    t, noise = numbers(0, shape), NOISE * numbers(1, shape)
    x = t - noise
    x[:, 5] += factor * noise[:, 5]
    problem = judge(kept_of(t, t + noise), x.astype("f"), "float32").problem
    assert (problem is None) == passes
    assert passes or "float32 error of channel 5 is" in str(problem)


def test_float32_where_mxnet_is_exact() -> None:
    single = T.astype("f")
    right, wrong = (
        judge(kept_of(single.astype("d")), single * np.float32(f), "float32") for f in (1, 1 + 2e-6)
    )
    assert (right.ratio, right.problem, right.max_abs) == (None, None, 0)
    assert "MXNet's own: 0.0e+00" in str(wrong.problem)


def test_a_budget_of_its_own() -> None:
    row = ToleranceOverride("", Budget(float64_rel=1e-9))
    within, beyond = (judge(KEPT, T * (1 + e), "float64", row) for e in (1e-10, 1e-8))
    assert within.problem is None
    assert within.uses_row
    assert beyond.problem


#: Shape -> numbers in a cell; 0 where the layer is kept whole.
CELL_OF = {
    **{(): 0, (0, 4): 0, (512,): 0, (1, 2048, 1, 1): 0, (600,): 2, (2, 2048): 2},
    **{(1, 3, 65, 64): 48, (1, 1024, 5, 4): 20, (1, 256, 200, 200): CELL},
}


@pytest.mark.parametrize("shape", CELL_OF)
def test_what_is_kept(shape: Any) -> None:
    """Small layers; else at least CELLS sums, of at most CELL numbers each."""
    whole = not CELL_OF[shape]
    assert module.kept_whole(shape, False) == whole
    if not whole:
        assert form(shape)[2] == CELL_OF[shape]
        sizes = module.part_sizes(shape, whole)
        assert sizes["cells"] >= CELLS
        assert sizes["float64"] == SAMPLES
        assert module.kept_whole((1, 21, 60, 60), True), "an output of the network"


def test_weights_by_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file format: mean 0, mean square 1, all different, the same bits everywhere."""
    assert abs(WEIGHTS.mean()) < 1e-15
    assert np.square(WEIGHTS).mean() == pytest.approx(1, abs=1e-9)
    assert len(np.unique(WEIGHTS)) == len(WEIGHTS) == 1 << 16
    assert (np.abs(WEIGHTS).min(), np.abs(WEIGHTS).max()) == pytest.approx((0.48, 1.441), abs=1e-3)
    ramp = np.arange(2 * 64 * 9.0).reshape(2, 64, 3, 3)
    sums = module.sketch("relu", ramp)
    assert sums.shape == (64, 5)
    assert sums[[0, -1], 0].tolist() == pytest.approx([-1.3536028470274024, 226.6572870899613])
    assert positions("relu", SHAPE)[:3].tolist() == [209, 1145, 1560]
    monkeypatch.setattr(checking, "BLOCK", 100)
    assert (module.sketch("relu", ramp) == sums).all(), "however the work is divided"
