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
from typing import Callable, Dict, Optional, Tuple

import numpy as np
from PIL import Image

from converters import save_checkpoint
from converters.params import save_params
from fixtures.pictures import PHOTOGRAPH
from tests.converters.networks import Network, small_resnet
from tests.lab.nightly_runs import green_results
from tests.lab.nightly_runs import write as write_results

from .documents import ROOT

Entry = Tuple[int, int]
HIDDEN = "hidden"  # modules in a folder of this name stand before those that are installed

SITUATIONS: Dict[str, Callable[[Path], None]] = {}


def prepare(folder: Path, situation: str, *, checkout: bool, samples: Optional[str]) -> None:
    """The placeholders, and what the situation adds or spoils.

    Args:
        checkout: whether the folder is to be one, a copy, for pytest to run in.
        samples: the folder of real checkpoints, if there is one.
    """
    if checkout:
        skipped = shutil.ignore_patterns(
            ".git", ".venv", ".tox", ".*_cache", ".hypothesis", ".benchmarks", "__pycache__"
        )
        shutil.copytree(ROOT, folder, ignore=skipped, dirs_exist_ok=True)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "model").mkdir()
    net, head = small_resnet()
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
            continue
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
    weight = net.parameter("fc7_weight", 16, 8)
    x = net.layer("FullyConnected", "fc7", x, weight, num_hidden=16, no_bias=True)
    x = net.layer("SoftmaxOutput", "softmax", x, net.variable("softmax_label"))
    save_checkpoint(prefix, net.symbol(x), net.arrays)


