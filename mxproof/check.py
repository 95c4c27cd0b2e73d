"""One layer's result against MXNet's."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, List, Optional, Tuple

import numpy as np

from .runtimes.base import Array, Candidate, LayerTruth
from .tolerance import ROUNDINGS, Budget, Deviation
from .verdict import Check, Sums

#: Numbers that are looked at together: few enough for the processor's cache, and so that judging
#: a layer takes no memory to speak of beside the layer itself.
BLOCK = 1 << 18

LARGEST = float(np.finfo(np.float32).max)


def check(
    op: str,
    value: Array,
    truth: LayerTruth,
    precision: str,
    row: Optional[Deviation] = None,
    alone: bool = False,
) -> Check:
    """Compare dtype, shape and finiteness first, then the numbers.

    Args:
        value: (N, C, ...), as the candidate has it.
        precision: the candidate's.
        row: the layer's own budget, if it has one.
        alone: the layer was given MXNet's results, so it carries no rounding but its own.
    """
    t = truth.float64
    m = truth.float32 if precision == "float32" else t
    wrong = other_form(value, m)
    if not wrong:
        value, t, m, wrong = _finite(value, t, m)
    if not wrong:
        largest, worst, sums, max_abs, max_rel = _statistics(value, t, m, precision)
        noise = sums.noise if sums else 0.0
        if not np.isfinite(worst + largest + noise).all():
            wrong = _not_finite(value, m)
    if wrong:
        return Check.broken(truth.name, op, wrong, value.shape)
    peak, error = float(largest.max()), float(worst.max())
    rel = error / peak if peak else (float("inf") if error else 0.0)
    result = Check(truth.name, op, value.shape, rel, max_abs, max_rel, None, sums, row)
    if precision == "float64":
        allowed, standard = (allowed_by_channel(largest, b) for b in (result.budget, Budget()))
        magnified = not alone and bool((worst > allowed).any())
        if not alone and (worst > standard).any():
            passed_on = carried(truth)
            allowed, standard = (np.maximum(a, passed_on) for a in (allowed, standard))
        strict = bool((worst > standard).any())
        fault = _differing(value, t, allowed) if (worst > allowed).any() else None
        parts = np.divide(worst, allowed, out=np.zeros_like(worst), where=allowed > 0)
        result = replace(
            result,
            fault=fault,
            beyond_standard=strict,
            part64=float(parts.max()),
            rel64=float(allowed.max()) / peak if peak else 0.0,
            magnified=magnified,
        )
    return result


def check_form(op: str, value: Array, truth: LayerTruth, candidate: Candidate) -> Check:
    """Compare dtype, shape and finiteness only: the numbers are drawn at random."""
    wrong = other_form(value, getattr(truth, candidate.precision))
    if not wrong and not np.isfinite(value).all():
        wrong = "holds values that are not finite"
    if wrong:
        return Check.broken(truth.name, op, wrong, value.shape)
    return Check(truth.name, op, value.shape, 0.0, 0.0, 0.0, None)


def allowed_by_channel(largest: Array, budget: Budget) -> Array:
    """By channel, from the largest magnitudes in each."""
    by_channel: Array = np.maximum(largest, budget.channel_floor * largest.max())
    return budget.float64_rel * by_channel


def carried(truth: LayerTruth) -> float:
    """The float64 rounding that a layer of a network carries from those before it."""
    error = truth.float32.astype(np.float64) - truth.float64
    largest = np.abs(np.where(np.isfinite(error), error, 0)).max()
    return float(Budget().float32_ratio * ROUNDINGS * largest)


def channels(array: Array) -> Array:
    """(N, C, *S) -> (N, C, prod(S)); fewer dimensions are one channel."""
    return array.reshape(*(array.shape[:2] if array.ndim > 1 else (1, 1)), -1)


def _blocks(array: Array) -> Iterator[slice]:
    """Ranges of channels that make up about BLOCK numbers."""
    step = max(1, BLOCK * array.shape[1] // array.size)
    return (slice(start, start + step) for start in range(0, array.shape[1], step))


def _statistics(
    value: Array, truth: Array, single: Array, precision: str
) -> Tuple[Array, Array, Optional[Sums], float, float]:
    """By channel max|t|, max|x - t| and, in float32, sums; max|x - m| and max|x - m| / |m|."""
    x, t, m = channels(value), channels(truth), channels(single)
    rows: List[List[Array]] = []
    max_abs = max_rel = 0.0
    for block in _blocks(t):
        row = [np.abs(t[:, block]).max(axis=(0, 2))]
        error = x[:, block] - t[:, block]
        np.abs(error, out=error)
        row.append(error.max(axis=(0, 2)))
        apart = error
        if precision == "float32":
            noise = m[:, block] - t[:, block]
            row += [np.einsum("ncs,ncs->c", a, a) for a in (error, noise, t[:, block])]
            apart = np.abs(x[:, block] - m[:, block])
        size = np.abs(m[:, block])
        max_abs = max(max_abs, float(apart.max()))
        nonzero = np.divide(apart, size, out=np.zeros_like(apart), where=size != 0)
        max_rel = max(max_rel, float(nonzero.max()))
        rows.append(row)
    largest, worst, *squares = (np.concatenate(column) for column in zip(*rows))
    count = t.size // t.shape[1]
    sums = Sums(squares[0], squares[1], squares[2], count) if squares else None
    return largest, worst, sums, max_abs, max_rel


def _finite(value: Array, truth: Array, single: Array) -> Tuple[Array, Array, Array, Optional[str]]:
    """The three in numbers that can be subtracted, and what is wrong with them.

    Where MXNet's result is not finite, the candidate's must be the same (an infinity of the same
    sign, or no number); there is nothing else to judge there. What float32 cannot hold is infinite
    here, and so is its largest number, with which MXNet begins a maximum. Whole numbers and truth
    values are as good as float64 numbers, of which no rounding is expected.
    """
    arrays = [a if a.dtype.kind == "f" else a.astype(np.float64) for a in (value, truth, single)]
    value, truth, single = arrays
    if all(a.min() > -LARGEST and a.max() < LARGEST for a in (truth, single)):
        return value, truth, single, None
    value, truth, single = (np.where(np.abs(a) < LARGEST, a, a * np.inf) for a in arrays)
    odd = ~(np.isfinite(truth) & np.isfinite(single))
    if odd.all():
        return value, truth, single, "MXNet's values are all not finite: nothing to judge"
    ours, theirs = value[odd], single[odd]
    alike = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    if not alike.all():
        count = f"{int((~alike).sum())} of {int(odd.sum())}"
        return value, truth, single, f"differs in {count} values that are not finite in MXNet"
    value, truth, single = (np.where(odd, 0, a) for a in (value, truth, single))
    return value, truth, single, None


def other_form(value: Array, reference: Array) -> Optional[str]:
    if value.dtype != reference.dtype:
        return f"is {value.dtype}, not {reference.dtype}"
    if value.shape != reference.shape:
        return f"has shape {value.shape}, MXNet {reference.shape}"
    return None if value.size else "has no elements: nothing was compared"


def _not_finite(value: Array, reference: Array) -> str:
    bad, expected = ~np.isfinite(value), ~np.isfinite(reference)
    if expected.any():
        return f"holds {int(expected.sum())} values in MXNet that are not finite: nothing to judge"
    if bad.any():
        return f"holds {int(bad.sum())} values that are not finite; MXNet holds none"
    return "holds values in MXNet's float64 that are not finite: nothing to judge"


def _differing(value: Array, truth: Array, allowed: Array) -> str:
    """How many values are beyond what is allowed in their channel, and which is the worst."""
    error = np.abs(value - truth)
    by_axis = allowed.reshape(-1, *(1,) * (error.ndim - 2)) if error.ndim > 1 else allowed[0]
    limits = np.broadcast_to(by_axis, error.shape)
    excess = error > limits
    worst = int(np.where(excess, error, -1).argmax())
    at = tuple(int(i) for i in np.unravel_index(worst, error.shape))
    return (
        f"{int(excess.sum())} of {error.size} values, worst {error[at]:.1e} at {at}, "
        f"allowed {limits[at]:.1e}"
    )
