"""Folders in which the documents' commands run: what a reader is supposed to have.

`model/net`, `model/mnet.25` and `model/arcface` are checkpoints: small ones made here, and the
real mnet.25 where the folder of real checkpoints has it. The rest is what is wrong in
docs/errors.md.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np
from PIL import Image

from converters import save_checkpoint
from converters.mxnet_format.params import save_params
from fixtures.networks import Network, face, small_resnet
from mxproof.zoo.pictures import PHOTOGRAPH
from tests.converters.training_symbols import dense, own_loss
from tests.lab.nightly_runs import green_results
from tests.lab.nightly_runs import write as write_results

from .documents import ROOT

HIDDEN = "hidden"  # modules in a folder of this name stand before those that are installed

Entry = Tuple[int, int]
#: (network, its data) -> its head.
Build = Callable[[Network, Entry], Entry]


def prepare(
    folder: Path, document: str, situation: str, *, checkout: bool, samples: Optional[str]
) -> None:
    """The placeholders, and what the situation adds or spoils.

    The README's `model/net` is as most users' are: it takes pictures of one size only.

    Args:
        checkout: whether the folder is to be one, a copy, for pytest to run in.
        samples: the folder of real checkpoints, if there is one.
    """
    if checkout:
        skipped = shutil.ignore_patterns(".git", ".venv", ".tox", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, folder, ignore=skipped, dirs_exist_ok=True)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "model").mkdir()
    net, head = small_resnet()
    save_checkpoint(folder / "model" / "net", net.symbol(head), net.arrays)
    detector(folder / "model" / "mnet.25", samples)
    save(folder / "model" / "arcface", embedding)
    if document == "README.md":
        save(folder / "model" / "net", embedding)
    Image.open(PHOTOGRAPH).convert("RGB").save(folder / "photo.jpg")
    if situation in NETWORKS:
        save(folder / "model" / "net", NETWORKS[situation])
    if situation in FILES:
        FILES[situation](folder)
    if situation in COMMANDS:
        subprocess.run(["bash", "-c", COMMANDS[situation]], cwd=folder, check=True)


def save(prefix: Path, build: Build) -> None:
    net = Network()
    head = build(net, net.variable("data"))
    save_checkpoint(prefix, net.symbol(head), net.arrays)


def detector(prefix: Path, samples: Optional[str]) -> None:
    """InsightFace's mnet.25, or a network that is called and fed alike."""
    files = [Path(samples or "", f"mnet.25{part}") for part in ("-symbol.json", "-0000.params")]
    if samples and all(path.is_file() for path in files):
        for path in files:
            shutil.copy(path, prefix.parent)
    else:
        save(prefix, detecting)


def detecting(net: Network, data: Entry) -> Entry:
    x = net.convolution("conv0", data, 3, 4, stride=(2, 2))
    x = activation(net, net.batch_norm("bn0", x, 4, eps=2e-5, fix_gamma=False))
    for name in ("bbox_pred", "landmark_pred", "cls_prob_reshape"):
        net.convolution(f"face_rpn_{name}_stride32", x, 4, 4)
    return x


def activation(net: Network, data: Entry) -> Entry:
    return net.layer("Activation", "relu", data, act_type="relu")


def embedding(net: Network, data: Entry) -> Entry:
    """As InsightFace's ArcFace networks: pixels as they are, 112 x 112, the embedding is fc1."""
    x = net.layer("_minus_scalar", "_minusscalar0", data, scalar=127.5)
    x = net.layer("_mul_scalar", "_mulscalar0", x, scalar=0.0078125)
    x = net.convolution("conv0", x, 3, 4, stride=(8, 8))
    x = net.batch_norm("bn0", x, 4, eps=2e-5, fix_gamma=False)
    slope = net.variable("relu0_gamma", np.full(4, 0.25, np.float32))
    x = net.layer("LeakyReLU", "relu0", x, slope, act_type="prelu")
    weight, bias = net.parameter("pre_fc1_weight", 8, 4 * 14 * 14), net.parameter("pre_fc1_bias", 8)
    x = net.layer("FullyConnected", "pre_fc1", x, weight, bias, num_hidden=8)
    x = net.batch_norm("fc1", x, 8, eps=2e-5, fix_gamma=True)
    weight = net.parameter("fc7_weight", 16, 8)
    x = net.layer("FullyConnected", "fc7", x, weight, num_hidden=16, no_bias=True)
    return net.layer("SoftmaxOutput", "softmax", x, net.variable("softmax_label"))


def custom(net: Network, data: Entry) -> Entry:
    x = net.convolution("conv0", data, 3, 4)
    x = net.layer("Custom", "roi_target", x, op_type="proposal_target")
    return net.layer("Convolution_v2", "conv1", x)


def beside(net: Network, data: Entry) -> Entry:
    x = dense(net, "fc", data, 4, 3)
    dense(net, "boxes", x, 4, 4)
    return x


def scaled(net: Network, data: Entry) -> Entry:
    return net.convolution("conv0", net.layer("_mul_scalar", "scaled", data, scalar=1e6), 3, 4)


def baked(net: Network, data: Entry) -> Entry:
    x = net.convolution("conv0", data, 3, 4)
    x = net.layer("Pooling", "pool", x, global_pool=True, pool_type="avg", kernel=(1, 1))
    x = net.layer("Reshape", "flat", x, shape=(32, -1))
    weight = net.parameter("fc_weight", 5, 4)
    return net.layer("FullyConnected", "fc", x, weight, num_hidden=5, no_bias=True)


