"""Preprocessing that turns a picture into numbers; it belongs to a network as its first layer does.

A checkpoint does not hold it; whoever trained the network knows. What is stated at conversion is
recorded in the files that come out.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Dict, Optional, Tuple

import numpy as np
import numpy.typing as npt

from .errors import CheckpointError

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

CHANNELS = {"RGB": 3, "BGR": 3, "GRAY": 1}
CROPS = ("center", "none")
#: Pillow's filters, and OpenCV's bilinear one, which MXNet's own `imresize` is.
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos", "nearest", "opencv")
CHOICES = {"channels": tuple(CHANNELS), "crop": CROPS, "interpolation": INTERPOLATIONS}
#: What a graph's `source`, and with it an exported file's metadata, holds it under.
KEY = "preprocessing"


@dataclass(frozen=True)
class Preprocessing:
    """(pixel * scale - mean) / std, by channel; pixels are 0 to 255.

    Attributes:
        size: (height, width) that the network is given; None where its input says it, or else
            the picture's own.
        resize: the shorter side of the picture, in pixels, before the middle is cut out; None:
            as little as covers `size`.
        crop: "center" keeps the proportions and cuts the middle out; "none" stretches.
        channels: their order: RGB, BGR or GRAY (one channel).
        mean, std: one number for each channel, or one for all.
        interpolation: how it is scaled: "bilinear", "bicubic", "lanczos" or "nearest" as Pillow
            does it, which takes the mean over all that a pixel covers; "opencv" as cv2.resize and
            mx.image.imresize do by default: bilinear, between two by two pixels at any scale.
    """

    size: Optional[Tuple[int, int]] = None
    resize: Optional[int] = None
    crop: str = "center"
    channels: str = "RGB"
    scale: float = 1.0
    mean: Tuple[float, ...] = (0.0,)
    std: Tuple[float, ...] = (1.0,)
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ValueError(problem)

    def _problem(self) -> str:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                return f"{name}={getattr(self, name)!r}; allowed: {', '.join(choices)}."
        for name in ("mean", "std"):
            if len(getattr(self, name)) not in (1, CHANNELS[self.channels]):
                return (
                    f"{name} has {len(getattr(self, name))} numbers; allowed: 1, or one for each "
                    f"channel of {self.channels}."
                )
        numbers = (self.scale, *self.mean, *self.std)
        if not all(map(math.isfinite, numbers)) or 0 in (self.scale, *self.std):
            return "scale, mean and std must be finite, and neither scale nor a std 0."
        sizes = [*(self.size or ()), *([self.resize] if self.resize is not None else [])]
        if any(n < 1 for n in sizes):
            return "sizes must be 1 or more."
        if self.resize and self.crop == "none":
            return "resize is of use with crop='center' only."
        if self.size and self.resize and self.resize < max(self.size):
            return f"resize={self.resize} is less than the size, {self.size}, to be cut out."
        return ""

    def array(self, pixels: Pixels) -> Floats:
        """(..., H, W, 3) RGB or (..., H, W, 1) grey -> (..., C, H, W), rounded to float32 once."""
        ordered = pixels[..., ::-1] if self.channels == "BGR" else pixels
        wide = (ordered * np.float64(self.scale) - np.array(self.mean)) / np.array(self.std)
        return np.ascontiguousarray(np.moveaxis(wide, -1, -3), np.float32)

    def to_text(self) -> str:
        """JSON, on one line; without the usual interpolation, which older files do not have."""
        steps = asdict(self)
        if self.interpolation == Preprocessing.interpolation:
            del steps["interpolation"]
        return json.dumps(steps, allow_nan=False)

    @classmethod
    def from_text(cls, text: str) -> Preprocessing:
        """What `to_text` wrote.

        Raises:
            CheckpointError: it is something else.
        """
        try:
            found: Dict[str, Any] = {
                "interpolation": cls.interpolation,
                **json.loads(text),
            }
            values: Dict[str, Any] = {f.name: found[f.name] for f in fields(cls)}
            tuples = {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
            return cls(**{**values, **tuples})
        except (ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"the recorded preprocessing cannot be read ({error}): {text[:200]!r}. State it "
                "by --size, --mean, --std, …"
            ) from None

    def __str__(self) -> str:
        """In words: for a person who writes it anew."""
        if self.size is None:
            steps = []
        elif self.crop == "none":
            steps = ["stretched to {}x{}".format(*self.size)]
        else:
            side = f"shorter side {self.resize}" if self.resize else "scaled to cover"
            steps = ["{}, the middle {}x{}".format(side, *self.size)]
        if self.interpolation != Preprocessing.interpolation:
            steps.append(f"interpolation {self.interpolation}")
        steps.append(f"{self.channels} 0..255")
        if self.scale != 1:
            steps.append(f"times {self.scale!r}")
        if any(self.mean):
            steps.append(f"less {_numbers(self.mean)}")
        if any(s != 1 for s in self.std):
            steps.append(f"over {_numbers(self.std)}")
        return ", ".join(steps)


def _numbers(values: Tuple[float, ...]) -> str:
    texts = [format(v, ".10g") for v in values]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
