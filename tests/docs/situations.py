"""Folders in which the documents' commands run: what a reader is supposed to have.

`model/net`, `model/mnet.25` and `model/arcface` are checkpoints: small ones made here, and the
real mnet.25 where the folder of real checkpoints has it. The rest is what is wrong in
docs/errors.md.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable, Dict, Optional

import numpy as np
from PIL import Image

from converters import save_checkpoint
from converters.params import save_params
from fixtures.pictures import PHOTOGRAPH
from tests.converters.networks import Network, small_resnet
from tests.lab.nightly_runs import green_results
from tests.lab.nightly_runs import write as write_results

from .documents import ROOT

HIDDEN = "hidden"  # modules in a folder of this name stand before those that are installed


def prepare(folder: Path, situation: str, *, checkout: bool, samples: Optional[str]) -> None:
    """The placeholders, and what the situation adds or spoils.

    Args:
        checkout: whether the folder is to be one, a copy, for pytest to run in.
        samples: the folder of real checkpoints, if there is one.
    """
    if checkout:
        skipped = shutil.ignore_patterns(".git", ".venv", ".tox", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, folder, ignore=skipped, dirs_exist_ok=True)
    (folder / ".venv").symlink_to(sys.prefix)
    net, head = small_resnet()
    (folder / "model").mkdir()
    save_checkpoint(folder / "model" / "net", net.symbol(head), net.arrays)
    detector(folder / "model" / "mnet.25", samples)
    embedding(folder / "model" / "arcface")
    Image.open(PHOTOGRAPH).convert("RGB").save(folder / "photo.jpg")
    if situation:
        SITUATIONS[situation](folder)


def detector(prefix: Path, samples: Optional[str]) -> None:
    """InsightFace's mnet.25, or a network that is called and fed alike."""
    for part in ("-symbol.json", "-0000.params"):
        if samples and (Path(samples) / f"mnet.25{part}").is_file():
            shutil.copy(Path(samples) / f"mnet.25{part}", f"{prefix}{part}")
        else:
            net = Network()
            x = net.convolution("conv0", net.variable("data"), 3, 4, stride=(2, 2))
            x = net.batch_norm("bn0", x, 4, eps=2e-5, fix_gamma=False)
            x = net.layer("Activation", "relu0", x, act_type="relu")
            save_checkpoint(prefix, net.symbol(x), net.arrays)


def embedding(prefix: Path) -> None:
    """As InsightFace's ArcFace networks: pixels as they are, 112 x 112, the embedding is fc1."""
    net = Network()
    x = net.layer("_minus_scalar", "_minusscalar0", net.variable("data"), scalar=127.5)
    x = net.layer("_mul_scalar", "_mulscalar0", x, scalar=0.0078125)
    x = net.convolution("conv0", x, 3, 4, stride=(8, 8))
    x = net.batch_norm("bn0", x, 4, eps=2e-5, fix_gamma=False)
    slope = net.variable("relu0_gamma", np.full(4, 0.25, np.float32))
    x = net.layer("LeakyReLU", "relu0", x, slope, act_type="prelu")
    weight, bias = net.parameter("pre_fc1_weight", 8, 4 * 14 * 14), net.parameter("pre_fc1_bias", 8)
    x = net.layer("FullyConnected", "pre_fc1", x, weight, bias, num_hidden=8)
    x = net.batch_norm("fc1", x, 8, eps=2e-5, fix_gamma=True)
    x = net.layer(
        "FullyConnected", "fc7", x, net.parameter("fc7_weight", 16, 8), num_hidden=16, no_bias=True
    )
    x = net.layer("SoftmaxOutput", "softmax", x, net.variable("softmax_label"))
    save_checkpoint(prefix, net.symbol(x), net.arrays)


Change = Callable[[Path], Any]


def layers(*chain: Dict[str, Any]) -> Change:
    """model/net is these layers, one after the other; a convolution is `kernel` alone."""

    def change(folder: Path) -> None:
        net = Network()
        x, channels = net.variable("data"), 3
        for number, layer in enumerate(chain):
            attrs = dict(layer)
            op, name = attrs.pop("op"), attrs.pop("name", f"layer{number}")
            if op == "Convolution":
                filters = attrs.pop("filters", 4)
                x = net.convolution(name, x, channels, filters, **attrs)
                channels = filters
            elif op == "BatchNorm":
                x = net.batch_norm(name, x, channels, **attrs)
            else:
                x = net.layer(op, name, x, **attrs)
        save_checkpoint(folder / "model" / "net", net.symbol(x), net.arrays)

    return change


