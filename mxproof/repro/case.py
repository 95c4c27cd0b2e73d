"""The numbers of a reproducer: inputs, MXNet's results, and what may lie between."""

from __future__ import annotations

from typing import Dict, Sequence, Tuple

import numpy as np

from ..check import allowed_by_channel, channels, check
from ..runtimes.base import Array, Layer
from ..tolerance import Budget
from ..verdict import float32_limits
from .piece import NoPiece, Values


def case(
    values: Values,
    inputs: Sequence[str],
    outputs: Sequence[Tuple[str, Budget]],
    precision: str,
    samples: slice,
) -> Dict[str, Array]:
    """Name -> array, for np.savez, of these samples of a batch.

    input0, input1, … in the order of `inputs`; expected0, … MXNet's float64 results, in the
    order of `outputs`, with what `limits` says of each.

    Raises:
        NoPiece: MXNet's results are not finite: there is nothing to compare with.
    """
    arrays = {f"input{i}": values[name][samples] for i, name in enumerate(inputs)}
    for i, (name, budget) in enumerate(outputs):
        t, m = values[name], values.float32(name)
        if not (np.isfinite(t).all() and np.isfinite(m).all()):
            raise NoPiece(f"MXNet's results of {name!r} are not finite")
        limits = _limits64(t, budget)  # of the whole batch, of which a sample may be a part
        if precision == "float32":
            limits = _limits32(Layer(name, t[samples], m[samples]), budget)
        by_axis = {k: _by_axis(array, t.ndim) for k, array in limits.items()}
        found = {"expected": t[samples], **by_axis}
        arrays.update({f"{key}{i}": array for key, array in found.items()})
    return arrays


def _limits64(t: Array, budget: Budget) -> Dict[str, Array]:
    """allowed: of |x - t|, by channel."""
    return {"allowed": allowed_by_channel(np.abs(channels(t)).max(axis=(0, 2)), budget)}


def _limits32(layer: Layer, budget: Budget) -> Dict[str, Array]:
    """allowed: of RMS(x - t), by channel; allowed_layer: over all channels; noise: MXNet's own."""
    sums = check("", layer.float32, layer, "float32").sums
    assert sums is not None
    whole, allowed = float32_limits(sums, budget)
    noise = np.sqrt(sums.noise / sums.count)
    return {"allowed": allowed, "allowed_layer": np.array(whole), "noise": noise}


def _by_axis(array: Array, ndim: int) -> Array:
    """(C,) -> (1, C, 1, …), to be compared with an array of `ndim` dimensions."""
    if not array.ndim:
        return array  # one number for all of them
    return array.reshape(1, -1, *(1,) * (ndim - 2)) if ndim > 1 else array.reshape((1,) * ndim)
