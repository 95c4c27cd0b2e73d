"""Measure one layer's result against MXNet's by channel, and hold it to its budget."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, Iterator, List, Optional

import numpy as np

from ..runtimes.base import Array, Candidate, Layer, Rounding
from .results import LayerResult, Sums
from .tolerance import ROUNDINGS, Budget, ToleranceOverride

#: Numbers that are looked at together: few enough for the processor's cache, and so that judging
#: a layer takes no memory to speak of beside the layer itself.
BLOCK = 1 << 18

LARGEST = float(np.finfo(np.float32).max)


class Incomparable(Exception):
    """Why a result cannot be compared with MXNet's at all."""


class NothingFinite(Exception):
    """No value of MXNet's is finite, and the result holds the same ones."""


@dataclass(frozen=True)
class Measured:
    """How far a layer's result x is from MXNet's.

    Attributes:
        peaks: (C,), max|t| of each channel.
        errors: what float64 limits, such as max|x - t| of each channel.
        channel: of each error.
        max_abs, max_rel: see `LayerResult`.
        carried: MXNet's largest float32 error, which the layer carries from those before it.
        describe: the limits of the errors -> which of them are exceeded, in words.
        sums: in float32 only.
        nonfinite: what MXNet's result holds, and this one too: see `nonfinite`.
    """

    peaks: Array
    errors: Array
    channel: Array
    max_abs: float
    max_rel: float
    carried: Callable[[], float]
    describe: Callable[[Array], str]
    sums: Optional[Sums] = None
    nonfinite: str = ""


def check(
    op: str,
    value: Array,
    truth: Layer,
    precision: str,
    row: Optional[ToleranceOverride] = None,
    alone: bool = False,
    measure: Optional[Callable[[Array, Any, str], Measured]] = None,
    rounding: Optional[Rounding] = None,
) -> LayerResult:
    """Compare dtype, shape and finiteness first, then the numbers.

    Args:
        value: (N, C, ...), as the candidate has it.
        precision: the candidate's.
        row: the layer's own budget, if it has one.
        alone: the layer was given MXNet's results, so it carries no rounding but its own.
        measure: (value, truth, precision) -> what is judged; `measured` by default.
        rounding: what rounding alone may do; MXNet's own error says how much by default.
    """
    try:
        found = (measure or measured)(value, truth, precision)
    except NothingFinite as error:
        kind = str(error)
        note = f"all values are {kind} in MXNet too: equal, which says little of the layer"
        return LayerResult.form_only(truth.name, op, value.shape, note, nonfinite=(kind, kind))
    except Incomparable as error:
        kinds = nonfinite(value), nonfinite(getattr(truth, precision))
        return LayerResult.broken(truth.name, op, str(error), value.shape, nonfinite=kinds)
    errors, peak = found.errors, float(found.peaks.max())
    rel = float(errors.max()) / peak if peak else (float("inf") if errors.any() else 0.0)
    sums = found.sums
    if sums is not None and rounding is not None:
        sums = replace(sums, spread=rounding.isolated if alone else rounding.carried)
        if alone and np.any(rounding.isolated):  # MXNet's own error is that of its chain
            sums = replace(sums, noise=np.minimum(sums.noise, rounding.isolated))
    result = LayerResult(
        truth.name, op, value.shape, rel, found.max_abs, found.max_rel, None, sums, row
    )
    result = replace(result, nonfinite=(found.nonfinite, found.nonfinite))
    if sums is not None:  # they are judged once all inputs are in
        return result
    budgets = (result.budget, Budget(), row.without_looser if row else Budget())
    plain, standard, stricter = (allowed_by_channel(found.peaks, b)[found.channel] for b in budgets)
    passed_on, known = 0.0, rounding or Rounding()
    if (errors > standard).any():
        passed_on = carried_by(known.own if alone else max(known.largest, found.carried()))
    # What is stricter than the standard budget is so whatever the layers before pass on.
    allowed, unhelped = (
        np.where(a < standard, a, np.maximum(a, passed_on)) for a in (plain, stricter)
    )
    parts = np.divide(errors, allowed, out=np.zeros_like(errors), where=allowed > 0)
    return replace(
        result,
        fault=found.describe(allowed) if (errors > allowed).any() else None,
        beyond_standard=bool((errors > unhelped).any()),
        part64=float(parts.max()),
        rel64=float(allowed.max()) / peak if peak else 0.0,
        magnified=not alone and bool((errors > plain).any()),
    )


