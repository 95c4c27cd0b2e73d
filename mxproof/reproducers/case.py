"""The numbers of a reproducer: inputs, MXNet's results, and what may lie between."""

from __future__ import annotations

from typing import Dict, Sequence, Tuple

import numpy as np

from ..proof.judge import allowed_by_channel, channels, check
from ..proof.results import float32_limits
from ..proof.tolerance import Budget
from ..proof.trace import ReferenceTrace
from ..runtimes.base import Array, Layer


class NoPiece(Exception):
    """A layer cannot be shown by itself."""


def value(truth: ReferenceTrace, name: str) -> Layer:
    """Look up what a layer may be fed: an input of the network, or MXNet's result.

    Raises:
        NoPiece: the reference holds only part of it, as a recording may.
    """
    if name in truth.inputs:
        array = np.asarray(truth.inputs[name], np.float64)
        return Layer(name, array, array)
    if not truth.holds(name):
        raise NoPiece(f"the reference does not hold all of {name!r}")
    return truth[name]


def case(
    truth: ReferenceTrace,
    inputs: Sequence[str],
    outputs: Sequence[Tuple[str, Budget]],
    precision: str,
    samples: slice,
) -> Dict[str, Array]:
    """Name -> array, for np.savez, of these samples of a batch.

    input0, input1, … in the order of `inputs`; expected0, … MXNet's float64 results, in the
    order of `outputs`, with what `_limits` says of each.

    Raises:
        NoPiece: MXNet's results are not finite: there is nothing to compare with.
    """
    arrays: Dict[str, Array] = {}
    for i, name in enumerate(inputs):
        arrays[f"input{i}"] = np.asarray(value(truth, name).float64, np.float64)[samples]
    for i, (name, budget) in enumerate(outputs):
        layer = value(truth, name)
        t, m = layer.float64, layer.float32
        if not (np.isfinite(t).all() and np.isfinite(m).all()):
            raise NoPiece(f"MXNet's results of {name!r} are not finite")
        arrays[f"expected{i}"] = t[samples]
        for key, limit in _limits(t, m, budget, precision, samples).items():
            # (C,) -> (1, C, 1, …), to be compared with all of the output.
            by_axis = (1, -1, *(1,) * (t.ndim - 2)) if t.ndim > 1 else (1,) * t.ndim
            arrays[f"{key}{i}"] = limit.reshape(by_axis) if limit.ndim else limit
    return arrays


def _limits(t: Array, m: Array, budget: Budget, precision: str, samples: slice) -> Dict[str, Array]:
    """In float64, allowed: of |x - t|, by channel (C,). In float32, allowed: of RMS(x - t), by
    channel; allowed_layer: over all channels; noise: MXNet's own, by channel."""
    if precision == "float64":  # of the whole batch, of which a sample may be a part
        return {"allowed": allowed_by_channel(np.abs(channels(t)).max(axis=(0, 2)), budget)}
    layer = Layer("", t[samples], m[samples])
    sums = check("", layer.float32, layer, "float32").sums
    assert sums is not None
    whole, allowed = float32_limits(sums, budget)
    noise = np.sqrt(sums.noise / sums.count)
    return {"allowed": allowed, "allowed_layer": np.array(whole), "noise": noise}