def situation(name: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    def register(function: Callable[[Path], None]) -> Callable[[Path], None]:
        assert name not in SITUATIONS, name
        SITUATIONS[name] = function
        return function

    return register


@situation("a fresh user")
def fresh_user(folder: Path) -> None:
    """Has their checkpoint and a picture where the commands are run."""
    for part in ("-symbol.json", "-0000.params"):
        shutil.copy(folder / "model" / f"mnet.25{part}", folder)
    shutil.copy(PHOTOGRAPH, folder / "photo.png")


def network(folder: Path, net: Network, *heads: Entry) -> None:
    """In place of model/net."""
    save_checkpoint(folder / "model" / "net", net.symbol(*heads), net.arrays)


@situation("truncated parameters")
def truncated(folder: Path) -> None:
    path = folder / "model" / "net-0000.params"
    os.truncate(path, path.stat().st_size // 2)


@situation("a symbol for parameters")
def exchanged(folder: Path) -> None:
    shutil.copy(folder / "model" / "net-symbol.json", folder / "model" / "net-0000.params")


@situation("parameters for a symbol")
def binary_symbol(folder: Path) -> None:
    (folder / "model" / "net-symbol.json").write_text('{"nodes": [', encoding="utf-8")


@situation("another file for a symbol")
def other_json(folder: Path) -> None:
    (folder / "model" / "net-symbol.json").write_text('{"layers": []}', encoding="utf-8")


@situation("too few parameters")
def lacking(folder: Path) -> None:
    net, _ = small_resnet()
    del net.arrays["fc_weight"]
    save_params(folder / "model" / "net-0000.params", net.arrays)


@situation("too many parameters")
def unused(folder: Path) -> None:
    net, _ = small_resnet()
    left_over = {"fc9_weight": np.zeros((2, 2), np.float32)}
    save_params(folder / "model" / "net-0000.params", {**net.arrays, **left_over})


@situation("a custom operator")
def custom(folder: Path) -> None:
    net = Network()
    x = net.layer("Custom", "roi_target", net.variable("data"), op_type="proposal_target")
    x = net.layer("Convolution_v2", "conv1", x)
    network(folder, net, x)


@situation("an unknown value")
def unknown_value(folder: Path) -> None:
    net = Network()
    network(folder, net, net.layer("LRN", "norm1", net.variable("data"), nsize=4))


@situation("an unknown attribute")
def unknown_attribute(folder: Path) -> None:
    net = Network()
    network(folder, net, net.layer("Flatten", "flat", net.variable("data"), order="F"))


@situation("numbers too large for float16")
def too_large(folder: Path) -> None:
    net = Network()
    x = net.layer("_mul_scalar", "scaled", net.variable("data"), scalar=1e6)
    network(folder, net, net.convolution("conv0", x, 3, 4))


@situation("a fully connected network")
def dense(folder: Path) -> None:
    net = Network()
    x = net.layer("Activation", "relu", net.variable("data"), act_type="relu")
    network(folder, net, x)


@situation("a network with a large kernel")
def large_kernel(folder: Path) -> None:
    net = Network()
    x = net.convolution("conv0", net.variable("data"), 3, 4, kernel=(7, 7), pad=(0, 0))
    network(folder, net, x)


@situation("a network that sorts")
def sorting(folder: Path) -> None:
    net = Network()
    x = net.convolution("conv0", net.variable("data"), 3, 4)
    network(folder, net, net.layer("sort", "sorted", x, axis=-1))


@situation("a limit that is too low")
def strict(folder: Path) -> None:
    row = {"layer": "unit1_bn1", "float64_rel": 1e-30, "reason": "to see a proof fail"}
    (folder / "budgets.json").write_text(json.dumps([row]), encoding="utf-8")


@situation("a limit that nothing needs")
def idle(folder: Path) -> None:
    row = {"layer": "fc", "float32_ratio": 100, "reason": "sums in blocks"}
    (folder / "budgets.json").write_text(json.dumps([row]), encoding="utf-8")


@situation("a limit without a reason")
def unfounded(folder: Path) -> None:
    row = {"layer": "fc", "float32_ratio": 100}
    (folder / "budgets.json").write_text(json.dumps([row]), encoding="utf-8")


@situation("a wrong file in MXPROOF_MODELS")
def wrong_file(folder: Path) -> None:
    (folder / "published").mkdir()
    (folder / "published" / "resnet-18-0000.params").write_bytes(b"<html>Not found</html>")


@situation("a Python without MXNet")
def bare_python(folder: Path) -> None:
    """-S: without what is installed."""
    python = folder / "python-without-mxnet"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n', encoding="utf-8")
    python.chmod(0o755)


@situation("onnxruntime is not installed")
def without_onnxruntime(folder: Path) -> None:
    """HIDDEN comes before what is installed."""
    (folder / HIDDEN).mkdir()
    (folder / HIDDEN / "onnxruntime.py").write_text(
        'raise ModuleNotFoundError("No module named onnxruntime", name="onnxruntime")\n',
        encoding="utf-8",
    )


@situation("a damaged recording")
def damaged_recording(folder: Path) -> None:
    (folder / "net.npz").write_bytes(b"PK")


@situation("a file in the way")
def in_the_way(folder: Path) -> None:
    (folder / "out").write_bytes(b"")


@situation("two nights")
def nights(folder: Path) -> None:
    """What .ci/nightly leaves, made up; and a folder for the history."""
    write_results(folder / "nightly-results", green_results())
    (folder / "nightly-history").mkdir()


@situation("two results of different shape")
def results(folder: Path) -> None:
    np.save(folder / "mxnet.npy", np.zeros((1, 5), np.float32))
    np.save(folder / "onnx.npy", np.zeros((1, 6), np.float32))


@situation("two lock files")
def lock_files(folder: Path) -> None:
    """The same versions, and onnxruntime told to optimise nothing.

    The network is one that rounds otherwise on every processor when its batch norm is folded into
    the convolution: of thousands of values some differ; a few probabilities may not.
    """
    net = Network()
    x = net.convolution("conv0", net.variable("data"), 3, 16)
    x = net.batch_norm("bn0", x, 16, eps=2e-5, fix_gamma=False)
    network(folder, net, x)
    installed = f"onnxruntime=={version('onnxruntime')}\n"
    (folder / "green.txt").write_text(installed, encoding="utf-8")
    (folder / "red.txt").write_text(
        f"# mxproof: optimisation=disabled\n{installed}", encoding="utf-8"
    )


@situation("a green environment")
def green_environment(folder: Path) -> None:
    """Another Python that has all: this one, by another name."""
    python = folder / "green" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