def nonfinite(array: Array) -> str:
    """What an array holds beside finite numbers: "NaN", "infinity" or ""."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return ""
    return "NaN" if np.isnan(array).any() else "infinity"


def check_form(op: str, value: Array, truth: Layer, candidate: Candidate) -> LayerResult:
    """Compare dtype, shape and finiteness only: the numbers are drawn at random."""
    try:
        same_form(value, getattr(truth, candidate.precision))
        if not np.isfinite(value).all():
            raise Incomparable("holds values that are not finite")
    except Incomparable as error:
        return LayerResult.broken(truth.name, op, str(error), value.shape)
    return LayerResult.form_only(truth.name, op, value.shape)


def allowed_by_channel(largest: Array, budget: Budget) -> Array:
    """By channel, from the largest magnitudes in each."""
    by_channel: Array = np.maximum(largest, budget.channel_floor * largest.max())
    return budget.float64_rel * by_channel


def channels(array: Array) -> Array:
    """(N, C, *S) -> (N, C, prod(S)); fewer dimensions are one channel."""
    return array.reshape(*(array.shape[:2] if array.ndim > 1 else (1, 1)), -1)


def blocks(array: Array) -> Iterator[slice]:
    """(N, C, S) -> ranges of channels that make up about BLOCK numbers."""
    step = max(1, BLOCK * array.shape[1] // array.size)
    return (slice(start, start + step) for start in range(0, array.shape[1], step))


def measured(value: Array, truth: Layer, precision: str) -> Measured:
    """By channel max|t|, max|x - t| and, in float32, sums; max|x - m| and max|x - m| / |m|.

    Raises:
        Incomparable: type, shape, or values that are not finite.
        NothingFinite: no value is finite, and they are MXNet's.
    """
    t64 = truth.float64
    m32 = truth.float32 if precision == "float32" else t64
    same_form(value, m32)
    finite = _finite(value, t64, m32)
    x, t, m = map(channels, finite)
    rows: List[List[Array]] = []
    for block in blocks(t):
        xs, ts, ms = (a[:, block] for a in (x, t, m))
        error, size = np.abs(xs - ts), np.abs(ms)
        apart = np.abs(xs - ms) if precision == "float32" else error
        relative = np.divide(apart, size, out=np.zeros_like(apart), where=size != 0)
        row = [a.max(axis=(0, 2)) for a in (np.abs(ts), error, apart, relative)]
        if precision == "float32":
            row += [np.einsum("ncs,ncs->c", a, a) for a in (error, ms - ts, ts)]
        rows.append(row)
    peaks, worst, apart, relative, *squares = (np.concatenate(column) for column in zip(*rows))
    count = t.size // t.shape[1]
    sums = Sums(squares[0], squares[1], squares[2], count) if squares else None
    if not np.isfinite(worst + peaks + (sums.noise if sums else 0.0)).all():
        ours, theirs = (int((~np.isfinite(a)).sum()) for a in finite[::2])
        where = "MXNet" if theirs else "MXNet's float64"
        number = f"{theirs} values" if theirs else "values"
        raise Incomparable(
            f"holds {ours} values that are not finite; MXNet holds none"
            if ours and not theirs
            else f"holds {number} in {where} that are not finite: nothing to judge"
        )
    return Measured(
        peaks,
        worst,
        channel=np.arange(len(peaks)),
        max_abs=float(apart.max()),
        max_rel=float(relative.max()),
        carried=partial(_carried, truth),
        describe=partial(_differing, *finite[:2]),
        sums=sums,
        nonfinite=nonfinite(m32) if finite[2] is not m32 else "",
    )


def same_form(value: Array, reference: Array) -> None:
    """
    Raises:
        Incomparable: another type or shape, or nothing to compare.
    """
    if value.dtype != reference.dtype:
        raise Incomparable(f"is {value.dtype}, not {reference.dtype}")
    if value.shape != reference.shape:
        raise Incomparable(f"has shape {value.shape}, MXNet {reference.shape}")
    if not value.size:
        raise Incomparable("has no elements: nothing was compared")


def _finite(value: Array, truth: Array, single: Array) -> List[Array]:
    """The three in numbers that can be subtracted.

    Where MXNet's result is not finite, the candidate's must be the same (an infinity of the same
    sign, or no number); there is nothing else to judge there. Where only MXNet's float32 is not,
    because it ran out of range, a finite one is held to the truth. What float32 cannot hold is
    infinite here, and so is its largest number, with which MXNet begins a maximum. Whole numbers
    and truth values are as good as float64 numbers, of which no rounding is expected.
    """
    arrays = [a if a.dtype.kind == "f" else a.astype(np.float64) for a in (value, truth, single)]
    if all(a.min() > -LARGEST and a.max() < LARGEST for a in arrays[1:]):
        return arrays
    value, truth, single = arrays = [np.where(np.abs(a) < LARGEST, a, a * np.inf) for a in arrays]
    beyond = np.isfinite(value) & np.isfinite(truth) & np.isinf(single)
    single = arrays[2] = np.where(beyond, truth, single)
    odd = ~(np.isfinite(truth) & np.isfinite(single))
    alike = np.isclose(value[odd], single[odd], rtol=0, atol=0, equal_nan=True)
    if not alike.all():
        count = f"{int((~alike).sum())} of {int(odd.sum())}"
        raise Incomparable(f"differs in {count} values that are not finite in MXNet")
    if odd.all():
        raise NothingFinite(nonfinite(single) or "infinity")
    return [np.where(odd, 0, a) for a in arrays]


def carried_by(noise: float) -> float:
    """The float64 rounding that goes with a float32 error of MXNet's."""
    return Budget().float32_ratio * ROUNDINGS * noise


def _carried(truth: Layer) -> float:
    error = np.abs(truth.float32.astype(np.float64) - truth.float64)
    return float(error.max(where=np.isfinite(error), initial=0))


def _differing(value: Array, truth: Array, allowed: Array) -> str:
    """How many values are beyond what is allowed in their channel, and which is the worst."""
    error = np.abs(value - truth)
    by_axis = allowed.reshape(-1, *(1,) * (error.ndim - 2)) if error.ndim > 1 else allowed[0]
    limits = np.broadcast_to(by_axis, error.shape)
    worst = int(np.where(error > limits, error, -1).argmax())
    at = tuple(int(i) for i in np.unravel_index(worst, error.shape))
    return (
        f"{int((error > limits).sum())} of {error.size} values, worst {error[at]:.1e} at {at}, "
        f"allowed {limits[at]:.1e}"
    )
