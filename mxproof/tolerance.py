"""How much two results may differ, and why exactly that much.

Two questions are asked of a converted layer (x is the candidate, t MXNet in float64, the truth,
and m MXNet in float32):

Same function? Both sides in float64. Rounding has the relative size 1.1e-16; a sum of n products
carries about sqrt(n) of it, and a network passes it on from layer to layer. Measured by
`mxproof verify` over all layers of the zoo: 6.2e-14 at most, in ResNet-152. 1e-12 leaves a factor
of 16, and every known error of conversion is far above: one ulp of one float32 weight moves its
layer by 1e-10 or more.

Same precision? Both sides in float32. Rounding depends on the order of additions, which every
library chooses for itself, so the errors differ, but they are errors of the same kind: RMS(x - t)
may be at most 4 RMS(m - t). Where MXNet's own error is a fraction of an ulp (one operation on
exact inputs, or a sum that happened to be exact) that ratio means nothing; a few ulps of the
layer's magnitude are always allowed.
"""

from __future__ import annotations

from dataclasses import dataclass


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
        ulps: RMS(x - t) of this many ulps of the layer's RMS always passes.
    """

    float64_rel: float = 1e-12
    channel_floor: float = 1 / 8
    float32_ratio: float = 4.0
    channel_ratio: float = 16.0
    ulps: float = 4.0


#: Over all layers of a model the median of the float32 ratio tells a systematic loss of precision
#: (float16 somewhere, sums in a lower type) from the luck of single layers.
FLOAT32_MEDIAN = 1.2

ULP32 = 2.0**-23
