"""Options that say what a network is run on: arrays, pictures, or noise within limits."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from converters.ir.shapes import Shape

from ..errors import UsageError
from ..inputs.chosen import chosen_inputs, read_npz
from ..model import Model, parse_inputs
from ..runtimes.base import Array
from . import common
from .picture_options import preprocessing_of


def input_options(parser: argparse._ActionsContainer) -> None:
    """Arrays in place of random inputs, and the range of random ones."""
    text = (
        "run on these arrays, by input name (numpy.savez); inputs that it lacks are drawn. Repeat "
        "for several samples"
    )
    common.repeatable(parser, "--npz", "FILE", text)
    text = (
        "draw this input's numbers from this range, both ends included, e.g. length=1:20. By "
        "default what reads an input decides: lengths, positions and ids are whole numbers that "
        "fit; the rest is noise around 0"
    )
    common.repeatable(parser, "--input-range", "NAME=LOW:HIGH", text)


def parse_ranges(texts: Sequence[str]) -> Dict[str, Tuple[float, float]]:
    """["length=1:20"] -> {"length": (1, 20)}.

    Raises:
        UsageError: not of that form.
    """
    ranges = {}
    for text in texts:
        name, _, ends = text.rpartition("=")
        try:
            low, high = map(float, ends.split(":"))
        except ValueError:
            low, high = 1.0, 0.0
        if not name or not low <= high or math.isinf(high - low):
            raise UsageError(
                f"--input-range {text}: write NAME=LOW:HIGH, two numbers of which the first is "
                "not larger, e.g. length=1:20 or scale=0.5:2."
            )
        ranges[name] = low, high
    return ranges


def stated_shapes(args: argparse.Namespace) -> Dict[str, Shape]:
    """Shapes of inputs: those that --input states, and those of the arrays in --npz.

    Raises:
        UsageError: options that exclude each other.
    """
    chosen = next((option for option in ("npz", "image") if getattr(args, option)), None)
    for option in ("seed", "samples") if chosen else ():
        if getattr(args, option) is not None:
            kind = "pictures" if chosen == "image" else "its arrays"
            raise UsageError(f"--{option} and --{chosen}: {kind} are not drawn. Leave one out.")
    files = args.npz[:1]
    return {
        **{name: array.shape for file in files for name, array in read_npz(Path(file)).items()},
        **parse_inputs(args.input),
    }


def inputs_of(
    args: argparse.Namespace, subject: Model, *others: Path
) -> Optional[List[Dict[str, Array]]]:
    """What --npz and --image name; or pictures of other files where they name none."""
    return chosen_inputs(
        subject,
        arrays=[read_npz(Path(file)) for file in getattr(args, "npz", ())],
        images=args.image or [str(path) for path in others],
        preprocessing=preprocessing_of(args, subject.preprocessing),
        given=parse_inputs(args.input),
    )
