"""The options of `mxproof convert`, in groups."""

from __future__ import annotations

import argparse
from typing import Any

from converters.opsets import DEFAULT_OPSET, NEWEST_OPSET, OLDEST_OPSET

from ..evidence import SAMPLES
from .common import count, mxnet_python


def forms(group: Any) -> None:
    group.add_argument(
        "--opset",
        type=int,
        default=DEFAULT_OPSET,
        help=f"ONNX opset, {OLDEST_OPSET} to {NEWEST_OPSET} (default: {DEFAULT_OPSET})",
    )
    group.add_argument(
        "--external-data",
        action="store_true",
        help="ONNX: weights in a file of their own, NAME.onnx.data (always so beyond 1 GiB)",
    )
    group.add_argument(
        "--pth",
        action="store_true",
        help="also NAME.pth, the weights as a PyTorch state dict (needs PyTorch)",
    )
    group.add_argument(
        "--pt2",
        action="store_true",
        help="also NAME.pt2, network and weights in one file of torch.export (needs PyTorch)",
    )
    group.add_argument(
        "--log", metavar="FILE", help="write there what was read, what became of each layer, …"
    )


def changes(group: Any) -> None:
    group.add_argument(
        "--logits",
        action="store_true",
        help="leave out a final softmax or sigmoid, so that what it reads comes out",
    )
    group.add_argument(
        "--fuse",
        action="store_true",
        help="fold batch norms into the convolutions and matrix products beside them, where that "
        "loses no precision; says how many, and what it costs",
    )
    group.add_argument(
        "--float16",
        action="store_true",
        help="weights, inputs and all computing in float16; without it float16 becomes float32",
    )


def proving(group: Any) -> None:
    group.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        help="prove every layer of these files equal to MXNet's before they are written; the "
        "verdict goes into NAME.md and NAME.proof.json. Done by default where MXNet and the "
        "targets' runtimes are installed",
    )
    group.add_argument("--seed", type=count, default=0, help="of the proof's inputs (default: 0)")
    group.add_argument(
        "--samples",
        type=lambda text: count(text, 1),
        default=SAMPLES,
        help=f"how many inputs the proof is made on (default: {SAMPLES})",
    )
    mxnet_python(group)
