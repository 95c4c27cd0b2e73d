"""Options that say how a picture becomes a network's input."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any, Dict, Optional, Tuple

from converters.preprocessing import CHANNELS, CROPS, INTERPOLATIONS, Preprocessing

from ..errors import UsageError
from .common import count, positive

STEPS = tuple(field.name for field in fields(Preprocessing))


def preprocessing(parser: argparse.ArgumentParser, *, files: bool = False) -> None:
    """Add an option for each step from a picture to the input; and, if wanted, one for files."""
    group = parser.add_argument_group(
        "pictures",
        "How a picture becomes the network's input: (pixel * scale - mean) / std, pixels being 0 "
        "to 255. Known for models by name, and for files that `convert` wrote with these options.",
    )
    if files:
        text = (
            "pictures: BMP, PNG, JPEG, …; for a network that takes clips, their frames; with its "
            "name where there are several inputs"
        )
        images: Dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
        group.add_argument("--image", **images, metavar="[NAME=]FILE", help=text)
    text = "height and width, or one number for both (default: those of the network's input, or "
    text += "the picture's own)"
    group.add_argument("--size", type=_size, metavar="HxW", help=text)
    text = "scale the shorter side to N before the middle is cut out (default: to --size)"
    group.add_argument("--resize", type=positive, metavar="N", help=text)
    text = "center (the default) keeps the proportions and cuts the middle out, none stretches"
    group.add_argument("--crop", choices=CROPS, help=text)
    text = (
        "how it is scaled: as Pillow does it, smoothing what becomes smaller (bilinear, the "
        "default), or as OpenCV's and MXNet's own bilinear imresize: opencv"
    )
    group.add_argument("--interpolation", choices=INTERPOLATIONS, help=text)
    text = "order of channels (default: RGB)"
    group.add_argument("--channels", choices=tuple(CHANNELS), help=text)
    group.add_argument("--scale", type=_fraction, metavar="X", help="e.g. 1/255 (default: 1)")
    for name, text in (("mean", "123.68,116.779,103.939"), ("std", "58.393,57.12,57.375")):
        text = f"one number for each channel, in the order of --channels, or one for all: {text}"
        group.add_argument(f"--{name}", type=_numbers, metavar="X,X,X", help=text)


def preprocessing_of(
    args: argparse.Namespace, known: Optional[Preprocessing]
) -> Optional[Preprocessing]:
    """What the options say, and what is known for those left out; None if neither says a thing.

    Raises:
        UsageError: together they make no sense.
    """
    stated = {n: getattr(args, n) for n in STEPS if getattr(args, n) is not None}
    if not stated:
        return known
    try:
        return replace(known or Preprocessing(), **stated)
    except ValueError as error:
        raise UsageError(f"{' '.join('--' + n for n in stated)}: {error}") from None


def _size(text: str) -> Tuple[int, int]:
    height, _, width = text.partition("x")
    try:
        return count(height, 1), count(width or height, 1)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r}: write HxW, e.g. 112x112") from None


def _fraction(text: str) -> float:
    try:
        return float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def _numbers(text: str) -> Tuple[float, ...]:
    return tuple(map(_fraction, text.split(",")))
