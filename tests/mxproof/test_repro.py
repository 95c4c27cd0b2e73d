"""Reproducers: they fail where nothing of this project is, and pass once the piece is right."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Tuple, Union

import numpy as np
import onnx
import pytest

from converters import Graph, Node, load_checkpoint
from mxproof.compare import compare
from mxproof.repro import Failure, Reproducer, write_reproducers, writer
from mxproof.repro.folder import Folder
from mxproof.repro.piece import Values
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.subject import load_subject
from mxproof.targets import TARGETS, convert
from mxproof.tolerance import ULP32, Budget, Deviation
from mxproof.truth import Truth
from mxproof.verdict import Check, Sums, float32_limits

from .conftest import names

Edit = Callable[[Graph], Graph]

#: Python that finds nothing of this project and no MXNet, and runs pytest.
ALONE = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("mxnet", "mxproof", "converters", "fixtures", "safetensors"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Absent())
import pytest
sys.exit(pytest.main(["-p", "no:cacheprovider", "-W", "error", *sys.argv[1:]]))
"""


@pytest.fixture(autouse=True)
def _runtimes(mxnet: MxnetProcess) -> None:
    pytest.importorskip("torch", reason="needs PyTorch, which runs one of the targets")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, which runs one of the targets")


def replay(*tests: Union[str, Path]) -> Tuple[int, str]:
    """(exit code, output) of pytest on these files."""
    command = [sys.executable, "-I", "-B", "-c", ALONE, "-v", *map(str, tests)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=120)
    return done.returncode, done.stdout + done.stderr


def replay_both(test: Path, mend: Callable[[Path], object]) -> str:
    """The output where it failed. With its piece mended, in a copy of its folder, it passed."""
    right = shutil.copytree(test.parent, test.parent.with_name("mended"))
    mend(right)
    code, out = replay("--import-mode=importlib", test, right / test.name)
    assert (code, "1 failed, 1 passed" in out) == (1, True), out
    assert re.search(r"mended/\S+ PASSED", out)
    return out


class Ground(NamedTuple):
    """A network, and MXNet's results on some inputs."""

    graph: Graph
    truths: List[Truth]


def reproduce(
    ground: Ground,
    target: str,
    converted: Path,
    folder: Path,
    precision: str = "float64",
) -> List[Reproducer]:
    """As `mxproof verify` does, in one precision."""
    candidate = TARGETS[target].open(converted, precision)
    parts = (compare(t, candidate, ground.graph, alone=True) for t in ground.truths)
    comparison = reduce(add, parts)
    failure = Failure(
        *(ground.graph, target, converted, comparison, comparison.culprits),
        versions={"mxproof": "0"},
        command="mxproof verify it",
    )
    return write_reproducers(Folder(folder), failure, ground.truths)


def edited(layer: str, **changes: str) -> Edit:
    """The layer is converted as if the symbol had said this."""

    def edit(node: Node) -> Node:
        return replace(node, attrs={**node.attrs, **changes}) if node.name == layer else node

    return lambda graph: replace(graph, nodes=tuple(map(edit, graph.nodes)))


def one_ulp(parameter: str) -> Edit:
    """The largest of the parameter's weights is the next float32."""

    def plant(graph: Graph) -> Graph:
        array = graph.params[parameter].copy()
        at = np.unravel_index(np.abs(array).argmax(), array.shape)
        array[at] = np.nextafter(array[at], np.float32(np.inf))
        return replace(graph, params={**graph.params, parameter: array})

    return plant


def baked(layer: str, columns: int) -> Edit:
    """The layer is converted for a batch of one sample."""

    def edit(node: Node) -> Node:
        shaped = replace(node, op="Reshape", attrs={"shape": f"(1, {columns})"})
        return shaped if node.name == layer else node

    return lambda graph: replace(graph, nodes=tuple(map(edit, graph.nodes)))


#: Layer -> a fault of its conversion. In ResNet-18, so that there are blocks with arguments.
FAULTS: Dict[str, Edit] = {
    "bn_data": edited("bn_data", fix_gamma="False"),
    "stage1_unit1_conv1": edited("stage1_unit1_conv1", pad="(1,0)"),
    "stage2_unit1_bn1": edited("stage2_unit1_bn1", eps="1e-05"),
    "stage3_unit1_sc": one_ulp("stage3_unit1_sc_weight"),
    "stage3_unit2_conv2": one_ulp("stage3_unit2_conv2_weight"),
    "relu1": edited("relu1", act_type="softrelu"),
    "flatten0": baked("flatten0", -1),
}


@pytest.fixture(scope="module")
def resnet18(mxnet: MxnetProcess) -> Iterator[Ground]:
    subject = load_subject("resnet18", weights="seeded")
    model = mxnet.load(subject.prefix, 0, subject.graph)
    yield Ground(subject.graph, [model.truth(subject.inputs({"data": (2, 3, 32, 32)}))])
    model.close()


