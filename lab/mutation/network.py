"""Small networks with what the zoo lacks: each kind of fault can do harm somewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np

from converters import save_checkpoint
from converters.mxnet_format.symbol import VARIABLE, Symbol
from mxproof.zoo.symbols import SymbolBuilder
from mxproof.zoo.weights import seeded_parameters

INPUT = ("N", 3, "H", "W")
MXNET = 10901


class _Small(SymbolBuilder):
    def convolution(self, name: str, x: int, kernel: int = 3, pad: int = 1, **more: object) -> int:
        window = {"kernel": (kernel, kernel), "pad": (pad, pad)}
        return self.add(
            "Convolution", name, x, stored="weight bias", num_filter=8, **window, **more
        )

    def norm(self, name: str, x: int, **attrs: object) -> int:
        stored = "gamma beta moving_mean moving_var"
        return self.add("BatchNorm", name, x, stored=stored, **attrs)


def small() -> Symbol:
    """(N, 3, H, W) -> two heads of (N, 6) probabilities.

    Biases, groups, dilation, averages over padding, windows rounded up, attributes left at
    MXNet's defaults, a square matrix, a residual between two others.
    """
    net = _Small()
    x = net.convolution("conv0", net.add(VARIABLE, "data"), 5, 2, stride=(2, 1))
    x = net.add("Activation", "act0", net.norm("norm0", x), act_type="softrelu")
    halved: Dict[str, Any] = {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1)}
    x = net.add("Pooling", "pool0", x, **halved, pool_type="avg")
    for unit in range(3):
        y = net.norm(f"unit{unit}_norm", x, fix_gamma=unit == 1, eps=1e-5)
        y = net.add("Activation", f"unit{unit}_act", y, act_type="relu")
        y = net.convolution(f"unit{unit}_conv0", y, num_group=2)
        y = net.convolution(f"unit{unit}_conv1", y, 3, 2, dilate=(2, 2))
        x = net.add("elemwise_add", f"unit{unit}_sum", y, x)
    full: Dict[str, Any] = {"count_include_pad": False, "pooling_convention": "full"}
    x = net.add("Pooling", "pool1", x, pool_type="avg", **halved, **full)
    x = net.add("Activation", "act1", net.norm("norm1", x), act_type="tanh")
    x = net.add(
        "Flatten", "flat", net.add("Pooling", "pool2", x, global_pool=True, pool_type="max")
    )
    x = net.add("FullyConnected", "dense0", x, stored="weight bias", num_hidden=8)
    x = net.add("Activation", "act2", x, act_type="sigmoid")
    heads = []
    for head in ("a", "b"):
        y = net.add("FullyConnected", f"dense_{head}", x, stored="weight bias", num_hidden=6)
        heads.append(net.add("SoftmaxOutput", f"softmax_{head}", y, stored="label"))
    return net.symbol(*heads, version=MXNET)


def sorting() -> Symbol:
    """(N, 3, H, W) -> the four largest of eight scores and their places; all places by score; and
    probabilities. Two of the channels between the convolutions are 0 for any picture."""
    net = _Small()
    x = net.norm("norm0", net.convolution("conv0", net.add(VARIABLE, "data")))
    x = net.convolution("conv1", net.add("Activation", "act0", x, act_type="relu"))
    x = net.add("Pooling", "pool0", x, global_pool=True, pool_type="avg", kernel=(7, 7))
    x = net.add("Flatten", "flat", x)
    scores = net.add("FullyConnected", "dense0", x, stored="weight bias", num_hidden=8)
    largest = net.add("topk", "largest", scores, k=4, ret_typ="both", axis=1)
    places = net.add("argsort", "places", scores, axis=1, is_ascend=False)
    symbol = net.symbol(places, net.add("softmax", "probabilities", scores), version=MXNET)
    return replace(symbol, heads=((largest, 0), (largest, 1), *symbol.heads))


NETWORKS: Dict[str, Callable[[], Symbol]] = {"small": small, "sorting": sorting}
#: Below what any input that is drawn makes of the layer before it.
BURIED = -1e5


def write(name: str, folder: Path) -> Path:
    """The checkpoint, with seeded weights; its prefix."""
    symbol = NETWORKS[name]()
    arrays = seeded_parameters(symbol, {"data": INPUT})
    if name == "sorting":
        arrays["arg:norm0_beta"] = np.where(
            np.arange(8) < 2, np.float32(BURIED), arrays["arg:norm0_beta"]
        )
    prefix = folder / name
    save_checkpoint(prefix, symbol, arrays)
    return prefix
