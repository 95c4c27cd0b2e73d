"""Test whether two random layers draw from the same distribution.

Each number of the candidate's is ranked among DRAWS numbers that MXNet drew at the same place of
the layer, given the same inputs; equal numbers are put in order by chance. If both draw from one
distribution, whatever it is and however it differs from place to place, each rank is as likely as
any other: so the ranks u of all places and of several runs are uniform between 0 and 1, and so are
|2 u - 1|, on which a scatter shows that is too large or too small. Both are held to that

- all together: the largest distance between their shares and those of a uniform distribution is
  beyond sqrt(log(2 / p) / 2 n) with a probability of less than p;
- place by place, where two differences may cancel in all of them, and run by run, whose numbers
  may be draws of one: of n such means, in standard deviations, the sum of squares is beyond
  n + 2 sqrt(n t) + 2 t, t = log(1 / p), with a probability of less than p.

Source: Massart, The Tight Constant in the Dvoretzky-Kiefer-Wolfowitz Inequality, Ann. Probab. 18,
1990; Hsu, Kakade and Zhang, A Tail Inequality for Quadratic Forms of Subgaussian Random Vectors,
Electron. Commun. Probab. 17, 2012 (a uniform number is as subgaussian as a normal one of its
variance).
"""

from __future__ import annotations

from typing import Any, List, Sequence

import numpy as np

from ..runtimes.base import Array
from ..runtimes.mxnet.worker.draws import DRAWS, sampled
from .results import LayerResult
from .trace import ReferenceTrace

#: The probability that a right layer is called wrong, for each layer, precision and input.
FALSE_ALARM = 1e-9
#: Of the order of equal numbers: no one else's, or that order would go by what was drawn.
SEED = 0x72616E6B
#: Numbers this close, as a part of their size, are equal: rounding is no draw.
EQUAL = 1e-5


def runs_needed(truth: ReferenceTrace, layer: str) -> int:
    """How often the candidate has to draw, to be held to MXNet's draws of the layer."""
    known = truth.draws.get(layer)
    return len(known) // DRAWS if known is not None else 1


def check_draws(op: str, layer: str, values: Sequence[Array], truth: ReferenceTrace) -> LayerResult:
    """Judge what the candidate drew in each of several runs, of which type and shape are right."""
    shape = values[0].shape
    if layer not in truth.draws:
        note = "drawn at random; type and shape are judged: a recording holds no draws to compare"
        return LayerResult.form_only(layer, op, shape, note)
    if op == "_shuffle" and not _same_rows(values[0], truth.read(layer, "float64")):
        return LayerResult.broken(layer, op, "holds other rows than it was given to shuffle", shape)
    take: Any = sampled  # which has no types
    found = ranks([take(op, value) for value in values], truth.draws[layer])
    used = from_uniform(found)
    what = f"{found.size} ranks among MXNet's draws, {used:.2g} times as far from uniform as chance"
    if used > 1:
        words = f"is distributed otherwise than MXNet's: {what} puts them in one case of 1e9"
        return LayerResult.broken(layer, op, words, shape)
    note = f"drawn at random: {what} puts them with a probability of {FALSE_ALARM:.0e}"
    return LayerResult.form_only(layer, op, shape, note)


def _same_rows(value: Array, expected: Array) -> bool:
    ours, theirs = (a.reshape(len(a), -1) for a in (value, expected))
    return np.array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])


def ranks(values: Sequence[Array], draws: Array) -> Array:
    """Runs of P numbers each, and (runs * DRAWS, P) of MXNet's -> ranks from 0 to 1, (runs, P)."""
    random = np.random.default_rng(SEED)
    found: List[Array] = []
    for value, known in zip(values, np.split(draws.astype(np.float64), len(draws) // DRAWS)):
        size = np.maximum(np.abs(known), np.abs(value.astype(np.float64)))
        near = np.abs(known - value) <= EQUAL * size
        below = ((known < value) & ~near).sum(axis=0)
        chance = random.random(value.shape) * (near.sum(axis=0) + 1)
        found.append((below + chance) / (DRAWS + 1))
    return np.stack(found)


def from_uniform(found: Array) -> float:
    """How far ranks (runs, P) are from uniform, as a part of what is allowed."""
    p = FALSE_ALARM / 6  # of each of six tests
    t = np.log(1 / p)
    steps = np.arange(found.size + 1) / found.size
    parts = []
    for u in (found, np.abs(2 * found - 1)):
        ordered = np.sort(u, axis=None)
        distance = max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max())
        parts.append(distance / np.sqrt(np.log(2 / p) / (2 * found.size)))
        for axis, count in enumerate(u.shape):
            means = np.sqrt(12 * count) * (u.mean(axis) - 0.5)
            allowed = means.size + 2 * np.sqrt(means.size * t) + 2 * t
            parts.append(np.square(means).sum() / allowed)
    return float(max(parts))
