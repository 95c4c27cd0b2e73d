"""ONNX -> MXNet: the symbol and its arrays, and what is refused. Needs no MXNet.

That the numbers are MXNet's is shown in tests/mxproof/test_mxnet_back.py. Here what comes back is
converted to ONNX again, and ONNX's reference evaluator computes both.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, List

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from converters import (
    SUPPORTED_OPSETS,
    CheckpointError,
    Graph,
    ShapeError,
    UnsupportedError,
    load_checkpoint,
    save_onnx,
    to_onnx,
)
from converters.onnx.importer.registry import onnx_operator
from converters.onnx.to_mxnet import MxnetModel, from_onnx, save_mxnet
from fixtures.networks import Network, evaluate, noise, onnx_model, proto, resnet

from .test_onnx_model import idle, sequence

OPSETS = (SUPPORTED_OPSETS[0], 17, 21, SUPPORTED_OPSETS[-1])
NAMES = ['a "quoted"\nname', "../../etc", "ünï", "</script>"]


def named() -> Graph:
    """Layers of any names, the last of two outputs: the first is called as the layer."""
    net = Network()
    value = net.variable("data")
    for name in NAMES:
        value = net.layer("Activation", name, value, act_type="tanh")
    parts = net.layer("SliceChannel", "parts", value, num_outputs=2)
    return net.graph(parts, (parts[0], 1), inputs={"data": ("N", 4)})


#: Networks that come back, and the shape of their data.
BUILDS = {resnet: (2, 3, 9, 8), sequence: (2, 6, 8), idle: (4, 3), named: (2, 4)}
#: Layers that are another operator of the same function afterwards.
OTHERS = {"softmax": "softmax", "dense": "broadcast_add", "first": "_copy", "last": "_copy"}


def layers(model: MxnetModel) -> List[str]:
    return [node.name for node in model.symbol.nodes if not node.is_variable]


def again(model: MxnetModel, folder: Path) -> Graph:
    save_mxnet(model, folder / "back", 3)
    return load_checkpoint(folder / "back", 3, inputs=model.inputs)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
@pytest.mark.parametrize("opset", OPSETS)
def test_layers_arrays_and_numbers_come_back(
    build: Callable[[], Graph], opset: int, tmp_path: Path
) -> None:
    graph = build()
    model = from_onnx(to_onnx(graph, opset=opset))
    back = again(model, tmp_path)
    layers = {node.name: OTHERS.get(node.name, node.op) for node in graph.nodes}
    assert [(n.name, n.op) for n in back.nodes if n.name in layers] == list(layers.items())
    for node in graph.nodes:
        if node.op in ("BatchNorm", "Convolution"):
            assert back.operators[node.name] == graph.operators[node.name]
    assert back.outputs == graph.outputs
    assert model.inputs == {"data": graph.inputs[0].shape}
    assert model.symbol.version == 10901
    assert model.arrays.keys() == {
        f"{'aux' if 'moving' in name else 'arg'}:{name}" for name in graph.params
    }
    for key, array in model.arrays.items():
        assert np.array_equal(graph.params[key[4:]], array), key
    x = noise(*BUILDS[build])
    for found, expected in zip(evaluate(proto(back), data=x), evaluate(proto(graph), data=x)):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_file_a_proto_and_a_model_are_the_same(tmp_path: Path) -> None:
    model = to_onnx(resnet())
    save_onnx(model, tmp_path / "net.onnx")
    first = from_onnx(model)
    for source in (tmp_path / "net.onnx", str(tmp_path / "net.onnx"), ir.to_proto(model)):
        other = from_onnx(source)
        assert other.symbol == first.symbol
        assert other.arrays.keys() == first.arrays.keys()


def test_an_input_of_whole_numbers_says_so(tmp_path: Path) -> None:
    node = helper.make_node("Gather", ["table", "x"], ["y"])
    model = onnx_model([node], ["N"], {"table": noise(5, 2)}, dtype=np.int64)
    assert again(from_onnx(model), tmp_path).types["x"] == "int64"


def test_one_array_can_be_a_parameter_and_a_state(tmp_path: Path) -> None:
    """MXNet's auxiliary states are no arguments: such an array is stored twice."""
    norm = helper.make_node("BatchNormalization", ["x", "a", "a", "a", "v"], ["y"])
    one = np.ones(3, np.float32)
    model = from_onnx(onnx_model([norm], arrays={"a": one, "v": one + 1}))
    assert sorted(model.arrays) == ["arg:a", "aux:a_1", "aux:v"]
    again(model, tmp_path)


