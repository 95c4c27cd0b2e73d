"""Every message that recommends an option: a small case that provokes it, and what it recommends.

A row's commands run in a folder of their own, which holds `net`, a checkpoint, `in.npy`, an input
of it, `a.png` and `b.png`; and what the row adds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Mapping, NamedTuple, Tuple

import numpy as np
import onnx
from onnx import helper
from PIL import Image

from converters import save_checkpoint
from fixtures.networks import Network, onnx_model, small_resnet
from mxproof.cli import main

Entry = Tuple[int, int]
Build = Callable[[Network, Entry], Entry]
CONVERT = "convert net -o out --no-verify --quiet"


class Remedy(NamedTuple):
    """A message, and what becomes of the command if one does as it says.

    Attributes:
        command: that is refused.
        said: a pattern of what is printed.
        then: the command that follows the message; "+" appends to the refused one, "-" takes words
            out of it; \\1, \\2, … are groups of the pattern.
        needs: what it takes to run it: "mxnet", "torch".
        network: what `net` is, in place of the usual one.
        files: name -> what writes it, given its path.
        environment: variables of the refused command.
        patches: what stands in for something while that runs.
        code: its exit code.
    """

    command: str
    said: str
    then: str
    needs: str = ""
    network: Any = None
    files: Mapping[str, Callable[[Path], Any]] = {}
    environment: Mapping[str, str] = {}
    patches: Mapping[str, Any] = {}
    code: int = 2


def write(folder: Path, remedy: Remedy) -> None:
    """What the row's commands find."""
    net, head = small_resnet()
    if remedy.network is not None:
        net = Network()
        head = remedy.network(net, net.variable("data"))
    save_checkpoint(folder / "net", net.symbol(head), net.arrays)
    np.save(folder / "in.npy", np.ones((1, 3, 8, 8), np.float32))
    for name, height in (("a.png", 8), ("b.png", 9)):
        Image.new("RGB", (8, height)).save(folder / name)
    for name, make in remedy.files.items():
        make(folder / name)


def layer(op: str, *others: str, **attrs: Any) -> Build:
    """A network of one layer, which reads `data` and these inputs."""
    return lambda net, x: net.layer(op, "it", x, *map(net.variable, others), **attrs)


def custom(net: Network, x: Entry) -> Entry:
    x = net.convolution("conv0", x, 3, 4)
    return net.convolution("conv1", net.layer("Custom", "roi", x, op_type="mine"), 4, 4)


def sorting(net: Network, x: Entry) -> Entry:
    return net.layer("sort", "sorted", net.convolution("conv0", x, 3, 4), axis=-1)


def side_branch(net: Network, x: Entry) -> Entry:
    net.convolution("side", x, 3, 4)
    return net.convolution("conv0", x, 3, 4)


def copy_of(name: str) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes((path.parent / name).read_bytes())


def moved(path: Path) -> None:
    path.mkdir()
    (path.parent / "net-0000.params").rename(path / "kept.params")


def large(net: Network, x: Entry) -> Entry:
    x = net.convolution("conv0", net.layer("_mul_scalar", "scaled", x, scalar=1e6), 3, 4)
    return net.batch_norm("bn0", x, 4)


def large_parameters(net: Network, x: Entry) -> Entry:
    x = net.convolution("conv0", x, 3, 4)
    net.arrays["conv0_weight"] *= np.float32(1e6)
    return net.batch_norm("bn0", x, 4)


def wide_and_narrow(net: Network, x: Entry) -> Entry:
    x = net.convolution("conv0", x, 3, 4)
    net.arrays["conv0_weight"] = net.arrays["conv0_weight"].astype(np.float64)
    return net.batch_norm("bn0", x, 4)


def oblong(net: Network, x: Entry) -> Entry:
    weight = net.parameter("weight", 4, 384)
    return net.layer("FullyConnected", "fc", x, weight, num_hidden=4, no_bias=True)


def two_inputs(net: Network, x: Entry) -> Entry:
    return net.layer("elemwise_add", "sum", x, net.variable("more"))


def refuse(*_: Any, **__: Any) -> None:
    raise RuntimeError("cannot be exported")