#: What model/net is.
NETWORKS: Dict[str, Build] = {
    "a custom operator": custom,
    "an unknown value": lambda net, x: net.layer("LRN", "norm1", x, nsize=4),
    "an unknown attribute": lambda net, x: net.layer("Flatten", "flat", x, order="F"),
    "numbers too large for float16": scaled,
    "a fully connected network": activation,
    "a loss": lambda net, x: own_loss(net, x).heads[0],
    "layers beside the output": beside,
    "a network with a large kernel": lambda net, x: net.convolution(
        "conv0", x, 3, 4, kernel=(7, 7), pad=(0, 0)
    ),
    "a network for a batch of 32": baked,
    "a network with two inputs": lambda net, x: net.layer(
        "broadcast_mul",
        "masked",
        net.convolution("conv0", x, 3, 4),
        net.convolution("conv1", net.variable("mask"), 3, 4),
    ),
    "a network that sorts": lambda net, x: net.layer(
        "sort", "sorted", net.convolution("conv0", x, 3, 4), axis=-1
    ),
    # Of thousands of values some differ on every processor where onnxruntime optimises nothing.
    "two lock files": lambda net, x: net.batch_norm(
        "bn0", net.convolution("conv0", x, 3, 16), 16, fix_gamma=False
    ),
}


def parameters(folder: Path, **arrays: Any) -> None:
    """Add arrays to those of model/net, or leave them out where they are None."""
    found = {**small_resnet()[0].arrays, **arrays}
    kept = {name: array for name, array in found.items() if array is not None}
    save_params(folder / "model" / "net-0000.params", kept)


def upright(prefix: Path) -> None:
    net, head = face(28, 24)
    save_checkpoint(prefix, net.symbol(head), net.arrays)


def structural(folder: Path) -> None:
    """Two layers of one shape, by where they stand in the network."""
    net = Network()
    x = net.variable("data")
    for name in ("dense0", "dense1"):
        weight = net.variable(f"{name}_weight", __shape__="(4, 4)")
        x = net.layer("FullyConnected", name, x, weight, num_hidden=4, no_bias=True)
    arrays = {f"{name}.weight": np.ones((4, 4), "f4") for name in ("first", "second")}
    save_checkpoint(folder / "model" / "net", net.symbol(x), arrays)


def budget(folder: Path, **row: Any) -> None:
    (folder / "budgets.json").write_text(json.dumps([row]))


def results(folder: Path) -> None:
    np.save(folder / "mxnet.npy", np.zeros((1, 5), np.float32))
    np.save(folder / "onnx.npy", np.zeros((1, 6), np.float32))


FILES: Dict[str, Callable[[Path], None]] = {
    "a network for upright pictures": lambda folder: upright(folder / "model" / "net"),
    "too few parameters": lambda folder: parameters(folder, fc_weight=None),
    "too many parameters": lambda folder: parameters(folder, fc9_weight=np.zeros((2, 2), "f4")),
    "structural names": structural,
    "numbers too large for float32": lambda folder: parameters(
        folder, **{n: np.full(a.shape, 1e39) for n, a in small_resnet()[0].arrays.items()}
    ),
    "a limit that is too low": lambda folder: budget(
        folder, layer="unit1_bn1", float64_rel=1e-30, reason="to see a proof fail"
    ),
    "a limit that nothing needs": lambda folder: budget(
        folder, layer="fc", float32_ratio=100, reason="sums in blocks"
    ),
    "a stricter limit for no layer": lambda folder: budget(
        folder, layer="fc9", float32_ratio=2, reason="the last layer is to be exact"
    ),
    "a limit without a reason": lambda folder: budget(folder, layer="fc", float32_ratio=100),
    "two results of different shape": results,
    "results of a nightly run": lambda folder: write_results(
        folder / "nightly-results", green_results()
    ),
}

PARAMETERS, SYMBOL = "model/net-0000.params", "model/net-symbol.json"
ONNXRUNTIME = f"onnxruntime=={version('onnxruntime')}"
#: What is run in the folder, in bash.
COMMANDS = {
    "a fresh user": f"cp model/mnet.25* . && cp {PHOTOGRAPH} photo.png",
    "truncated parameters": f"truncate -s $(($(wc -c < {PARAMETERS}) / 2)) {PARAMETERS}",
    "a symbol for parameters": f"cp {SYMBOL} {PARAMETERS}",
    "parameters of other names": f"mv {PARAMETERS} model/iter_100.params && "
    "cp model/iter_100.params model/iter_200.params",
    "parameters for a symbol": f"""printf '{{"nodes": [' > {SYMBOL}""",
    "another file for a symbol": f"""printf '{{"layers": []}}' > {SYMBOL}""",
    "a wrong file in MXPROOF_MODELS": "mkdir published && "
    "printf '<html>Not found</html>' > published/resnet-18-0000.params",
    "a Python without MXNet": f"""printf '#!/bin/sh\\nexec {sys.executable} -S "$@"\\n' > \
        python-without-mxnet && chmod +x python-without-mxnet""",
    "onnxruntime is not installed": f"""mkdir {HIDDEN} && printf 'raise ModuleNotFoundError(
        "No module named onnxruntime", name="onnxruntime")' > {HIDDEN}/onnxruntime.py""",
    "a damaged recording": "printf PK > net.npz",
    "a file in the way": "touch out",
    "results of a nightly run": "mkdir nightly-history",
    "two lock files": f"echo {ONNXRUNTIME} > green.txt && printf "
    f"'# mxproof: optimisation=disabled\\n{ONNXRUNTIME}\\n' > red.txt",
}
SITUATIONS = {*NETWORKS, *FILES, *COMMANDS}
