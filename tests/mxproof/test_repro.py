"""Reproducers: they fail where nothing of this project is, and pass once the piece is right."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import onnx
import pytest

from converters import Graph, Node, load_checkpoint, save_checkpoint
from fixtures.networks import Network, small_resnet
from mxproof.proof.compare import compare
from mxproof.proof.results import LayerResult, Sums, float32_limits
from mxproof.proof.tolerance import ULP32, Budget, ToleranceOverride
from mxproof.proof.trace import ReferenceTrace
from mxproof.proof.trace_results import TraceResult
from mxproof.reproducers import Failure, Reproducer, write_reproducers, writer
from mxproof.reproducers.folder import Folder
from mxproof.reproducers.writer import TEST
from mxproof.runtimes.base import Array
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS, convert

from .conftest import names

pytestmark = pytest.mark.usefixtures("runtimes")

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
options = ["-p", "no:cacheprovider", "-p", "no:playwright", "-W", "error"]
sys.exit(pytest.main([*options, "--import-mode=importlib", *sys.argv[1:]]))
"""


Mend = Callable[[Path], object]


def replay_both(test: Path, mend: Mend) -> str:
    """The message with which it fails; with the right piece, in a copy, it passes."""
    with pytest.raises(AssertionError) as failure:
        runpy.run_path(str(test))[TEST]()
    mended = shutil.copytree(test.parent, test.parent.with_name("mended"))
    mend(mended)
    runpy.run_path(str(mended / test.name))[TEST]()
    return str(failure.value)


class Ground(NamedTuple):
    """A network, and MXNet's results on some inputs."""

    graph: Graph
    truths: List[ReferenceTrace]

    def right(
        self, target: str, folder: Path, layer: Optional[str] = None, precision: str = "float64"
    ) -> Mend:
        """What writes the piece of a conversion without fault into a folder."""
        path = convert(self.graph, target, folder / "right")[0]
        return lambda to: writer.CUTS[target](path, precision, to, layer, self.truths[-1])

    def compared(self, target: str, path: Path, precision: str) -> TraceResult:
        candidate = TARGETS[target].open(path, precision)
        return reduce(add, (compare(t, candidate, self.graph, alone=True) for t in self.truths))

    def reproduce(self, target: str, plant: Edit, folder: Path) -> List[Reproducer]:
        """Convert with this fault, and do as `mxproof verify --repro out` does in float64."""
        path = convert(plant(self.graph), target, folder / "wrong")[0]
        return self.reproduce_file(target, path, folder / "out")

    def reproduce_file(
        self, target: str, path: Path, out: Path, precision: str = "float64"
    ) -> List[Reproducer]:
        found = self.compared(target, path, precision)
        said = {"mxproof": "0"}, "mxproof verify it"
        failure = Failure(self.graph, target, path, found, found.culprits, *said)
        return write_reproducers(Folder(out), failure, self.truths)


def ground_of(mxnet: MxnetProcess, prefix: Path, graph: Graph, inputs: Sequence[Array]) -> Ground:
    model = mxnet.load(prefix, 0, graph)
    truths = [model.truth({"data": array}) for array in inputs]
    model.close()
    return Ground(graph, truths)


def only_test(found: List[Reproducer]) -> Path:
    """The test of the only reproducer."""
    assert len(found) == 1 and found[0].test, found
    return found[0].test


def changed(layer: str, change: Callable[[Node], Node]) -> Edit:
    """The layer is converted as if it were another."""
    return lambda graph: replace(
        graph, nodes=tuple(change(n) if n.name == layer else n for n in graph.nodes)
    )


def edited(layer: str, **changes: str) -> Edit:
    """The layer is converted as if the symbol had said this."""
    return changed(layer, lambda node: replace(node, attrs={**node.attrs, **changes}))


def baked(shape: str) -> Edit:
    """Flattening is converted as a reshape to a batch of one sample."""
    return changed("flat", lambda node: replace(node, op="Reshape", attrs={"shape": shape}))


def one_ulp(parameter: str) -> Edit:
    """The largest of the parameter's weights is the next float32."""

    def plant(graph: Graph) -> Graph:
        array = graph.params[parameter].copy()
        at = np.abs(array).argmax()
        array.flat[at] = np.nextafter(array.flat[at], np.float32(np.inf))
        return replace(graph, params={**graph.params, parameter: array})

    return plant