@pytest.mark.parametrize(
    ("shape", "target", "codes"),
    [
        (("N", 3, "H", "W"), [0, -1], [("0, -1", "")]),
        (("N", 3, "H", "W"), ["N", 3, "H*W"], [("0, 0, -1", "")]),
        (("N", 3, "H", "W"), ["N*3", "H", "W"], [("-1, 0, 0", "True")]),
        (("N", 6, "H", "W"), ["N", 2, 3, "H", "W"], [("-1, 2, 3, 0, 0", "True")]),
        (("N", 6, "H", "W"), ["N*2", 3, "H*W"], None),
        ((2, 3, 4, 5), [6, 20], [("6, 20", "")]),
    ],
)
def test_free_sizes_become_codes(shape: Any, target: Any, codes: Any, tmp_path: Path) -> None:
    """A target of the input's own sizes, multiplied with numbers as exporters do it."""
    nodes, parts, arrays = [helper.make_node("Shape", ["x"], ["s"])], [], {}
    for k, entry in enumerate(target):
        names = str(entry).split("*")
        arrays[f"n{k}"] = np.array([int(n) for n in names if n not in shape] or [1])
        arrays[f"i{k}"] = np.array([shape.index(n) for n in names if n in shape], np.int64)
        nodes.append(helper.make_node("Gather", ["s", f"i{k}"], [f"g{k}"]))
        nodes.append(helper.make_node("ReduceProd", [f"g{k}"], [f"p{k}"]))
        nodes.append(helper.make_node("Mul", [f"p{k}", f"n{k}"], [f"c{k}"]))
        parts.append(f"c{k}")
    nodes.append(helper.make_node("Concat", parts, ["t"], axis=0))
    nodes.append(helper.make_node("Reshape", ["x", "t"], ["y"]))
    source = onnx_model(nodes, shape, arrays)
    model = from_onnx(source)
    found = [
        (n.attrs["shape"][1:-1], n.attrs.get("reverse", ""))
        for n in model.symbol.nodes
        if n.op == "Reshape"
    ]
    assert codes is None or found == codes
    sizes = {"N": 2, "H": 4, "W": 5}
    x = noise(*(sizes.get(d, d) for d in shape))
    expected = evaluate(source, x=x)[0]
    assert np.array_equal(evaluate(proto(again(model, tmp_path)), x=x)[0], expected)


def test_sizes_that_are_numbers_leave_nothing_to_compute() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Expand", ["c", "s"], ["e"]),
        helper.make_node("Add", ["x", "e"], ["y"]),
    ]
    model = onnx_model(nodes, arrays={"c": np.ones((1, 3, 1, 1), np.float32)})
    assert "broadcast_like" in [n.op for n in from_onnx(model).symbol.nodes]
    fixed = from_onnx(model, inputs={"x": (1, 3, 4, 5)})
    assert layers(fixed) == ["y"]
    assert fixed.inputs == {"x": (1, 3, 4, 5)}


BODY = helper.make_graph([], "body", [], [])


def refused(*nodes: onnx.NodeProto, **more: Any) -> UnsupportedError:
    with pytest.raises(UnsupportedError) as caught:
        from_onnx(onnx_model(nodes, **more))
    return caught.value


