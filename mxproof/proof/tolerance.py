"""The tolerances of the proof, and their derivation.

Two questions are asked of a converted layer (x is the candidate, t MXNet in float64, the truth,
and m MXNet in float32):

Same function? Both sides in float64. Rounding has the relative size 1.1e-16; a sum of n products
carries about sqrt(n) of it, and a network passes it on from layer to layer. Measured by
`mxproof verify` over all layers of the zoo: 6.2e-14 at most, in ResNet-152. 1e-12 leaves a factor
of 16, and every known error of conversion is far above: one ulp of one float32 weight moves its
layer by 1e-10 or more. Some networks magnify what they are given: the softmax of large logits,
samples at places that were computed. How much, float32 says: it is the same rounding, 2^29 times
as large. So in a network, though not where it is given MXNet's own inputs, a layer may be off by
4 / 2^29 times the largest of |m - t| and of what rounding may do in float32.

Same precision? Both sides in float32. Rounding depends on the order of additions, which every
library chooses for itself, so the errors differ, but they are errors of the same kind: RMS(x - t)
may be at most 4 RMS(m - t). Where MXNet's own error is a fraction of an ulp (one operation on
exact inputs, or a sum that happened to be exact) that ratio means nothing; a few ulps of the
layer's magnitude are always allowed. And m is one draw of one order of operations: where it was
lucky, what any order may do takes its place, of the layer by itself and of the network up to it;
runtimes/mxnet/worker/rounding.py derives it.

What needs another limit is a row of the user's (`--budgets FILE`), with a reason. A row may also be
stricter: a float32 ratio below the standard one is then one to MXNet's own error and nothing else,
whatever rounding may do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

from converters import Node


@dataclass(frozen=True)
class Budget:
    """The limits for one layer.

    Attributes:
        float64_rel: of max|x - t| to max|t|, over the layer and over each channel.
        channel_floor: in float64 a channel counts as at least this part of its layer's
            magnitude. A channel that ReLU leaves nearly dead is a small difference of large
            numbers, and carries their rounding, not its own.
        float32_ratio: of RMS(x - t) to RMS(m - t), over the layer.
        channel_ratio: the same over each channel, or over the layer where that is noisier:
            a single channel is too few numbers for a closer look, and one that ReLU leaves
            nearly dead carries the rounding of its neighbours.
        ulps: RMS(x - t) of this many ulps of the layer's RMS always passes; with 0, so it does
            except where a ratio is stricter than the standard one.
    """

    float64_rel: float = 1e-12
    channel_floor: float = 1 / 8
    float32_ratio: float = 4.0
    channel_ratio: float = 16.0
    ulps: float = 4.0

    @property
    def strict_ratios(self) -> Tuple[bool, bool]:
        """Are `float32_ratio` and `channel_ratio` below the standard ones?"""
        strict = self.float32_ratio < Budget.float32_ratio
        return strict, self.channel_ratio < Budget.channel_ratio


#: Those that are held in float64.
FLOAT64 = ("float64_rel", "channel_floor")

#: Over all layers of a model the median of the float32 ratio tells a systematic loss of precision
#: (float16 somewhere, sums in a lower type) from the luck of single layers. Errors of the few ulps
#: that always pass count as no more than MXNet's: a tanh that is two ulps off is no lower type.
#: A runtime may be noisier than MXNet in most layers and within what rounding may do in each. So
#: in the chain, where layers share what they carry, the median only asks for a closer look, and the
#: verdict is on layers by themselves, against what rounding may do.
#: In a network of fewer than FLOAT32_LAYERS the median is the luck of a few.
FLOAT32_MEDIAN = 1.2
FLOAT32_LAYERS = 20
#: Where what a network carries allows a layer more than this part of its RMS, each layer is judged
#: by itself, against what rounding may do: float16 is 2^-12 / sqrt(3) off, TF32 as much in some
#: products only, and both would hide in it.
FLOAT32_COARSE = 2.0**-14

#: How many times the standard limit a float32 error may be and still be a loss of precision:
#: bfloat16, the shortest type that networks are run in, has 8 digits of float32's 24.
LOWER_TYPE = 2.0**16

ULP32 = 2.0**-23
UNDERFLOW = 2.0**-126  # below it float32 keeps fewer digits, or none
ROUNDINGS = 2.0**-29  # float64's to float32's


@dataclass(frozen=True)
class ToleranceOverride:
    """Layers with a budget of their own: those that match all of the patterns (fnmatch).

    Attributes:
        reason: why the standard budget does not do.
        runtime: "onnxruntime", "pytorch", "onnx-reference".
        attrs: (attribute, the value that the layer must have).
    """

    reason: str
    budget: Budget
    runtime: str = "*"
    op: str = "*"
    layer: str = "*"
    attrs: Tuple[Tuple[str, str], ...] = ()

    @property
    def looser(self) -> Tuple[str, ...]:
        """The limits that allow more than the standard ones."""
        return tuple(n for n, v in vars(Budget()).items() if getattr(self.budget, n) > v)

    def stricter(self, precision: str) -> bool:
        """Does it allow less in this precision?"""
        held = (n for n in vars(Budget()) if (n in FLOAT64) == (precision == "float64"))
        return any(getattr(self.budget, n) < getattr(Budget, n) for n in held)

    @property
    def without_looser(self) -> Budget:
        """Its budget, but for limits that allow more than the standard ones."""
        return replace(self.budget, **{n: getattr(Budget(), n) for n in self.looser})

    def matches(self, runtime: str, node: Node, layer: str) -> bool:
        return (
            fnmatchcase(runtime, self.runtime)
            and fnmatchcase(node.op, self.op)
            and fnmatchcase(layer, self.layer)
            and all(node.attrs.get(name) == value for name, value in self.attrs)
        )

    def __str__(self) -> str:
        patterns = {"runtime": self.runtime, "op": self.op, "layer": self.layer}
        chosen = [*((k, v) for k, v in patterns.items() if v != "*"), *self.attrs]
        return " ".join(f"{k}={v}" for k, v in chosen) or "every layer"


@dataclass(frozen=True)
class Budgets:
    """The budget of each layer: the first row that matches, else the standard one.

    Attributes:
        own: the user's rows.
        path: where the user has written them, who is told which of them no layer needed.
    """

    own: Sequence[ToleranceOverride] = ()
    path: Optional[Path] = None

    def row(self, runtime: str, node: Node, layer: str) -> Optional[ToleranceOverride]:
        return next((r for r in self.own if r.matches(runtime, node, layer)), None)


def load_budgets(path: Path) -> Budgets:
    """A JSON file: [{"layer": "conv0", "runtime": "onnxruntime", "float32_ratio": 8,
    "reason": "…"}, …].

    Raises:
        ValueError: it is not of that form.
    """
    try:
        rows: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path}: holds no list of rows, such as {_EXAMPLE}.")
    return Budgets([_row(f"{path}: row {n} ({row})", row) for n, row in enumerate(rows, 1)], path)


def _row(where: str, row: Dict[str, Any]) -> ToleranceOverride:
    """
    Args:
        where: it is written, for messages.
    """
    texts, limits = ["layer", "op", "reason", "runtime"], [f.name for f in fields(Budget)]
    given, changed = ({k: v for k, v in row.items() if k in known} for known in (texts, limits))
    good = changed and all(isinstance(v, (int, float)) and v > 0 for v in changed.values())
    if not good or not row.get("reason") or set(row) - {"attrs", *texts, *limits}:
        raise ValueError(
            f"{where}: supported: {', '.join(sorted(['attrs', *texts, *limits]))}; a reason and at "
            f"least one limit above 0 are needed, as in {_EXAMPLE}."
        )
    attrs = row.get("attrs", {})
    if not all(isinstance(t, str) for t in given.values()) or not isinstance(attrs, dict):
        raise ValueError(f"{where}: patterns are texts, as in {_EXAMPLE}.")
    pairs = tuple((k, str(v)) for k, v in attrs.items())
    budget = replace(Budget(), **changed)
    if "ulps" not in changed and any(budget.strict_ratios):
        budget = replace(budget, ulps=0.0)
    return ToleranceOverride(budget=budget, attrs=pairs, **given)


_EXAMPLE = (
    '[{"layer": "fc*", "runtime": "onnxruntime", "float32_ratio": 8, "reason": "sums in blocks"}]'
)
