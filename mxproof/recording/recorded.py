"""References that outlive MXNet: the judgement by what was kept of its results.

MXNet runs once, where it still can; what it gave judges conversions anywhere. Small layers and the
network's outputs are kept whole, of large ones a sketch and a sample (sketch.py): a few megabytes
for an input in all.

Less is known by these than with MXNet at hand. A layer cannot be given MXNet's own inputs: the
first layer that differs is named, and no second fault behind it. And numbers of a large layer that
are wrong one by one, by less than 2.7e-10 of their channel's magnitude, may pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Iterable, Iterator, Mapping, Optional, Tuple

import numpy as np

from ..check import allowed_by_channel, check, other_form
from ..runtimes.base import Array, Inputs
from ..tolerance import ROUNDINGS, Budget, Deviation
from ..truth import StoredLayer, Truth
from ..verdict import Check, Sums
from .sketch import SAMPLES, Kept, form, positions, sketch


class RecordedTruth(Truth):
    """MXNet on one input, as far as a recording keeps it.

    All layers are judged by `check`; those kept whole can be read as well.
    """

    whole = False

    def __init__(self, inputs: Inputs, layers: Iterable[Kept], outputs: Iterable[Array]) -> None:
        self.inputs = inputs
        self._kept = {layer.name: layer for layer in layers}
        self.names = tuple(self._kept)
        self.outputs = list(outputs)
        self.nbytes = sum(12 * prod(layer.shape) for layer in self._kept.values())

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def __getitem__(self, name: str) -> StoredLayer:
        if not self.holds(name):
            raise KeyError(f"the recording does not hold all numbers of layer {name!r}")
        return super().__getitem__(name)

    def holds(self, name: str) -> bool:
        return name in self and self._kept[name].whole

    def _size(self, name: str) -> int:
        return 4 * prod(self._kept[name].shape)

    def check(
        self,
        name: str,
        op: str,
        value: Array,
        precision: str,
        row: Optional[Deviation] = None,
        alone: bool = False,
    ) -> Check:
        """Judge a candidate's result for the layer `name`; `alone`: on MXNet's own inputs."""
        if self.holds(name):
            return check(op, value, self[name], precision, row, alone)
        return judge(self._kept[name], op, value, precision, row, alone)

    def read(self, name: str, precision: str) -> Array:
        array: Array = getattr(self._kept[name], precision)
        return array.reshape(self._kept[name].shape)


@dataclass(frozen=True)
class Recording:
    """Evidence for `mxproof.prover.verify` that needs no MXNet.

    Attributes:
        versions: of the MXNet that was recorded, and of its NumPy and Python.
    """

    truths: Tuple[RecordedTruth, ...]
    versions: Mapping[str, str]

    def __iter__(self) -> Iterator[Truth]:
        return iter(self.truths)


def judge(
    kept: Kept,
    op: str,
    value: Array,
    precision: str,
    row: Optional[Deviation] = None,
    alone: bool = False,
) -> Check:
    """As mxproof.check.check does, by what was kept: dtype, shape, finiteness, then the numbers.

    `rel` is the largest of the samples' errors and of the cells' estimated root mean squares;
    `max_abs` and `max_rel` are the samples'. All three may be less than those of the whole layer.
    """
    wrong = other_form(value, np.broadcast_to(getattr(kept, precision)[:1], kept.shape))
    if wrong:
        return Check.broken(kept.name, op, wrong, value.shape)
    with np.errstate(all="ignore"):  # what overflows shows in the values
        change = np.abs(sketch(kept.name, value) - kept.cells)
    if not np.isfinite(change).all():
        count = int((~np.isfinite(value)).sum())
        wrong = f"holds {count} values that are not finite; MXNet holds none"
        return Check.broken(kept.name, op, wrong, value.shape)
    _, size, length = form(kept.shape)
    rms = change / np.sqrt(np.diff([*range(0, size, length), size]))
    found = value.flat[positions(kept.name, kept.shape)].astype(np.float64)
    errors = np.abs(found - kept.float64)
    single = kept.float32 if precision == "float32" else kept.float64
    apart, nonzero = np.abs(found - single), single != 0
    worst, peak = float(max(rms.max(), errors.max())), float(kept.channels[0].max())
    result = Check(
        kept.name,
        op,
        value.shape,
        rel=worst / peak if peak else (float("inf") if worst else 0.0),
        max_abs=float(apart.max()),
        max_rel=float((apart[nonzero] / np.abs(single[nonzero])).max(initial=0)),
        fault=None,
        row=row,
    )
    if precision == "float32":
        noise, sizes = size * np.square(kept.channels[1:])
        return replace(result, sums=Sums(np.square(change).sum(axis=1), noise, sizes, size))
    passed_on = 0.0 if alone else _carried(kept)
    fault = _differing(kept, rms, errors, result.budget, passed_on)
    strict = fault if row is None else _differing(kept, rms, errors, Budget(), passed_on)
    allowed, limits = _limits(kept, result.budget, passed_on)
    parts = (_part(rms.max(axis=1), allowed), _part(errors, limits))
    rel64 = float(allowed.max()) / peak if peak else 0.0
    return replace(
        result, fault=fault, beyond_standard=bool(strict), part64=max(parts), rel64=rel64
    )


def _part(found: Array, allowed: Array) -> float:
    """The largest part of what is allowed."""
    parts = np.divide(found, allowed, out=np.zeros_like(found), where=allowed > 0)
    return float(parts.max(initial=0))


def _carried(kept: Kept) -> float:
    """As mxproof.check.carried, by the RMS of the noisiest channel, which is less."""
    return float(Budget().float32_ratio * ROUNDINGS * kept.channels[1].max())


def _limits(kept: Kept, budget: Budget, passed_on: float) -> Tuple[Array, Array]:
    """What is allowed in each channel, and at each of the samples."""
    allowed = np.maximum(allowed_by_channel(kept.channels[0], budget), passed_on)
    at = np.unravel_index(positions(kept.name, kept.shape), kept.shape)
    return allowed, allowed[at[1]] if len(at) > 1 else np.broadcast_to(allowed, len(at[0]))


def _differing(
    kept: Kept, rms: Array, errors: Array, budget: Budget, passed_on: float
) -> Optional[str]:
    """Which channels, and which of the samples, are beyond what is allowed.

    Args:
        rms: (C, cells).
        errors: at `positions`.
        passed_on: see `_carried`.
    """
    allowed, limits = _limits(kept, budget, passed_on)
    said = []
    at = np.unravel_index(positions(kept.name, kept.shape), kept.shape)
    excess = errors > limits
    if excess.any():
        i = int(np.where(excess, errors, -1).argmax())
        where = tuple(int(axis[i]) for axis in at)
        said.append(
            f"{int(excess.sum())} of {SAMPLES} samples, worst {errors[i]:.1e} at {where}, "
            f"allowed {limits[i]:.1e}"
        )
    by_channel = rms.max(axis=1)
    excess = by_channel > allowed
    if excess.any():
        c = int(np.where(excess, by_channel, -1).argmax())
        said.append(
            f"{int(excess.sum())} of {len(rms)} channels, worst channel {c} by about "
            f"{by_channel[c]:.1e} RMS, allowed {allowed[c]:.1e}"
        )
    return "; ".join(said) or None
