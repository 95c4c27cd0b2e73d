"""Options that say how a picture becomes a network's input."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from fractions import Fraction
from functools import partial
from typing import List, Optional, Tuple

from converters.preprocessing import CHANNELS, CROPS, Preprocessing

from ..subject import UsageError
from .common import count


def preprocessing(parser: argparse.ArgumentParser, *, files: bool = False) -> None:
    """Options that say how a picture becomes the network's input, and, if wanted, which."""
    group = parser.add_argument_group(
        "pictures",
        "How a picture becomes the network's input: (pixel * scale - mean) / std, pixels being 0 "
        "to 255. Known for models by name, and for files that `convert` wrote with these options.",
    )
    if files:
        group.add_argument(
            "--image",
            nargs="+",
            action="extend",
            default=[],
            metavar="FILE",
            help="pictures: BMP, PNG, JPEG, …; for a network that takes clips, their frames",
        )
    group.add_argument(
        "--size",
        type=_size,
        metavar="HxW",
        help="height and width (default: those of the network's input, or the picture's own)",
    )
    group.add_argument(
        "--resize",
        type=partial(count, least=1),
        metavar="N",
        help="scale the shorter side to N before the middle is cut out (default: to --size)",
    )
    group.add_argument(
        "--crop",
        choices=CROPS,
        help="center (the default) keeps the proportions and cuts the middle out, none stretches",
    )
    group.add_argument(
        "--channels", choices=tuple(CHANNELS), help="order of channels (default: RGB)"
    )
    group.add_argument("--scale", type=_fraction, metavar="X", help="e.g. 1/255 (default: 1)")
    for name, text in (("mean", "123.68,116.779,103.939"), ("std", "58.393,57.12,57.375")):
        group.add_argument(
            f"--{name}",
            type=_numbers,
            metavar="X,X,X",
            help=f"one number for each channel, in the order of --channels, or one for all: {text}",
        )


def preprocessing_of(
    args: argparse.Namespace, known: Optional[Preprocessing]
) -> Optional[Preprocessing]:
    """What the options say, and what is known for those left out; None if neither says a thing.

    Raises:
        UsageError: together they make no sense.
    """
    names = [f.name for f in fields(Preprocessing)]
    stated = {n: getattr(args, n) for n in names if getattr(args, n) is not None}
    if not stated:
        return known
    try:
        return replace(known or Preprocessing(), **stated)
    except ValueError as error:
        raise UsageError(f"{' '.join('--' + n for n in stated)}: {error}") from None


def picture_words(args: argparse.Namespace) -> List[str]:
    """These options again, as a command line has them."""
    words = ["--image", *args.image] if args.image else []
    for name in (f.name for f in fields(Preprocessing)):
        value = getattr(args, name)
        if value is not None:
            mark = "x" if name == "size" else ","
            text = mark.join(map(str, value)) if isinstance(value, tuple) else str(value)
            words.append(f"--{name}={text}")  # a mean may begin with a minus
    return words


def _size(text: str) -> Tuple[int, int]:
    height, _, width = text.partition("x")
    return count(height, 1), count(width, 1)


def _fraction(text: str) -> float:
    try:
        return float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def _numbers(text: str) -> Tuple[float, ...]:
    return tuple(map(_fraction, text.split(",")))
