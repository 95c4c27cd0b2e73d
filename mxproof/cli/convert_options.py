"""The options of `mxproof convert`, in groups."""

from __future__ import annotations

import argparse

from converters import DEFAULT_OPSET, SUPPORTED_OPSETS

from ..evidence import SAMPLES
from .common import sampling

#: Flags on the forms that are written, and on changes of the network, with their help.
FORMS = {
    "external-data": "ONNX: weights in a file of their own, NAME.onnx.data (always so beyond "
    "1 GiB)",
    "pth": "also NAME.pth, the weights as a PyTorch state dict (needs PyTorch)",
    "pt2": "also NAME.pt2, network and weights in one file of torch.export (needs PyTorch)",
}
CHANGES = {
    "logits": "leave out a final softmax or sigmoid, so that what it reads comes out",
    "fuse": "fold batch norms into the convolutions and matrix products beside them, where that "
    "loses no precision; says how many, and what it costs",
    "float16": "weights, inputs and all computing in float16; without it float16 becomes float32",
}


def convert_options(parser: argparse.ArgumentParser) -> None:
    forms = parser.add_argument_group("forms")
    first, last = SUPPORTED_OPSETS[0], SUPPORTED_OPSETS[-1]
    text = f"ONNX opset, {first} to {last} (default: {DEFAULT_OPSET})"
    forms.add_argument("--opset", type=int, default=DEFAULT_OPSET, help=text)
    text = "write there what was read, what became of each layer, …"
    forms.add_argument("--log", metavar="FILE", help=text)
    changes = parser.add_argument_group("changes of the network")
    for group, flags in ((forms, FORMS), (changes, CHANGES)):
        for name, text in flags.items():
            group.add_argument(f"--{name}", action="store_true", help=text)
    proof = parser.add_argument_group("proof")
    proof.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        help="prove every layer of these files equal to MXNet's before they are written; the "
        "verdict goes into NAME.md and NAME.proof.json. Done by default where MXNet and the "
        "targets' runtimes are installed",
    )
    sampling(proof, str(SAMPLES))
