"""Reproducers of a small network: stops, float32, the whole network, names, the folder."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Iterator

import numpy as np
import onnx
import pytest

from converters import Node, load_checkpoint, save_checkpoint
from mxproof.compare import compare
from mxproof.repro import Failure, write_reproducers, writer
from mxproof.repro.folder import Folder
from mxproof.repro.piece import Values
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.subject import UsageError
from mxproof.targets import TARGETS, convert
from mxproof.truth import Truth
from tests.converters.networks import Network, small_resnet

from .conftest import names
from .test_repro import Ground, baked, edited, replay, replay_both, reproduce


@pytest.fixture(autouse=True)
def _runtimes(mxnet: MxnetProcess) -> None:
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, which runs one of the targets")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its outputs are the probabilities and what they are made of."""
    net, head = small_resnet()
    path = tmp_path_factory.mktemp("model") / "small"
    save_checkpoint(path, net.symbol(head, net.nodes[head[0]].inputs[0]), net.arrays)
    return path


@pytest.fixture(scope="module")
def small(mxnet: MxnetProcess, prefix: Path) -> Iterator[Ground]:
    """On one sample, and on two."""
    graph = load_checkpoint(prefix)
    model = mxnet.load(prefix, 0, graph)
    random = np.random.default_rng(0)
    shapes = ((1, 3, 8, 6), (2, 3, 6, 8))
    inputs = [random.standard_normal(shape).astype(np.float32) for shape in shapes]
    yield Ground(graph, [model.truth({"data": x}) for x in inputs])
    model.close()


@pytest.mark.parametrize("target", TARGETS)
def test_a_model_that_stops(target: str, small: Ground, tmp_path: Path) -> None:
    """On the second input only: the first has one sample."""
    path = convert(baked("flat", 4)(small.graph), target, tmp_path)[0]
    (found,) = reproduce(small, target, path, tmp_path / "out")
    assert found.test
    with np.load(found.test.parent / "case.npz") as case:
        assert len(case["input0"]) == 2
    file = writer.FILES[target](convert(small.graph, target, tmp_path)[0], "float64")
    out = replay_both(found.test, lambda to: file.cut("flat", Values(small.truths[1]), to))
    assert "AssertionError: Flatten 'flat': stopped with " in out


def shift_onnx(path: Path, up: str) -> None:
    """unit1_relu1 reads (x + up) - up."""
    model = onnx.load(path)
    shift = onnx.numpy_helper.from_array(np.float32(up), "shift")
    model.graph.initializer.append(shift)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        if node.output[0] == "unit1_relu1":
            higher = onnx.helper.make_node("Add", [node.input[0], "shift"], ["higher"])
            lower = onnx.helper.make_node("Sub", ["higher", "shift"], ["lower"])
            node.input[0] = "lower"
            model.graph.node.extend([higher, lower])
        model.graph.node.append(node)
    onnx.save(model, path)


def shift_pytorch(path: Path, up: str) -> None:
    """The same in the class of both units."""
    text = path.read_text()
    assert text.count("F.relu(y)") == 1
    path.write_text(text.replace("F.relu(y)", f"F.relu(y + {up} - {up})"))


@pytest.mark.parametrize("target", TARGETS)
def test_only_in_float32(target: str, small: Ground, tmp_path: Path) -> None:
    """The piece fails as onnxruntime and PyTorch round it; a gentler one passes."""
    path = convert(small.graph, target, tmp_path)[0]
    original = path.read_bytes()
    shift = {"onnx": shift_onnx, "pytorch": shift_pytorch}[target]
    shift(path, "1000")
    exact = TARGETS[target].open(path, "float64")
    assert all(compare(t, exact, small.graph, alone=True).passed for t in small.truths)
    first, *_ = reproduce(small, target, path, tmp_path / "out", "float32")
    assert first.test
    assert first.test.parent.name == f"small-{target}-unit1_relu1-float32"
    path.write_bytes(original)
    shift(path, "0.5")
    file, values = writer.FILES[target](path, "float32"), Values(small.truths[0])
    out = replay_both(first.test, lambda to: file.cut("unit1_relu1", values, to))
    assert "Activation 'unit1_relu1': float32 error" in out
    assert "MXNet's own: " in out


class Thin(Truth):
    """A reference that holds the outputs only, as a recording may."""

    whole = False

    def holds(self, name: str) -> bool:
        return name in ("softmax", "fc")


@pytest.mark.parametrize(
    ("target", "eps", "precision"),
    [("onnx", "1e-3", "-float32"), ("onnx", "2.001e-5", ""), ("pytorch", "2.001e-5", "")],
)
def test_the_whole_network_stands_in(
    target: str,
    eps: str,
    precision: str,
    small: Ground,
    prefix: Path,
    mxnet: MxnetProcess,
    tmp_path: Path,
) -> None:
    """Where layers cannot be fed: in float64, if it does not show in float32."""
    path = convert(edited("unit2_bn1", eps=eps)(small.graph), target, tmp_path)[0]
    model = mxnet.load(prefix, 0, small.graph)
    x = small.truths[1].inputs
    thin = Ground(small.graph, [Thin(x, model.layers(x), model.run(x))])
    model.close()
    (found,) = reproduce(thin, target, path, tmp_path / "out")
    assert found.test, found
    assert found.test.parent.name == f"small-{target}-whole-network{precision}"
    assert str(found) == f"replay: pytest {found.test}  # {found.note}"
    assert found.note.startswith("the whole network: a recording cannot feed 'unit2_bn1' ")
    right = convert(small.graph, target, tmp_path)[0]
    file = writer.FILES[target](right, "float32" if precision else "float64")
    out = replay_both(found.test, file.whole)
    assert "AssertionError: output 'fc': " in out