def test_all_that_is_unsupported_is_listed_at_once() -> None:
    error = refused(
        helper.make_node("Hardmax", ["x"], ["a"]),
        helper.make_node("If", ["x"], ["i"], then_branch=BODY, else_branch=BODY),
        helper.make_node("FancyOp", ["a"], ["b"], domain="com.example"),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("MaxPool", ["x"], ["d"], kernel_shape=[2, 2], dilations=[2, 2]),
        helper.make_node("Add", ["c", "d"], ["y"]),
    )
    assert error.problems == (
        "Hardmax 'a': Hardmax has no way to MXNet.",
        "If 'i': If has no way to MXNet.",
        "FancyOp 'b': com.example::FancyOp has no way to MXNet.",
        "MaxPool 'd': dilations=(2, 2); supported in MXNet: 1.",
    )


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (helper.make_node("Relu", ["x"], ["y"], slope=1), "attribute slope is not known"),
        (helper.make_node("ArgMax", ["x"], ["y"], select_last_index=1), "index=1; supported: 0"),
        (helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=1, mode="CRD"), "supported: DCR"),
        (helper.make_node("Relu", ["x", "x"], ["y"]), "has 2 inputs; supported: 1"),
        (helper.make_node("Relu", ["ghost"], ["y"]), "reads 'ghost', which nothing before it"),
        (helper.make_node("Relu", ["x"], ["z"]), "Output 'y': nothing makes it"),
        (helper.make_node("Concat", ["x", "x"], ["y"]), "its inputs and attributes do not fit"),
        (helper.make_node("MaxPool", ["x"], ["y", "i"], kernel_shape=[2, 2]), "2 outputs are read"),
        (helper.make_node("Cast", ["x"], ["y"], to=TensorProto.STRING), "to=8; supported"),
        (helper.make_node("Reshape", ["x", "x"], ["y"]), "its sizes are computed from numbers"),
        (helper.make_node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER"), "auto_pad=SAME_UPPER"),
        (helper.make_node("Conv", ["x", "w"], ["y"], pads=[1]), "pads=.* do not fit"),
    ],
    ids=lambda v: v.op_type if isinstance(v, onnx.NodeProto) else "",
)
def test_misfits_are_refused_in_words(node: onnx.NodeProto, words: str) -> None:
    error = refused(node, arrays={"w": noise(2, 3, 3, 3)})
    assert len(error.problems) == 1
    assert re.search(words, error.problems[0]), error.problems[0]


@pytest.mark.parametrize("kernel", [2, 3])
def test_windows_that_may_begin_in_the_padding_need_a_size(kernel: int) -> None:
    """ONNX leaves such a window out, MXNet does not: 5 + 2 of stride 2 has one, 6 + 2 none."""
    pads = [1, 1, 1, 1]
    node = helper.make_node(
        "MaxPool", ["x"], ["y"], kernel_shape=[kernel] * 2, strides=[2, 2], pads=pads, ceil_mode=1
    )
    if kernel == 3:  # 1 + 2 <= 3: none can
        assert layers(from_onnx(onnx_model([node]))) == ["y"]
        return
    assert "where MXNet and ONNX may differ; supported: a known size" in str(refused(node))
    for size, operators in ((5, 3), (6, 1)):
        model = from_onnx(onnx_model([node]), inputs={"x": (1, 3, size, size)})
        assert len(layers(model)) == operators


def test_an_opset_that_is_too_old_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"opset 12; supported: 13 to .*version_converter"):
        from_onnx(onnx_model([helper.make_node("Relu", ["x"], ["y"])], opset=12))
    gelu = helper.make_node("Gelu", ["x"], ["y"])
    assert refused(gelu, opset=19).problems == ("Gelu 'y': Gelu is no operator of opset 19.",)


def test_inputs_are_checked() -> None:
    model = onnx_model([helper.make_node("Relu", ["x"], ["y"])])
    with pytest.raises(ShapeError, match="data: no such input; there are: x"):
        from_onnx(model, inputs={"data": (1, 3, 4, 4)})
    with pytest.raises(ShapeError, match="got 1x4x4x4; the model has Nx3xHxW"):
        from_onnx(model, inputs={"x": (1, 4, 4, 4)})


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"no model", b'{"nodes": []}'])
def test_what_is_no_onnx_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"net\.onnx: is no ONNX model.*Export it again"):
        from_onnx(path)
    with pytest.raises(CheckpointError, match="no such file"):
        from_onnx(tmp_path / "other.onnx")


def test_external_data_that_is_missing_is_named(tmp_path: Path) -> None:
    model = ir.to_proto(to_onnx(resnet()))
    onnx.save(
        model, tmp_path / "net.onnx", save_as_external_data=True, location="w", size_threshold=0
    )
    assert from_onnx(tmp_path / "net.onnx").arrays
    (tmp_path / "w").unlink()
    with pytest.raises((UnsupportedError, CheckpointError), match="conv0_weight|net.onnx"):
        from_onnx(tmp_path / "net.onnx")


def test_an_operator_declared_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'Conv' is declared twice: in .*convolution and in"):
        onnx_operator("Conv")(lambda b, x: x)
