"""Each operator, attribute by attribute, against MXNet on both targets and in both precisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List, Set, Tuple

import numpy as np
import pytest

from converters import Node, load_checkpoint, save_checkpoint
from converters.ops import REGISTRY
from mxproof.compare import compare
from mxproof.localise import describe_failure
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.targets import TARGETS, convert
from mxproof.tolerance import DEVIATIONS, Deviation
from tests.converters.networks import Network

Entry = Tuple[int, int]
Build = Callable[[Network, Entry], Entry]
Row = Tuple[str, str, Tuple[int, ...], Build]


def plain(op: str, **attrs: Any) -> Build:
    return lambda net, x: net.layer(op, "layer", x, **attrs)


def convolution(
    cin: int, cout: int, kernel: Tuple[int, ...], bias: bool = False, **attrs: Any
) -> Build:
    def build(net: Network, x: Entry) -> Entry:
        groups = attrs.get("num_group", 1)
        inputs = [x, net.parameter("w", cout, cin // groups, *kernel)]
        if bias:
            inputs.append(net.parameter("b", cout))
        return net.layer(
            "Convolution",
            "layer",
            *inputs,
            kernel=kernel,
            num_filter=cout,
            no_bias=not bias,
            **attrs,
        )

    return build


def dense(features: int, hidden: int, bias: bool = True, **attrs: Any) -> Build:
    def build(net: Network, x: Entry) -> Entry:
        inputs = [x, net.parameter("w", hidden, features)]
        if bias:
            inputs.append(net.parameter("b", hidden))
        return net.layer(
            "FullyConnected", "layer", *inputs, num_hidden=hidden, no_bias=not bias, **attrs
        )

    return build


def norm(channels: int, **attrs: Any) -> Build:
    return lambda net, x: net.batch_norm("layer", x, channels, **attrs)


def near_the_mean(net: Network, x: Entry) -> Entry:
    y = net.batch_norm("layer", x, 4, fix_gamma=False)
    net.arrays["layer_moving_mean"] += 2 * NEAR
    return y


def large_logits(net: Network, x: Entry) -> Entry:
    """Numbers around a million, of which the softmax sees the differences."""
    x = net.batch_norm("raised", x, 7, fix_gamma=False)
    net.arrays["raised_beta"] += np.float32(1e6)
    return net.layer("SoftmaxOutput", "layer", x, net.variable("softmax_label"))


def twice(op: str, **attrs: Any) -> Build:
    """The operator on the input and on its tanh."""

    def build(net: Network, x: Entry) -> Entry:
        other = net.layer("Activation", "other", x, act_type="tanh")
        return net.layer(op, "layer", x, other, **attrs)

    return build


def crop_like(net: Network, x: Entry) -> Entry:
    pooled = net.layer("Pooling", "pool", x, kernel=(2, 2), stride=(2, 2), pool_type="max")
    return net.layer("Crop", "layer", x, pooled, num_args=2)


def labelled(op: str, label: str = "softmax_label", **attrs: Any) -> Build:
    return lambda net, x: net.layer(op, "layer", x, net.variable(label), **attrs)


def rows(op: str, *cases: Tuple[str, Tuple[int, ...], Build]) -> List[Row]:
    return [(op, name, shape, build) for name, shape, build in cases]


#: Rows whose layer needs one of DEVIATIONS -> what is added to their input.
NEAR = 40.0
NEEDING = {"near the mean": NEAR, "of large logits": 0.0}

IMAGE, SOUND, VIDEO = (2, 4, 9, 8), (2, 4, 11), (2, 4, 5, 6, 7)

ROWS: List[Row] = [
    *rows(
        "Convolution",
        ("1d", SOUND, convolution(4, 6, (3,), bias=True, stride=(2,), pad=(1,))),
        ("2d", IMAGE, convolution(4, 6, (3, 2), stride=(2, 1), pad=(1, 0))),
        ("3d", VIDEO, convolution(4, 6, (3, 1, 2), bias=True, stride=(1, 2, 2), pad=(1, 0, 1))),
        ("dilated", IMAGE, convolution(4, 6, (3, 3), dilate=(2, 3), pad=(2, 3))),
        ("grouped", IMAGE, convolution(4, 6, (3, 3), bias=True, num_group=2)),
        ("depthwise", IMAGE, convolution(4, 4, (3, 3), num_group=4, pad=(1, 1))),
        (
            "layout stated",
            IMAGE,
            convolution(4, 6, (1, 1), layout="NCHW", workspace=1, cudnn_off=True),
        ),
    ),
    *rows(
        "BatchNorm",
        ("defaults", IMAGE, norm(4)),
        ("gamma used", IMAGE, norm(4, fix_gamma=False, eps=2e-5)),
        ("global statistics", IMAGE, norm(4, use_global_stats=True, momentum=0.5)),
        ("matrix", (3, 4), norm(4, eps=1e-2)),
        ("sequence", SOUND, norm(4)),
        ("video", VIDEO, norm(4, fix_gamma=False)),
        ("near the mean", IMAGE, near_the_mean),
    ),
    *rows(
        "Activation",
        *((k, IMAGE, plain("Activation", act_type=k)) for k in ("relu", "sigmoid", "tanh")),
        *((k, IMAGE, plain("Activation", act_type=k)) for k in ("softrelu", "softsign")),
    ),
    *rows("elemwise_add", ("", IMAGE, twice("elemwise_add"))),
    *rows("Dropout", ("", IMAGE, plain("Dropout", p=0.9))),
    *rows(
        "FullyConnected",
        ("image", IMAGE, dense(288, 5)),
        ("matrix without bias", (3, 7), dense(7, 5, bias=False)),
        ("each row", (2, 3, 7), dense(7, 5, flatten=False)),
        ("each row without bias", (2, 3, 7), dense(7, 5, bias=False, flatten=False)),
    ),
    *rows(
        "Pooling",
        ("max 1d", SOUND, plain("Pooling", kernel=(3,), stride=(2,), pad=(1,), pool_type="max")),
        (
            "max 2d",
            IMAGE,
            plain("Pooling", kernel=(3, 2), stride=(2, 2), pad=(1, 1), pool_type="max"),
        ),
        ("max 3d", VIDEO, plain("Pooling", kernel=(2, 3, 1), stride=(2, 2, 1), pool_type="max")),
        ("default stride", IMAGE, plain("Pooling", kernel=(3, 3), pool_type="avg")),
        (
            "average counts padding",
            IMAGE,
            plain("Pooling", kernel=(3, 3), pad=(1, 1), pool_type="avg"),
        ),
        (
            "average without padding",
            IMAGE,
            plain("Pooling", kernel=(3, 3), pad=(1, 1), pool_type="avg", count_include_pad=False),
        ),
        (
            "full max",
            IMAGE,
            plain(
                "Pooling", kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full"
            ),
        ),
        (
            "full average",
            IMAGE,
            plain(
                "Pooling",
                kernel=(3, 3),
                stride=(2, 2),
                pad=(1, 1),
                pool_type="avg",
                pooling_convention="full",
            ),
        ),
        (
            "full average without padding",
            VIDEO,
            plain(
                "Pooling",
                kernel=(3, 3, 3),
                stride=(2, 2, 2),
                pad=(1, 1, 1),
                pool_type="avg",
                pooling_convention="full",
                count_include_pad=False,
            ),
        ),
        ("sum", IMAGE, plain("Pooling", kernel=(2, 3), stride=(1, 2), pool_type="sum")),
        *(
            (
                f"global {kind} {what}",
                shape,
                plain("Pooling", global_pool=True, pool_type=kind, **ignored),
            )
            for kind in ("max", "avg", "sum")
            for what, shape, ignored in (
                ("sound", SOUND, {"kernel": (1,)}),
                ("image", IMAGE, {"kernel": (7, 7), "stride": (2, 2), "pad": (1, 1)}),
                ("video", VIDEO, {"kernel": (7, 7, 7), "pooling_convention": "full"}),
            )
        ),
    ),
    *rows(
        "SoftmaxOutput",
        ("matrix", (3, 7), labelled("SoftmaxOutput")),
        ("image", IMAGE, labelled("SoftmaxOutput", "prob1_label")),
        ("of large logits", (3, 7), large_logits),
        (
            "multi_output",
            IMAGE,
            labelled("SoftmaxOutput", "label", multi_output=True, grad_scale=2),
        ),
        ("preserve_shape", IMAGE, labelled("SoftmaxOutput", preserve_shape=True)),
    ),
    *rows("SoftmaxActivation", ("channel", IMAGE, plain("SoftmaxActivation", mode="channel"))),
    *rows(
        "mean",
        ("one axis", IMAGE, plain("mean", axis=1)),
        ("several", IMAGE, plain("mean", axis=(2, -1), keepdims=True)),
        ("all", IMAGE, plain("mean")),
        ("all kept", IMAGE, plain("mean", axis=(), keepdims=True)),
        ("all but", IMAGE, plain("mean", axis=1, exclude=True)),
    ),
    *rows("Flatten", ("", VIDEO, plain("Flatten"))),
    *rows(
        "Concat",
        ("channels", IMAGE, twice("Concat", num_args=2)),
        ("last", IMAGE, twice("Concat", num_args=2, dim=-1)),
    ),
    *rows(
        "squeeze",
        ("one axis", (2, 1, 3, 1), plain("squeeze", axis=1)),
        ("several", (2, 1, 3, 1), plain("squeeze", axis=(-1, 1))),
    ),
    *rows(
        "Reshape",
        *(
            (
                f"{codes}{' reversed' * reverse}",
                shape,
                plain("Reshape", shape=codes, reverse=reverse),
            )
            for codes, shape, reverse in (
                ((0, 2, -1, 0), IMAGE, False),
                ((-1, 1, 12), (6, 12), False),
                ((-2,), IMAGE, False),
                ((-3, -3), IMAGE, False),
                ((-3, 0, 0), IMAGE, False),
                ((0, -4, 2, -1, -2), IMAGE, False),
                ((0, 0, 0, -4, -1, 2), IMAGE, False),
                ((-1, 0), (8, 4, 3), True),
                ((0, 0, -1), IMAGE, False),
                ((-4, 1, 2, -2), IMAGE, False),
                ((72, -1), IMAGE, False),
            )
        ),
    ),
    *rows(
        "UpSampling",
        ("nearest", IMAGE, plain("UpSampling", scale=3, sample_type="nearest", num_args=1)),
    ),
    *rows(
        "Crop",
        ("like", IMAGE, crop_like),
        ("at", IMAGE, plain("Crop", num_args=1, offset=(1, 2), h_w=(4, 5))),
    ),
]


def test_every_operator_has_a_row() -> None:
    assert {row[0] for row in ROWS} == set(REGISTRY)


def deviations(row: Row) -> Set[Deviation]:
    """Those that hold for the row's own layer."""
    net = Network()
    node = net.nodes[row[3](net, net.variable("data"))[0]]
    layer = Node("layer", "layer", node.op, node.attrs, (), ("layer",))
    runtimes = ("onnxruntime", "pytorch", "onnx-reference")
    return {d for d in DEVIATIONS if any(d.matches(r, layer, "layer") for r in runtimes)}