def saved_onnx(
    *nodes: Any, shape: Any = ("N", 3, "H", "W"), **arrays: Any
) -> Callable[[Path], None]:
    return lambda path: onnx.save(onnx_model(nodes, shape, arrays), path)


def node(op: str, *inputs: str, out: str = "y", **attrs: Any) -> Any:
    return helper.make_node(op, ["x", *inputs], [out], **attrs)


def with_preprocessing(text: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        model = onnx_model([node("Relu")])
        helper.set_model_props(model, {"mxproof.preprocessing": text})
        onnx.save(model, path)

    return make


def without_shape(path: Path) -> None:
    model = onnx_model([node("Relu")])
    model.graph.input[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)


GIVEN = r"(--input \w+=[^\s,;]*[^\s,;.](?: --input \w+=[^\s,;]*[^\s,;.])*)"
ONNX = "to-mxnet x.onnx -o back --quiet"

FILES: Dict[str, Remedy] = {
    "no such layer": Remedy(f"{CONVERT} --output fc1", r"Close to it: (\w+)", "- fc1 + \\1"),
    "no such epoch": Remedy(
        f"{CONVERT} --epoch 7",
        "Stored epochs: 0000; choose one with --epoch",
        f"{CONVERT} --epoch 0",
    ),
    "no such input": Remedy(
        f"{CONVERT} --input image=Nx3xHxW", r"it has: (\w+)\.", f"{CONVERT} --input \\1=Nx3xHxW"
    ),
    "parameters of another shape": Remedy(
        f"{CONVERT} --input data=Nx4xHxW",
        r"It takes, e\.g\., (data=\w+)\.",
        f"{CONVERT} --input \\1",
    ),
    "a shape with commas": Remedy(
        f"{CONVERT} --input data=1,3,8,8", "e.g. (data=1x3x8x8)", f"{CONVERT} --input \\1"
    ),
    "a shape without a name": Remedy(
        f"{CONVERT} --input 1,3,8,8", "e.g. (data=1x3x8x8)", f"{CONVERT} --input \\1"
    ),
    "an unknown type": Remedy(
        f"{CONVERT} --input-type data=float",
        "types are: (float32)",
        f"{CONVERT} --input-type data=\\1",
    ),
    "parameters that are elsewhere": Remedy(
        CONVERT,
        "name their file: --params FILE",
        "+ --params sub/kept.params",
        files={"sub": moved},
    ),
    "parameters of several symbols": Remedy(
        "convert w.params -o out --no-verify --quiet",
        r"Give the symbol, and (--params \S+)\. ",
        "convert net-symbol.json \\1 -o out --no-verify --quiet",
        files={
            "w.params": copy_of("net-0000.params"),
            **dict.fromkeys(("a-symbol.json", "b-symbol.json"), copy_of("net-symbol.json")),
        },
    ),
    "parameters that no output needs": Remedy(
        f"{CONVERT} --input data=Nx3xHxW",
        r"too: (--output \w+)\.",
        "+ \\1",
        network=side_branch,
        code=0,
    ),
    "weights that cannot be had": Remedy(
        "inspect resnet18 --weights pretrained --quiet",
        r"take RANDOM ones: (--weights seeded)",
        "inspect resnet18 \\1 --quiet",
        environment={"MXPROOF_CACHE": "empty", "http_proxy": "http://127.0.0.1:9"},
    ),
}

OPERATORS: Dict[str, Remedy] = {
    "a shape that follows from nothing": Remedy(
        CONVERT, f"e.g. {GIVEN}, or", "+ \\1", network=layer("Activation", act_type="relu")
    ),
    "code that no checkpoint holds": Remedy(
        f"{CONVERT} --input data=Nx3xHxW", "--output LAYER", "+ --output conv0", network=custom
    ),
    "no softmax": Remedy(
        f"{CONVERT} --logits",
        "Leave --logits out",
        "- --logits",
        network=lambda net, x: net.layer(
            "Pooling", "pool", net.convolution("conv0", x, 3, 4), kernel=(2, 2), pool_type="max"
        ),
    ),
    "every axis of size 1": Remedy(
        f"{CONVERT} --input data=Nx3xHxW", GIVEN, f"{CONVERT} \\1", network=layer("squeeze")
    ),
    "a triangle": Remedy(
        f"{CONVERT} --input data=NxMxM",
        GIVEN,
        f"{CONVERT} \\1",
        network=layer("_linalg_extracttrian"),
    ),
    "numbers for a triangle": Remedy(
        f"{CONVERT} --input data=NxM", GIVEN, f"{CONVERT} \\1", network=layer("_linalg_maketrian")
    ),
    "no operator in ONNX": Remedy(
        f"{CONVERT} --input data=2x3x3",
        "supported: (--to pytorch)",
        "+ \\1",
        network=layer("_linalg_potrf"),
    ),
    "a scale that is no fraction": Remedy(
        f"{CONVERT} --input data=Nx3xHxW",
        GIVEN,
        f"{CONVERT} \\1",
        network=layer("_contrib_BilinearResize2D", scale_height=1.3, scale_width=1.3),
    ),
    "heads of attention": Remedy(
        f"{CONVERT} --input data=TxNxC",
        GIVEN,
        f"{CONVERT} \\1",
        network=layer("_contrib_interleaved_matmul_selfatt_qk", heads=2),
    ),
    "a target shape": Remedy(
        f"{CONVERT} --input data=Nx3xHxW",
        GIVEN,
        f"{CONVERT} \\1",
        network=lambda net, x: net.layer(
            "Deconvolution",
            "up",
            x,
            net.parameter("w", 3, 4, 3, 3),
            kernel=(3, 3),
            num_filter=4,
            stride=(2, 2),
            target_shape=(16, 16),
            no_bias=True,
        ),
    ),
    "coordinates": Remedy(
        f"{CONVERT} --input data=4x5 --input at=KxM",
        GIVEN,
        f"{CONVERT} \\1",
        network=layer("gather_nd", "at"),
    ),
    "parameters of a recurrent layer": Remedy(
        f"{CONVERT} --input data=3xNx4 --input state=1xNx3 --input params=P",
        GIVEN,
        f"{CONVERT} \\1",
        network=layer("RNN", "params", "state", mode="rnn_tanh", state_size=3, num_layers=1),
    ),
    "an opset that is too new": Remedy(
        f"{CONVERT} --input data=2x3 --opset 23",
        r"(--opset \d+)",
        f"{CONVERT} --input data=2x3 \\1",
        network=lambda net, x: net.layer(
            "elemwise_add", "sum", x, net.layer("_random_normal", "noise", shape=(2, 3))
        ),
    ),
    "parameters beyond float16": Remedy(
        f"{CONVERT} --float16", "Leave --float16 out", "- --float16", network=large_parameters
    ),
    "float64 beside float32": Remedy(
        f"{CONVERT} --float64", "Without it all are", "- --float64", network=wide_and_narrow
    ),
    "a proof without a size": Remedy(
        "convert net -o out --quiet --input data=Nx3xHxW",
        "Or leave the proof out: --no-verify",
        "+ --no-verify",
        "mxnet",
        network=oblong,
    ),
    "no square fits": Remedy(
        f"{CONVERT} --to pytorch --pt2 --input data=Nx3xHxW",
        r"It takes, e\.g\., (\S+)[ .]",
        "convert net -o out --no-verify --quiet --to pytorch --pt2 --input \\1",
        "torch",
        network=oblong,
    ),
    "numbers beyond float16": Remedy(
        f"{CONVERT} --to onnx --float16 --input data=Nx3x8x8",
        "Leave --float16 out",
        "- --float16",
        network=large,
    ),
    "a loss of training": Remedy(
        f"{CONVERT} --input data=7x2x3",
        "--output LAYER",
        "+ --output fc",
        network=lambda net, x: net.layer(
            "_contrib_CTCLoss",
            "loss",
            net.layer(
                "FullyConnected",
                "fc",
                x,
                net.parameter("w", 4, 3),
                num_hidden=4,
                flatten=False,
                no_bias=True,
            ),
            net.parameter("labels", 2, 3),
        ),
        code=0,
    ),
    "classes for a loss": Remedy(
        f"{CONVERT} --input data=Nx3xHxW",
        "--output LAYER",
        "+ --output conv0",
        network=lambda net, x: net.layer(
            "elemwise_add",
            "sum",
            net.convolution("conv0", x, 3, 4),
            net.layer("_sample_unique_zipfian", "drawn"),
        ),
    ),
    "torch.export of unknown shapes": Remedy(
        f"{CONVERT} --to pytorch --pt2",
        GIVEN,
        "+ \\1",
        "torch",
        network=layer("Activation", act_type="relu"),
    ),
}

TO_MXNET: Dict[str, Remedy] = {
    "sizes": Remedy(
        ONNX,
        GIVEN,
        "+ \\1",
        files={"x.onnx": saved_onnx(node("Shape", out="s"), node("Tile", "s"))},
    ),
    "a window": Remedy(
        ONNX,
        GIVEN,
        "+ \\1",
        files={
            "x.onnx": saved_onnx(
                node("MaxPool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
            )
        },
    ),
    "scales": Remedy(
        ONNX,
        GIVEN,
        "+ \\1",
        files={
            "x.onnx": saved_onnx(
                node("Resize", "", "by", mode="linear"), by=np.array([1, 1, 1.3, 1.3], np.float32)
            )
        },
    ),
    "a size that no value has": Remedy(
        ONNX,
        GIVEN,
        "+ \\1",
        files={
            "x.onnx": saved_onnx(
                node("Shape", out="s"),
                helper.make_node("Mul", ["s", "by"], ["size"]),
                node("Resize", "", "", "size", mode="linear"),
                by=np.array([1, 1, 2, 2]),
            )
        },
    ),
    "a computed shape": Remedy(
        ONNX,
        GIVEN,
        "+ \\1",
        files={
            "x.onnx": saved_onnx(
                node("Shape", out="s"),
                helper.make_node("Gather", ["s", "at"], ["to"]),
                node("Reshape", "to"),
                at=np.array([3, 0, 1, 2]),
            )
        },
    ),
    "no shape": Remedy(ONNX, GIVEN, "+ \\1", files={"x.onnx": without_shape}),
}

COMMANDS: Dict[str, Remedy] = {
    "a form of PyTorch": Remedy(f"{CONVERT} --to onnx --pth", r"add (--to pytorch)", "+ \\1"),
    "a proof of float16": Remedy(
        "convert net -o out --quiet --verify --float16", "leave --verify out", "- --verify"
    ),
    "strict without a proof": Remedy(
        f"{CONVERT} --strict", "Leave one of the two out", "- --strict"
    ),
    "nothing to run": Remedy("run net --runtime onnxruntime", "--npy FILE", "+ --npy in.npy"),
    "an input twice": Remedy(
        "run net --runtime onnxruntime --npy in.npy --image a.png",
        "Leave one of the two out",
        "- --npy in.npy",
    ),
    "a missing input": Remedy(
        "run net --runtime onnxruntime --npy data=in.npy --input data=1x3x8x8 --input more=1x3x8x8",
        "Give each: --npy NAME=FILE",
        "+ --npy more=in.npy",
        network=two_inputs,
    ),
    "another shape than the model's": Remedy(
        "run net --runtime onnxruntime --npy in.npy --input data=1x3x8",
        r"--input|takes",
        "- --input data=1x3x8",
    ),
    "a runtime that runs no such file": Remedy(
        "run x.onnx --runtime pytorch --npy x=in.npy",
        r"files run by (--runtime onnxruntime)",
        "run x.onnx \\1 --npy x=in.npy",
        files={"x.onnx": saved_onnx(node("Relu"))},
    ),
    "preprocessing that cannot be read": Remedy(
        "run x.onnx --image a.png",
        "State it by --size",
        "+ --size 8x8 --mean 1",
        files={"x.onnx": with_preprocessing("?")},
    ),
    "no picture": Remedy(
        "run net --runtime onnxruntime --input data=Nx3 --image a.png",
        "(--npy data=)FILE",
        "run net --runtime onnxruntime --input data=Nx3 \\1x.npy",
        network=layer("Activation", act_type="relu"),
        files={"x.npy": lambda path: np.save(path, np.ones((1, 3), np.float32))},
    ),
    "grey pictures": Remedy(
        "run net --runtime onnxruntime --input data=Nx1xHxW --image a.png",
        "choose --channels",
        "+ --channels GRAY",
        network=layer("Activation", act_type="relu"),
    ),
    "a size that is fixed": Remedy(
        "run net --runtime onnxruntime --input data=1x3x8x8 --image a.png --size 9x9",
        "Leave --size out",
        "- --size 9x9",
        network=layer("Activation", act_type="relu"),
    ),
    "pictures of several sizes": Remedy(
        "run net --runtime onnxruntime --image a.png b.png", "Give --size HxW", "+ --size 8x8"
    ),
}

TORCH: Dict[str, Remedy] = {
    "what torch.export does not take": Remedy(
        f"{CONVERT} --to pytorch --pt2",
        "Leave --pt2 out",
        "- --pt2",
        "torch",
        patches={"torch.export.export": refuse},
    ),
}

MXNET: Dict[str, Remedy] = {
    "more than memory": Remedy(
        "verify net --to onnx --samples 1 --input data=1x3x9999999x9999999",
        "Give a smaller --input",
        "verify net --to onnx --samples 1 --input data=1x3x8x8 --quiet",
        "mxnet",
    ),
    "pictures are not drawn": Remedy(
        "verify net --to onnx --quiet --seed 1 --image a.png",
        "Leave one out",
        "- --seed 1",
        "mxnet",
    ),
    "no such interpreter": Remedy(
        "run net --npy in.npy --mxnet-python ./nothing",
        "--mxnet-python PATH",
        "- ./nothing + PYTHON",
        "mxnet",
    ),
    "a network that sorts": Remedy(
        "record net -o net.npz --quiet", r"(--output \w+)\.", "+ \\1", "mxnet", network=sorting
    ),
    "other outputs than were recorded": Remedy(
        "verify net --to onnx --quiet --reference net.npz",
        r"Choose the same ones \(--output\)",
        "+ --output fc",
        "mxnet",
        files={
            "net.npz": lambda path: main(
                [
                    "record",
                    str(path.parent / "net"),
                    "-o",
                    str(path),
                    "--output",
                    "fc",
                    "--samples",
                    "1",
                    "--quiet",
                    "--input",
                    "data=1x3x8x8",
                ]
            )
        },
    ),
    "no number to record": Remedy(
        "record net -o net.npz --quiet --samples 1 --input data=1x1 --seed 4",
        "other inputs \\(--seed",
        "- --seed 4",
        "mxnet",
        network=layer("log"),
    ),
    "no such layers": Remedy(
        "verify net --layers nosuch*", "see `inspect`", "inspect net", "mxnet"
    ),
}

REMEDIES = {**FILES, **OPERATORS, **TO_MXNET, **COMMANDS, **TORCH, **MXNET}

#: Rows that take seconds to follow.
SLOW = ("torch.export of unknown shapes", "no such interpreter")
#: Parts of messages that are tried elsewhere, or recommend nothing -> where, or why.
ELSEWHERE: Dict[str, str] = {
    "choose one with --params FILE": "tests/converters/test_checkpoint_files.py",
    "mxproof convert --float64": "tests/mxproof/test_real_files.py",
    "Say which one it is for: --image": "tests/mxproof/test_chosen_inputs.py",
    "supported with --float16: layers": "recommends nothing",
    "outputs that can be converted (--output)": "a heading of `inspect`; recommends nothing",
    "float64: rounded to float32; --float64 keeps it": "tests/mxproof/test_real_files.py",
    "argument --to: invalid choice": "recommends nothing",
    "its target is computed: ": "the remedy of a row in TO_MXNET",
    "needs opset … or newer": "no operator needs one",
    "holds no decisions": "measures for minutes; tests/mxproof/test_bench.py",
    "--against takes": "measures for minutes; tests/mxproof/test_bench.py",
    "`mxproof convert --exact-batch-norm` avoids that": "tests/operators/test_rounding.py",
    "for a reproducer: ": "tests/mxproof/test_repro_cli.py",
    "the shape of input … is not known": "converting, which comes first, asks in other words",
    "ONNX's reference evaluator (onnx.reference) runs the file": "tests/mxproof/test_real_files.py",
    "what torch.export made of": "a fault of torch; --pt2 is left out as in another row",
}