@pytest.fixture(scope="module")
def planted(
    resnet18: Ground, tmp_path_factory: pytest.TempPathFactory
) -> Dict[Tuple[str, str], Path]:
    """(target, layer) -> the test that was written for the fault in that layer."""
    tests = {}
    out = tmp_path_factory.mktemp("repro")
    for target in TARGETS:
        for number, (layer, plant) in enumerate(FAULTS.items()):
            folder = out / f"{target}{number}"
            path = convert(plant(resnet18.graph), target, folder)[0]
            (found,) = reproduce(resnet18, target, path, out)
            assert found.test, found
            assert str(found) == f"replay: pytest {found.test}"
            tests[target, layer] = found.test
            shutil.rmtree(folder)
    return tests


def test_each_replays_as_failing(planted: Dict[Tuple[str, str], Path]) -> None:
    code, out = replay(*planted.values())
    assert code == 1, out
    assert f"{len(planted)} failed" in out
    assert "passed" not in out
    for (_, layer), test in planted.items():
        assert re.search(rf"FAILED \S*{test.name}", out), test.name
        assert re.search(rf"AssertionError: \w+ '{layer}': (\d+ of|has shape)", out), layer


def test_one_by_itself(planted: Dict[Tuple[str, str], Path]) -> None:
    code, out = replay(planted["onnx", "stage2_unit1_bn1"])
    assert code == 1
    assert "1 failed" in out
    assert "BatchNorm 'stage2_unit1_bn1': 8192 of 8192 values" in out or "4096 of 4096" in out


def test_each_passes_once_the_piece_is_right(
    planted: Dict[Tuple[str, str], Path], resnet18: Ground, tmp_path: Path
) -> None:
    right = {t: convert(resnet18.graph, t, tmp_path / t)[0] for t in TARGETS}
    tests = []
    for (target, layer), test in planted.items():
        folder = shutil.copytree(test.parent, tmp_path / test.parent.name)
        file = writer.FILES[target](right[target], "float64")
        file.cut(layer, Values(resnet18.truths[0]), folder)
        tests.append(folder / test.name)
    code, out = replay(*tests)
    assert code == 0, out
    assert f"{len(tests)} passed" in out


def test_the_layer_is_a_checkpoint_for_mxnet(
    planted: Dict[Tuple[str, str], Path], mxnet: MxnetProcess
) -> None:
    for (_, layer), test in planted.items():
        prefix = test.parent / "layer"
        graph = load_checkpoint(prefix)
        assert [n.name for n in graph.nodes] == [layer]
        with np.load(test.parent / "case.npz") as case:
            inputs = {v.name: case[f"input{i}"] for i, v in enumerate(graph.inputs)}
            model = mxnet.load(prefix, 0, graph)
            truth = model.truth(inputs)
            np.testing.assert_allclose(truth[layer].float64, case["expected0"], rtol=1e-13)
            model.close()


def test_a_folder_holds_no_more_than_it_needs(planted: Dict[Tuple[str, str], Path]) -> None:
    for (target, layer), test in planted.items():
        pieces = ["piece.onnx"] if target == "onnx" else ["piece.py", "piece.safetensors"]
        files = ["case.npz", "layer-0000.params", "layer-symbol.json", *pieces, test.name]
        assert names(test.parent) == sorted(files)
        assert test.parent.name == f"resnet18-{target}-{layer}"
        with np.load(test.parent / "case.npz") as case:
            samples = 2 if layer == "flatten0" else 1  # only there does one alone not fail
            assert {len(case[k]) for k in ("input0", "expected0")} == {samples}
        if target == "onnx":
            graph = onnx.load(test.parent / "piece.onnx").graph
            assert len(graph.node) <= 3
            assert all(layer in t.name for t in graph.initializer)


def test_blocks_are_resolved(planted: Dict[Tuple[str, str], Path]) -> None:
    """Classes with arguments become one class without."""
    expected = {
        "stage3_unit1_sc": "nn.Conv2d(128, 256, kernel_size=(1, 1), stride=(2, 2), bias=False)",
        "stage3_unit2_conv2": "nn.Conv2d(256, 256, kernel_size=(3, 3), padding=(1, 1), bias=False)",
    }
    for layer, call in expected.items():
        text = (planted["pytorch", layer].parent / "piece.py").read_text()
        (cls,) = (n for n in ast.parse(text).body if isinstance(n, ast.ClassDef))
        made = [n for n in ast.walk(cls) if isinstance(n, ast.Assign)]
        assert ast.unparse(made[0].value) == call
        assert len(made) == 2, "its constructor and its call"


def test_a_layer_within_the_limits_has_no_problem() -> None:
    random = np.random.default_rng(0)
    verdicts = set()
    for _ in range(300):
        error, noise, size = random.lognormal(0, 1.5, (3, 5)) * [[1], [0.02], [1 / ULP32**2 / 80]]
        sums, budget = Sums(error, noise, size, 7), Budget(ulps=random.choice([1.0, 4.0, 16.0]))
        layer, channels = float32_limits(sums, budget)
        within = np.sqrt(error.sum() / 35) <= layer and (np.sqrt(error / 7) <= channels).all()
        check = Check("", "", (), 0, 0, 0, None, sums, Deviation("any", budget))
        assert within == (check.problem is None)
        verdicts.add(within)
    assert verdicts == {True, False}