def test_every_deviation_is_shown_to_be_needed() -> None:
    shown = [deviations(row) for row in ROWS if row[1] in NEEDING]
    assert set.union(*shown) == set(DEVIATIONS)


def sentence(row: Row) -> str:
    return f"{row[0]} {row[1]}".strip()


@pytest.mark.parametrize("row", ROWS, ids=sentence)
def test_operator(row: Row, mxnet: MxnetProcess, tmp_path: Path) -> None:
    shape, build = row[2:]
    net = Network()
    data = net.variable("data")
    head = build(net, net.layer("elemwise_add", "before", data, data))
    save_checkpoint(tmp_path / "net", net.symbol(head), net.arrays)
    free = {"data": tuple(d if i == 1 else "NABCD"[i] for i, d in enumerate(shape))}
    graph = load_checkpoint(tmp_path / "net", inputs=free)
    values = np.random.default_rng(0).standard_normal(shape) + NEEDING.get(row[1], 0)
    inputs = {"data": values.astype(np.float32)}
    model = mxnet.load(tmp_path / "net", 0, graph)
    truth = model.truth(inputs)
    model.close()
    inferred = graph.infer_shapes({"data": shape})
    assert {t.name: t.float64.shape for t in truth} == {t.name: inferred[t.name] for t in truth}
    needed = set()
    for target, entry in TARGETS.items():
        path = convert(graph, target, tmp_path)[0]
        for precision in entry.runtimes:
            result = compare(truth, entry.open(path, precision), graph)
            assert tuple(c.layer for c in result.checks) == truth.names
            assert not result.failed, describe_failure("net", target, result)
            needed |= {c.row for c in result.checks if c.row and c.needs_row}
    assert needed == (deviations(row) if row[1] in NEEDING else set())