def test_nothing_fails_by_itself(small: Ground, tmp_path: Path) -> None:
    """As where all layers are a little too noisy: that is said, and nothing is left behind."""
    path = convert(small.graph, "onnx", tmp_path)[0]
    comparison = compare(small.truths[0], TARGETS["onnx"].open(path, "float32"), small.graph)
    for culprits in ((), comparison.checks[4:6]):
        failure = Failure(small.graph, "onnx", path, comparison, culprits, {}, "")
        (found,) = write_reproducers(Folder(tmp_path / "out"), failure, small.truths)
        assert found.test is None
        blamed = "'_plus1', 'unit2_bn1' do not fail alone" if culprits else "no layer is to blame"
        assert str(found).startswith(f"no reproducer: {blamed}")
        assert not (tmp_path / "out").exists()
        assert names(tmp_path) == ["small.onnx"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_layer_that_reads_its_neighbour(target: str, small: Ground, tmp_path: Path) -> None:
    """Its piece reads what it reads in the file; MXNet's own input of it is in the case too."""
    right, wrong = "unit2_relu1", "unit2_bn1"

    def rewired(node: Node) -> Node:
        inputs = tuple(wrong if i == right else i for i in node.inputs)
        return replace(node, inputs=inputs) if node.name == "unit2_conv1" else node

    graph = replace(small.graph, nodes=tuple(map(rewired, small.graph.nodes)))
    path = convert(graph, target, tmp_path)[0]
    (found,) = reproduce(small, target, path, tmp_path / "out")
    assert found.test
    text = found.test.read_text()
    assert f'INPUTS = ["{wrong}"]' in text
    assert f"it reads '{wrong}', in MXNet '{right}'" in " ".join(text.split())
    with np.load(found.test.parent / "case.npz") as case:
        for number, name in enumerate((wrong, right)):
            np.testing.assert_array_equal(case[f"input{number}"], small.truths[0][name].float64)


def test_three_at_most(small: Ground, tmp_path: Path) -> None:
    graph = small.graph
    for layer in ("unit1_relu1", "unit2_relu1"):
        graph = edited(layer, act_type="tanh")(graph)
    for layer in ("unit1_bn1", "unit2_bn1"):
        graph = edited(layer, eps="1e-3")(graph)
    path = convert(graph, "onnx", tmp_path)[0]
    found = reproduce(small, "onnx", path, tmp_path / "out")
    tests = [r.test.parent.name for r in found if r.test]
    assert tests == [f"small-onnx-unit{n}" for n in ("1_bn1", "1_relu1", "2_bn1")]
    assert names(tmp_path / "out") == tests


@pytest.mark.parametrize("target", TARGETS)
def test_names_are_text(target: str, mxnet: MxnetProcess, tmp_path: Path) -> None:
    """A layer's name becomes no code, and leads to no other folder."""
    layer = '../\n"""; raise SystemExit  # {0} \\'
    net = Network()
    x = net.layer("Activation", "a/b'", net.variable("data"), act_type="relu")
    x = net.batch_norm(layer, x, 3, eps=2e-5)
    save_checkpoint(tmp_path / "odd", net.symbol(x), net.arrays)
    graph = load_checkpoint(tmp_path / "odd", inputs={"data": ("N", 3, "H", "W")})
    model = mxnet.load(tmp_path / "odd", 0, graph)
    inputs = {"data": np.ones((1, 3, 4, 4), np.float32)}
    ground = Ground(graph, [model.truth(inputs)])
    model.close()
    path = convert(edited(layer, eps="1e-3")(graph), target, tmp_path)[0]
    (found,) = reproduce(ground, target, path, tmp_path / "out")
    assert found.test and found.test.is_file()
    (folder,) = names(tmp_path / "out")
    assert re.fullmatch(rf"odd-{target}-[A-Za-z0-9_]+", folder)
    code, out = replay(found.test)
    assert code == 1
    assert "1 failed" in out
    assert load_checkpoint(found.test.parent / "layer").nodes[0].name == layer


# The folder.


def test_what_is_there_stays(tmp_path: Path) -> None:
    """But an earlier reproducer of the same layer."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("mine")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "case.npz").write_text("an earlier one")
    for _ in range(2):
        folder = Folder(tmp_path)
        for name in ("a", "b", "b"):
            with folder.building() as built:
                (built / "case.npz").write_text(name)
                folder.keep(built, name)
        assert names(tmp_path) == ["a", "a-2", "b", "b-2"]
        assert names(tmp_path / "a") == ["notes.txt"]
        assert (tmp_path / "b" / "case.npz").read_text() == "b"


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new" / "out")

    def interrupted() -> None:
        with folder.building() as built:
            (built / "case.npz").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for path in (file, file / "below"):
        with pytest.raises(UsageError, match=r"--repro .*file is a file\. Name a folder\."):
            Folder(path)
    assert file.read_text() == "mine"