def text(path: str, content: str) -> Change:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")

    return change


def budget(**row: Any) -> Change:
    return text("budgets.json", json.dumps([row]))


def python(path: str, *options: str) -> Change:
    """Another Python: this one, by another name."""

    def change(folder: Path) -> None:
        text(path, f'#!/bin/sh\nexec {" ".join([sys.executable, *options])} "$@"\n')(folder)
        (folder / path).chmod(0o755)

    return change


def parameters(*, without: str = "", extra: str = "") -> Change:
    def change(folder: Path) -> None:
        arrays = small_resnet()[0].arrays
        kept = {name: array for name, array in arrays.items() if name != without}
        more = {extra: np.zeros((2, 2), np.float32)} if extra else {}
        save_params(folder / "model" / "net-0000.params", {**kept, **more})

    return change


def together(*changes: Change) -> Change:
    return lambda folder: [change(folder) for change in changes]


def truncated(folder: Path) -> None:
    path = folder / "model" / "net-0000.params"
    os.truncate(path, path.stat().st_size // 2)


def exchanged(folder: Path) -> None:
    shutil.copy(folder / "model" / "net-symbol.json", folder / "model" / "net-0000.params")


def fresh_user(folder: Path) -> None:
    for part in ("-symbol.json", "-0000.params"):
        shutil.copy(folder / "model" / f"mnet.25{part}", folder)
    shutil.copy(PHOTOGRAPH, folder / "photo.png")


def results(folder: Path) -> None:
    np.save(folder / "mxnet.npy", np.zeros((1, 5), np.float32))
    np.save(folder / "onnx.npy", np.zeros((1, 6), np.float32))


def nightly_run(folder: Path) -> None:
    write_results(folder / "nightly-results", green_results())
    (folder / "nightly-history").mkdir()


ONNXRUNTIME = f"onnxruntime=={version('onnxruntime')}\n"
CONV = {"op": "Convolution", "name": "conv0"}
SITUATIONS: Dict[str, Change] = {
    "a fresh user": fresh_user,
    "truncated parameters": truncated,
    "a symbol for parameters": exchanged,
    "parameters for a symbol": text("model/net-symbol.json", '{"nodes": ['),
    "another file for a symbol": text("model/net-symbol.json", '{"layers": []}'),
    "too few parameters": parameters(without="fc_weight"),
    "too many parameters": parameters(extra="fc9_weight"),
    "a custom operator": layers(
        {"op": "Custom", "name": "roi_target", "op_type": "proposal_target"},
        {"op": "Convolution_v2", "name": "conv1"},
    ),
    "an unknown value": layers({"op": "LRN", "name": "norm1", "nsize": 4}),
    "an unknown attribute": layers({"op": "Flatten", "name": "flat", "order": "F"}),
    "numbers too large for float16": layers(
        {"op": "_mul_scalar", "name": "scaled", "scalar": 1e6}, CONV
    ),
    "a fully connected network": layers({"op": "Activation", "name": "relu", "act_type": "relu"}),
    "a network with a large kernel": layers({**CONV, "kernel": (7, 7), "pad": (0, 0)}),
    "a network that sorts": layers(CONV, {"op": "sort", "name": "sorted", "axis": -1}),
    "a limit that is too low": budget(
        layer="unit1_bn1", float64_rel=1e-30, reason="to see a proof fail"
    ),
    "a limit that nothing needs": budget(layer="fc", float32_ratio=100, reason="sums in blocks"),
    "a limit without a reason": budget(layer="fc", float32_ratio=100),
    "a wrong file in MXPROOF_MODELS": text(
        "published/resnet-18-0000.params", "<html>Not found</html>"
    ),
    "a Python without MXNet": python("python-without-mxnet", "-S"),
    "onnxruntime is not installed": text(
        f"{HIDDEN}/onnxruntime.py",
        'raise ModuleNotFoundError("No module named onnxruntime", name="onnxruntime")\n',
    ),
    "a damaged recording": text("net.npz", "PK"),
    "a file in the way": text("out", ""),
    "two results of different shape": results,
    "results of a nightly run": nightly_run,
    # Of thousands of values some differ on every processor where onnxruntime optimises nothing.
    "two lock files": together(
        layers({**CONV, "filters": 16}, {"op": "BatchNorm", "name": "bn0", "fix_gamma": False}),
        text("green.txt", ONNXRUNTIME),
        text("red.txt", f"# mxproof: optimisation=disabled\n{ONNXRUNTIME}"),
    ),
}
