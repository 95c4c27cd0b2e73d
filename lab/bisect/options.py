"""Options of `python -m lab bisect`."""

from __future__ import annotations

import argparse
from typing import Any

from mxproof.cli.common import count, mxnet_python

from .factors import OPTIMISATIONS

SIDES = ("good", "bad")
SECONDS = 60

ENVIRONMENTS = (
    "Lock files, as `pip freeze` writes them, or the JSON of `mxproof gate` and `mxproof verify`. "
    "What they leave open is as installed here. Settings go before those in the file, which are in "
    "a comment: # mxproof: optimisation=basic threads=1"
)
CRITERIA = (
    "Numbers: where MXNet or a recording is at hand and only the bad environment fails the proof, "
    "that is red. Otherwise, outputs that differ more than between two runs of one environment."
)


def environments(group: Any) -> None:
    for side, said in zip(SIDES, ("green", "red")):
        group.add_argument(f"--{side}", metavar="FILE", help=f"the environment that was {said}")
    for side in SIDES:
        group.add_argument(
            f"--{side}-optimisation",
            choices=OPTIMISATIONS,
            help="onnxruntime's graph optimisation (default: all)",
        )
        group.add_argument(
            f"--{side}-threads", metavar="N", help="of the runtime, or all (the default)"
        )
        group.add_argument(
            f"--{side}-revision",
            metavar="REV",
            help="of the converters: a commit, a folder that holds converters/, a release such as "
            "mxproof==0.1.0, or here (the default): those that run",
        )
        group.add_argument(
            f"--{side}-python", metavar="PATH", help="the interpreter (default: this one)"
        )
    group.add_argument(
        "--repository", metavar="DIR", default=".", help="where commits are (default: .)"
    )
    group.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="a further package that may matter. Repeat for several",
    )


def judging(group: Any) -> None:
    group.add_argument("--seed", type=count, default=0, help="of the random input (default: 0)")
    group.add_argument(
        "--samples",
        type=lambda text: count(text, 1),
        help="how many random inputs, of numbers (default: 4); speed takes one",
    )
    group.add_argument(
        "--tolerance",
        type=tolerance,
        default=0.0,
        metavar="X",
        help="outputs that differ by up to this part of the largest are the same (default: what "
        "two runs of one environment differ by)",
    )
    group.add_argument(
        "--seconds",
        type=lambda text: count(text, 1),
        default=SECONDS,
        metavar="N",
        help="for each comparison of speed; clear ones take less (default: %(default)s)",
    )
    group.add_argument("--no-proof", action="store_true", help="do not ask MXNet; compare outputs")
    mxnet_python(group)
    group.add_argument(
        "--reference", metavar="FILE", help="judge by what `mxproof record` wrote there"
    )


def tolerance(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return number