@pytest.fixture(scope="module")
def small(mxnet: MxnetProcess, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """On one sample, and on two; its outputs are the probabilities and what they are made of."""
    net, head = small_resnet()
    prefix = tmp_path_factory.mktemp("model") / "small"
    save_checkpoint(prefix, net.symbol(head, net.nodes[head[0]].inputs[0]), net.arrays)
    random = np.random.default_rng(0)
    shapes = ((1, 3, 8, 6), (2, 3, 6, 8))
    inputs = [random.standard_normal(shape).astype(np.float32) for shape in shapes]
    return ground_of(mxnet, prefix, load_checkpoint(prefix), inputs)


#: Layer -> a fault of its conversion.
FAULTS: Dict[str, Edit] = {
    "conv0": edited("conv0", pad="(1,0)"),
    "unit1_bn1": edited("unit1_bn1", fix_gamma="True"),
    "unit1_conv1": one_ulp("unit1_conv1_weight"),
    "unit2_bn1": edited("unit2_bn1", eps="1e-05"),
    "unit2_relu1": edited("unit2_relu1", act_type="softrelu"),
    "fc": one_ulp("fc_weight"),
    "flat": baked("(1, -1)"),
}
Planted = Dict[Tuple[str, str], Path]


@pytest.fixture(scope="module")
def planted(small: Ground, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """(target, layer) -> the test that was written for the fault in that layer."""
    tests = {}
    folder = tmp_path_factory.mktemp("repro")
    for target in TARGETS:
        for layer, plant in FAULTS.items():
            found = small.reproduce(target, plant, folder)
            tests[target, layer] = only_test(found)
            assert str(found[0]) == f"replay: pytest {found[0].test}"
    return tests


def test_each_fails_and_passes_once_its_piece_is_right(
    planted: Planted, small: Ground, tmp_path: Path
) -> None:
    mended = []
    right = {target: convert(small.graph, target, tmp_path)[0] for target in TARGETS}
    for (target, layer), test in planted.items():
        folder = shutil.copytree(test.parent, tmp_path / "mended" / test.parent.name)
        writer.CUTS[target](right[target], "float64", folder, layer, small.truths[1])
        mended.append(folder / test.name)
    tests = map(str, (*planted.values(), *mended))
    command = [sys.executable, "-I", "-B", "-c", ALONE, "-v", *tests]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=120)
    out = done.stdout + done.stderr
    assert f"{len(planted)} failed, {len(mended)} passed" in out and done.returncode == 1, out
    for (_, layer), test in planted.items():
        assert re.search(rf"FAILED \S*{test.name}", out), test.name
        assert re.search(rf"AssertionError: \w+ '{layer}': (\d+ of|has shape)", out), layer
        assert re.search(rf"mended/\S+{test.name}\S+ PASSED", out), test.name


def test_the_layer_is_a_checkpoint_for_mxnet(planted: Planted, mxnet: MxnetProcess) -> None:
    for (_, layer), test in planted.items():
        prefix = test.parent / "layer"
        graph = load_checkpoint(prefix)
        assert [n.name for n in graph.nodes] == [layer]
        with np.load(test.parent / "case.npz") as case:
            inputs = {v.name: case[f"input{i}"] for i, v in enumerate(graph.inputs)}
            model = mxnet.load(prefix, 0, graph)
            found = model.truth(inputs)[layer].float64
            model.close()
            np.testing.assert_allclose(found, case["expected0"], rtol=1e-13)


def test_a_folder_holds_no_more_than_it_needs(planted: Planted) -> None:
    for (target, layer), test in planted.items():
        pieces = ["piece.onnx"] if target == "onnx" else ["piece.py", "piece.safetensors"]
        files = ["case.npz", "layer-0000.params", "layer-symbol.json", *pieces, test.name]
        assert names(test.parent) == sorted(files)
        assert test.parent.name == f"small-{target}-{layer}"
        with np.load(test.parent / "case.npz") as case:
            samples = 2 if layer == "flat" else 1  # only there does one alone not fail
            assert {len(case[k]) for k in ("input0", "expected0")} == {samples}
        if target == "onnx":
            graph = onnx.load(test.parent / "piece.onnx").graph
            assert len(graph.node) <= 3
            assert all(layer in t.name for t in graph.initializer)
            sizes = graph.input[0].type.tensor_type.shape.dim
            assert [s.HasField("dim_value") for s in sizes] == [False] + [True] * (len(sizes) - 1)


def test_a_layer_within_the_limits_has_no_problem() -> None:
    random = np.random.default_rng(0)
    verdicts = set()
    for _ in range(300):
        error, noise, size = random.lognormal(0, 1.5, (3, 5)) * [[1], [0.02], [1 / ULP32**2 / 80]]
        sums, budget = Sums(error, noise, size, 7), Budget(ulps=random.choice([1.0, 4.0, 16.0]))
        layer, channels = float32_limits(sums, budget)
        within = np.sqrt(error.sum() / 35) <= layer and (np.sqrt(error / 7) <= channels).all()
        check = LayerResult("", "", (), 0, 0, 0, None, sums, ToleranceOverride("any", budget))
        assert within == (check.problem is None)
        verdicts.add(within)
    assert verdicts == {True, False}


@pytest.mark.parametrize("target", TARGETS)
def test_a_model_that_stops(target: str, small: Ground, tmp_path: Path) -> None:
    """On the second input only: the first has one sample."""
    test = only_test(small.reproduce(target, baked("(1, 4)"), tmp_path))
    with np.load(test.parent / "case.npz") as case:
        assert len(case["input0"]) == 2
    assert replay_both(test, small.right(target, tmp_path, "flat")).startswith(
        "Flatten 'flat': stopped with "
    )


def shift_onnx(path: Path, up: str) -> None:
    """unit1_relu1 reads (x + up) - up."""
    model = onnx.load(path)
    graph, make = model.graph, onnx.helper.make_node
    graph.initializer.append(onnx.numpy_helper.from_array(np.float32(up), "shift"))
    place, relu = next((i, n) for i, n in enumerate(graph.node) if "unit1_relu1" in n.output)
    graph.node.insert(place, make("Add", [relu.input[0], "shift"], ["higher"]))
    graph.node.insert(place + 1, make("Sub", ["higher", "shift"], ["lower"]))
    graph.node[place + 2].input[0] = "lower"
    onnx.save(model, path)


def shift_pytorch(path: Path, up: str) -> None:
    """The same in the class of both units."""
    text = path.read_text()
    assert text.count("F.relu(y)") == 1
    path.write_text(text.replace("F.relu(y)", f"F.relu(y + {up} - {up})"))


@pytest.mark.parametrize(("target", "shift"), [("onnx", shift_onnx), ("pytorch", shift_pytorch)])
def test_only_in_float32(
    target: str, shift: Callable[[Path, str], None], small: Ground, tmp_path: Path
) -> None:
    """The piece fails as onnxruntime and PyTorch round it; a gentler one passes."""
    path, gentle = (convert(small.graph, target, tmp_path / name)[0] for name in "ab")
    shift(path, "1000")
    shift(gentle, "0.5")
    assert small.compared(target, path, "float64").passed
    first, *_ = small.reproduce_file(target, path, tmp_path / "out", "float32")
    assert first.test
    assert first.test.parent.name == f"small-{target}-unit1_relu1-float32"
    cut = writer.CUTS[target]
    said = replay_both(
        first.test, lambda to: cut(gentle, "float32", to, "unit1_relu1", small.truths[0])
    )
    assert re.match(r"Activation 'unit1_relu1': float32 error \d.*MXNet's own: ", said)


class Thin(ReferenceTrace):
    """A reference that holds the outputs only, as a recording may."""

    whole = False

    def holds(self, name: str) -> bool:
        return name in ("softmax", "fc")


@pytest.mark.parametrize(
    ("target", "eps", "precision"),
    [("onnx", "1e-3", "float32"), ("onnx", "2.001e-5", ""), ("pytorch", "2.001e-5", "")],
)
def test_the_whole_network_stands_in(
    target: str, eps: str, precision: str, small: Ground, tmp_path: Path
) -> None:
    """Where layers cannot be fed: in float64, if it does not show in float32."""
    known = small.truths[1]
    thin = Ground(small.graph, [Thin(known.inputs, known, known.outputs)])
    (found,) = thin.reproduce(target, edited("unit2_bn1", eps=eps), tmp_path)
    assert found.test, found
    name = f"small-{target}-whole-network"
    assert found.test.parent.name == (f"{name}-{precision}" if precision else name)
    assert str(found) == f"replay: pytest {found.test}  # {found.note}"
    assert found.note.startswith("the whole network: a recording cannot feed 'unit2_bn1' ")
    right = small.right(target, tmp_path, None, precision or "float64")
    assert replay_both(found.test, right).startswith("output 'fc': ")


def test_nothing_fails_by_itself(small: Ground, tmp_path: Path) -> None:
    """As where all layers are a little too noisy: that is said, and nothing is left behind."""
    path = convert(small.graph, "onnx", tmp_path)[0]
    comparison = small.compared("onnx", path, "float32")
    for culprits in ((), comparison.checks[4:6]):
        failure = Failure(small.graph, "onnx", path, comparison, culprits, {}, "")
        (found,) = write_reproducers(Folder(tmp_path / "out"), failure, small.truths)
        assert found.test is None
        blamed = "'_plus1', 'unit2_bn1' do not fail alone" if culprits else "no layer is to blame"
        assert str(found).startswith(f"no reproducer: {blamed}")
        assert names(tmp_path) == ["small.onnx"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_layer_that_reads_its_neighbour(target: str, small: Ground, tmp_path: Path) -> None:
    """Its piece reads what it reads in the file; MXNet's own input of it is in the case too."""
    right, wrong = "unit2_relu1", "unit2_bn1"
    rewired = changed(
        "unit2_conv1",
        lambda n: replace(n, inputs=tuple(wrong if i == right else i for i in n.inputs)),
    )
    test = only_test(small.reproduce(target, rewired, tmp_path))
    text = test.read_text()
    assert f'INPUTS = ["{wrong}"]' in text
    assert f"it reads '{wrong}', in MXNet '{right}'" in " ".join(text.split())
    with np.load(test.parent / "case.npz") as case:
        for number, name in enumerate((wrong, right)):
            np.testing.assert_array_equal(case[f"input{number}"], small.truths[0][name].float64)


def test_three_at_most(small: Ground, tmp_path: Path) -> None:
    def plant(graph: Graph) -> Graph:
        for unit in ("unit1", "unit2"):
            graph = edited(f"{unit}_relu1", act_type="tanh")(graph)
            graph = edited(f"{unit}_bn1", eps="1e-3")(graph)
        return graph

    found = Ground(small.graph, small.truths[1:]).reproduce("onnx", plant, tmp_path)
    tests = [r.test.parent.name for r in found if r.test]
    assert tests == [f"small-onnx-unit{n}" for n in ("1_bn1", "1_relu1", "2_bn1")]
    assert list(map(str, found[3:])) == ["no reproducer: 'unit2_relu1': a target gets 3 at a time."]
    assert names(tmp_path / "out") == tests
    read = next(node.inputs[0] for node in small.graph.nodes if node.name == "unit1_bn1")
    with np.load(tmp_path / "out" / tests[0] / "case.npz") as case:
        first = small.truths[1][str(read)].float64[:1]
        np.testing.assert_array_equal(case["input0"], first, "of two samples one is enough")


@pytest.mark.parametrize("target", TARGETS)
def test_names_are_text(target: str, mxnet: MxnetProcess, tmp_path: Path) -> None:
    """A layer's name becomes no code, and leads to no other folder."""
    layer = '../\n"""; raise SystemExit  # {0} \\'
    net = Network()
    x = net.layer("Activation", "a/b'", net.variable("data"), act_type="relu")
    x = net.batch_norm(layer, x, 3, eps=2e-5)
    save_checkpoint(tmp_path / "odd", net.symbol(x), net.arrays)
    graph = load_checkpoint(tmp_path / "odd", inputs={"data": ("N", 3, "H", "W")})
    ground = ground_of(mxnet, tmp_path / "odd", graph, [np.ones((1, 3, 4, 4), np.float32)])
    test = only_test(ground.reproduce(target, edited(layer, eps="1e-3"), tmp_path))
    (folder,) = names(tmp_path / "out")
    assert re.fullmatch(rf"odd-{target}-[A-Za-z0-9_]+", folder)
    assert replay_both(test, ground.right(target, tmp_path, layer)).startswith("BatchNorm '../")
    assert load_checkpoint(test.parent / "layer").nodes[0].name == layer


# The folder.


def test_what_is_there_stays(tmp_path: Path) -> None:
    """But an earlier reproducer of the same layer."""
    for folder, file in (("a", "notes.txt"), ("b", "case.npz")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text("an earlier one")
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
    def interrupted() -> None:
        with Folder(tmp_path / "new" / "out").building() as built:
            (built / "case.npz").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == []
