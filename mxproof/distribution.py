"""Do two random layers draw from the same distribution?

Each number of the candidate's is ranked among DRAWS numbers that MXNet drew at the same place of
the layer, given the same inputs; equal numbers are put in order by chance. If both draw from one
distribution, whatever it is and however it differs from place to place, each rank is as likely as
any other: so ranks from all places, and from several runs where a layer has few of them, are
uniform. The largest distance D between their shares and those of a uniform distribution is beyond
sqrt(log(2 / p) / 2 n) with a probability of less than p.

Source: Kolmogorov's distance; Massart, The Tight Constant in the Dvoretzky-Kiefer-Wolfowitz
Inequality, Ann. Probab. 18, 1990.
"""

from __future__ import annotations

from typing import Any, List, Sequence

import numpy as np

from .runtimes.base import Array
from .runtimes.mxnet_draws import DRAWS, sampled
from .truth import Truth
from .verdict import Check

#: The probability that a right layer is called wrong, for each layer, precision and input.
FALSE_ALARM = 1e-9
#: Numbers this close, as a part of their size, are equal: rounding is no draw.
EQUAL = 1e-5


def runs_needed(truth: Truth, layer: str) -> int:
    """How often the candidate has to draw, to be held to MXNet's draws of the layer."""
    known = truth.draws.get(layer)
    return len(known) // DRAWS if known is not None else 1


def check_draws(op: str, layer: str, values: Sequence[Array], truth: Truth) -> Check:
    """Judge what the candidate drew in each of several runs, of which type and shape are right."""
    shape = values[0].shape
    if layer not in truth.draws:
        note = "drawn at random; type and shape are judged: a recording holds no draws to compare"
        return Check.form_only(layer, op, shape, note)
    if op == "_shuffle" and not _same_rows(values[0], truth.read(layer, "float64")):
        return Check.broken(layer, op, "holds other numbers than it was given to shuffle", shape)
    take: Any = sampled  # which has no types
    found = ranks([take(op, value) for value in values], truth.draws[layer])
    limit = float(np.sqrt(np.log(2 / FALSE_ALARM) / (2 * found.size)))
    distance = from_uniform(found)
    if distance > limit:
        fault = (
            f"is distributed otherwise than MXNet's: {found.size} ranks among MXNet's draws are "
            f"{distance:.2f} from uniform (Kolmogorov's distance), allowed {limit:.2f}"
        )
        return Check.broken(layer, op, fault, shape)
    note = (
        f"drawn at random: {found.size} ranks among MXNet's draws are {distance:.2f} from uniform "
        f"(Kolmogorov's distance), allowed {limit:.2f}, which chance exceeds with a probability of "
        f"{FALSE_ALARM:.0e}"
    )
    return Check.form_only(layer, op, shape, note)


def _same_rows(value: Array, expected: Array) -> bool:
    ours, theirs = (np.sort(a.reshape(len(a), -1), axis=0) for a in (value, expected))
    return np.array_equal(ours, theirs)


def ranks(values: Sequence[Array], draws: Array) -> Array:
    """Runs of P numbers each, and (runs * DRAWS, P) of MXNet's -> a number from 0 to 1 for each."""
    random = np.random.default_rng(0)
    found: List[Array] = []
    for value, known in zip(values, np.split(draws.astype(np.float64), len(draws) // DRAWS)):
        size = np.maximum(np.abs(known), np.abs(value.astype(np.float64)))
        near = np.abs(known - value) <= EQUAL * size
        below = ((known < value) & ~near).sum(axis=0)
        chance = random.random(value.shape) * (near.sum(axis=0) + 1)
        found.append((below + chance) / (DRAWS + 1))
    return np.concatenate(found)


def from_uniform(numbers: Array) -> float:
    """Kolmogorov's distance of numbers between 0 and 1 from a uniform distribution."""
    ordered, steps = np.sort(numbers), np.arange(len(numbers) + 1) / len(numbers)
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))
