"""References that outlive MXNet: the judgement by what was kept of its results.

MXNet runs once, where it still can; what it gave judges conversions anywhere. Small layers and the
network's outputs are kept whole, of large ones a sketch and a sample (sketch.py): a few megabytes
for an input in all.

Less is known by these than with MXNet at hand. A layer cannot be given MXNet's own inputs: the
first layer that differs is named, and no second fault behind it. And numbers of a large layer that
are wrong one by one, by less than 2.7e-10 of their channel's magnitude, may pass.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Iterable, Mapping, Optional, Tuple

import numpy as np

from ..proof.judge import Incomparable, Measured, check, same_form
from ..proof.results import LayerResult, Sums
from ..proof.trace import ReferenceTrace
from ..runtimes.base import Array, Inputs, Layer, Rounding
from .sketch import SAMPLES, Sketch, form, positions, sketch


class RecordedTrace(ReferenceTrace):
    """MXNet on one input, as far as a recording keeps it.

    All layers are judged by `check`; those kept whole can be read as well.
    """

    whole = False

    def __init__(
        self,
        inputs: Inputs,
        layers: Iterable[Sketch],
        outputs: Iterable[Array],
        rounding: Optional[Mapping[str, Rounding]] = None,
    ) -> None:
        """
        Args:
            rounding: layer -> what rounding may do to it in the network, if that was recorded.
        """
        self.kept = {layer.name: layer for layer in layers}
        self.inputs, self.outputs, self.draws = inputs, list(outputs), {}
        self._rounded = dict(rounding or {})
        self.shapes = {name: layer.shape for name, layer in self.kept.items()}

    def __getitem__(self, name: str) -> Layer:
        if not self.holds(name):
            raise KeyError(f"the recording does not hold all numbers of layer {name!r}")
        return super().__getitem__(name)

    def holds(self, name: str) -> bool:
        return name in self and self.kept[name].whole

    def check(self, name: str, op: str, value: Array, precision: str, **how: Any) -> LayerResult:
        if self.holds(name):
            return super().check(name, op, value, precision, **how)
        how = {"rounding": self._rounded.get(name), "measure": measured, **how}
        return check(op, value, self.kept[name], precision, **how)

    def read(self, name: str, precision: str) -> Array:
        array: Array = getattr(self.kept[name], precision)
        return array.reshape(self.shapes[name])


def measured(value: Array, kept: Sketch, precision: str) -> Measured:
    """As far as it can be told by what was kept.

    The errors are the estimated root mean square of each channel's worst cell, and those of the
    samples; `max_abs` and `max_rel` are the samples'. All may be less than the whole layer's.

    Raises:
        Incomparable: type, shape, or values that are not finite.
    """
    same_form(value, np.broadcast_to(getattr(kept, precision)[:1], kept.shape))
    with np.errstate(all="ignore"):  # what overflows shows in the values
        cells = sketch(kept.name, value)
        change = np.abs(cells - kept.cells.reshape(cells.shape))
    if not np.isfinite(change).all():
        count = int((~np.isfinite(value)).sum())
        raise Incomparable(f"holds {count} values that are not finite; MXNet holds none")
    channels, size, length = form(kept.shape)
    places = positions(kept.name, kept.shape)
    at = np.unravel_index(places, kept.shape)
    cells = (change / np.sqrt(np.diff([*range(0, size, length), size]))).max(axis=1)
    found = value.flat[places].astype(np.float64)
    single = getattr(kept, precision)
    apart, nonzero = np.abs(found - single), single != 0
    errors = np.concatenate([cells, np.abs(found - kept.float64)])
    sums = None
    if precision == "float32":
        noise, sizes = size * np.square(kept.by_channel[1:])
        sums = Sums(np.square(change).sum(axis=1), noise, sizes, size)
    return Measured(
        kept.by_channel[0],
        errors,
        channel=np.append(np.arange(channels), at[1] if len(at) > 1 else np.zeros_like(at[0])),
        max_abs=float(apart.max()),
        max_rel=float((apart[nonzero] / np.abs(single[nonzero])).max(initial=0)),
        # By the RMS of the noisiest channel, which is less than its largest error.
        carried=lambda: float(kept.by_channel[1].max()),
        describe=partial(_differing, errors, at),
        sums=sums,
    )


def _differing(errors: Array, at: Tuple[Array, ...], allowed: Array) -> str:
    """Which of the samples, and which channels, are beyond what is allowed.

    Args:
        errors: of the channels, and of the samples at `at`.
    """
    excess = np.where(errors > allowed, errors, -1)
    said, first = [], len(errors) - SAMPLES
    if (excess[first:] >= 0).any():
        i = int(excess[first:].argmax())
        said.append(
            f"{int((excess[first:] >= 0).sum())} of {SAMPLES} samples, worst "
            f"{errors[first + i]:.1e} at {tuple(int(axis[i]) for axis in at)}, "
            f"allowed {allowed[first + i]:.1e}"
        )
    if (excess[:first] >= 0).any():
        c = int(excess[:first].argmax())
        said.append(
            f"{int((excess[:first] >= 0).sum())} of {first} channels, worst channel {c} by about "
            f"{errors[c]:.1e} RMS, allowed {allowed[c]:.1e}"
        )
    return "; ".join(said)
