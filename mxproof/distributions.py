"""What networks are fed: how the numbers of an input are distributed.

Rounding depends on the numbers: constants cancel, outliers swamp their neighbours, tiny and huge
values reach the ends of the format. A proof on one kind of input says little of the others.
"""

from __future__ import annotations

from typing import Callable, Dict, Tuple

import numpy as np

from .runtimes.base import Array

Draw = Callable[[np.random.Generator, Tuple[int, ...]], Array]

#: Name -> numbers around 0, of about unit size. They are shifted and scaled to what the network
#: expects.
DISTRIBUTIONS: Dict[str, Draw] = {
    "normal": lambda random, shape: random.standard_normal(shape),
    "uniform": lambda random, shape: random.uniform(-(3**0.5), 3**0.5, shape),
    "heavy-tailed": lambda random, shape: random.standard_t(2, shape),
    "constant": lambda random, shape: np.full(shape, random.standard_normal()),
    "sparse": lambda random, shape: random.standard_normal(shape) * (random.random(shape) < 0.02),
    "tiny": lambda random, shape: 1e-6 * random.standard_normal(shape),
    "huge": lambda random, shape: 1e4 * random.standard_normal(shape),
}
