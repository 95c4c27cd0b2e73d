"""Files as people hold them: any script, NumPy's shapes, float64, Gluon's structural names."""

from __future__ import annotations

import io
import json
import runpy
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from converters import load_checkpoint, save_checkpoint
from converters.mxnet_format.checkpoint_files import params_path
from converters.mxnet_format.params import save_params
from converters.mxnet_format.structural_names import _in_turn
from fixtures.networks import Network
from mxproof.runtimes.mxnet.client import MxnetProcess

from .conftest import Refuse, Run, Succeed

pytestmark = pytest.mark.usefixtures("runtimes")
#: What the refusal tells its reader to run.
REMEDY = "net.load_parameters({!r}); net.hybridize(); net(x); net.export('exported')"
SCRIPT = """
import numpy
numpy.bool = bool
import os, sys
import mxnet as mx
from mxnet import npx
from mxnet.gluon import nn
os.chdir(sys.argv[1])

class Unclear(nn.HybridBlock):
    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.second, self.first = nn.Dense(4, in_units=4), nn.Dense(4, in_units=4)

    def hybrid_forward(self, F, x):
        return self.second(self.first(x))

def plain():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(), nn.PReLU(), nn.Conv2D(4, 3), nn.BatchNorm())
    net.add(*(nn.Dense(n) for n in (6, 6, 6, 5)))
    return net

for name, net, x in (("plain", plain(), mx.nd.ones((1, 3, 8, 8))), ("unclear", Unclear(), mx.nd.ones((1, 4)))):
    net.initialize(mx.init.Normal(0.5))
    net.hybridize()
    net(x)
    net.export(name + "_named")
    net(mx.sym.var("data")).save(name + "-symbol.json")
    net.save_parameters(name + "-0000.params")
net = Unclear()
REMEDY
npx.set_np()
net = nn.HybridSequential()
net.add(nn.Conv2D(4, 3, in_channels=3), nn.BatchNorm(), nn.Activation("relu"), nn.GlobalAvgPool2D(), nn.Dense(5))
net.initialize()
net.hybridize()
net(mx.np.ones((1, 3, 8, 8)))
net.export("np")
"""  # noqa: E501


@pytest.fixture(scope="module")
def gluon(mxnet: MxnetProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gluon")
    script = SCRIPT.replace("REMEDY", REMEDY.format("unclear-0000.params"))
    command = [mxnet.python, "-W", "ignore", "-c", script, str(folder)]
    subprocess.run(command, check=True, timeout=120)
    return folder


NAMES = ("données", "conv_é", "激活\x01/\t\"'\\", "🏊", "плоский", "fc\u2028")


def test_names_in_any_script(succeed: Succeed, run: Run, tmp_path: Path) -> None:
    """MXNet takes them, and its reader knows no escapes by number; every file that is written has
    them, and a terminal that cannot show them does not stop a command."""
    net, (given, *layers) = Network(), NAMES
    x = net.convolution(layers[0], net.variable(given), 3, 4)
    x = net.layer("Activation", layers[1], x, act_type="relu")
    x = net.layer("Pooling", layers[2], x, global_pool=True, pool_type="avg", kernel=(7, 7))
    x = net.layer("Flatten", layers[3], x)
    weight = net.parameter(f"{layers[4]}_weight", 5, 4)
    x = net.layer("FullyConnected", layers[4], x, weight, num_hidden=5, no_bias=True)
    prefix = tmp_path / "сеть é"
    save_checkpoint(prefix, net.symbol(x), net.arrays)
    record, summary = tmp_path / "é.json", tmp_path / "é.md"
    options = ["--input", f"{given}=1x3x8x8", "--samples", 1, "--layers", "*"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        assert run("verify", prefix, *options, "--json", record, "--markdown", summary).code == 0
    proven = json.loads(record.read_text(encoding="utf-8"))["targets"]["onnx"]["layers"]
    assert [row["name"] for row in proven] == layers
    assert "сеть é" in summary.read_text(encoding="utf-8")
    succeed("convert", prefix, "-o", tmp_path, "--no-verify")
    np.save(tmp_path / "x.npy", np.ones((1, 3, 8, 8), "f4"))
    for model in (prefix, tmp_path / "сеть é.onnx", tmp_path / "сеть é.py"):
        assert "fc\\u2028" in succeed("run", model, "--npy", f"{given}={tmp_path / 'x.npy'}")


def test_arrays_without_axes_or_numbers(succeed: Succeed, tmp_path: Path) -> None:
    """NumPy's shapes have them: a factor of shape (), and rows of which there are none."""
    net = Network()
    factor = net.variable("factor", np.array(2.5, np.float32))
    rows = net.variable("rows", np.zeros((0, 4), np.float32))
    x = net.layer("broadcast_mul", "scaled", net.variable("data"), factor)
    x = net.layer("Concat", "joined", x, rows, dim=0, num_args=2)
    weight = net.parameter("fc_weight", 3, 4)
    x = net.layer("FullyConnected", "fc", x, weight, num_hidden=3, no_bias=True)
    save_checkpoint(tmp_path / "net", net.symbol(x), {})
    save_params(tmp_path / "net-0000.params", net.arrays, version=3)
    succeed("verify", tmp_path / "net", "--input", "data=2x4", "--samples", 1)


def doubled(folder: Path) -> Path:
    """A network in float64, of which a layer and an input say so."""
    net = Network()
    x = net.layer("Cast", "cast", net.variable("data", __dtype__="1"), dtype="float64")
    x = net.convolution("conv", x, 3, 4)
    x = net.batch_norm("norm", x, 4, fix_gamma=False)
    arrays = {n: a.astype(np.float64) * (1 + 1e-9) for n, a in net.arrays.items()}
    save_checkpoint(folder / "net", net.symbol(x), arrays)
    return folder / "net"


def test_float64_becomes_float32(succeed: Succeed, tmp_path: Path) -> None:
    """What is proven is the network of rounded numbers, in MXNet as in the files."""
    prefix = doubled(tmp_path)
    said = succeed("convert", prefix, "-o", tmp_path, "--input", "data=1x3x8x8", "--samples", 1)
    assert "float64: rounded to float32; --float64 keeps it" in said
    assert "proven equal to MXNet" in said
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    assert session.get_inputs()[0].type == session.get_outputs()[0].type == "tensor(float)"


def test_float64_is_kept(succeed: Succeed, tmp_path: Path, mxnet: MxnetProcess) -> None:
    """On request, and where it runs is said, and so."""
    prefix, shape = doubled(tmp_path), ("--input", "data=1x3x8x8")
    said = succeed("convert", prefix, "-o", tmp_path, *shape, "--float64")
    assert (
        "float64, onnx: onnxruntime does not run it (Could not find an implementation for Conv"
        in said
    )
    assert "(onnx.reference) runs the file" in said
    assert "float64, pytorch: torch runs it." in said
    data = np.random.default_rng(0).standard_normal((1, 3, 8, 8))
    graph = load_checkpoint(prefix, double=True)
    exact = mxnet.load(prefix, 0, graph).run({"data": data}, "float64")[0]
    found = ReferenceEvaluator(str(tmp_path / "net.onnx")).run(None, {"data": data})[0]
    module = runpy.run_path(str(tmp_path / "net.py"))["load"]()
    import torch

    for ours in (found, module(torch.from_numpy(data)).detach().numpy()):
        assert ours.dtype == exact.dtype == np.float64
        np.testing.assert_allclose(ours, exact, rtol=0, atol=1e-13)


def test_numbers_beyond_float32(refuse: Refuse, succeed: Succeed, tmp_path: Path) -> None:
    prefix = doubled(tmp_path)
    arrays = dict(load_checkpoint(prefix, double=True).params)
    save_params(params_path(prefix), {**arrays, "norm_beta": np.full(4, 1e39)})
    said = refuse("convert", prefix, "-o", tmp_path)
    assert "beyond 3.4e+38, where float32 ends: 'norm_beta'; keep them: mxproof" in said
    succeed("convert", prefix, "-o", tmp_path, "--float64")


def test_numpy_shapes(succeed: Succeed, gluon: Path) -> None:
    """MXNet loads such a file under NumPy's shape semantics only."""
    succeed("verify", gluon / "np", "--input", "data=1x3x8x8", "--samples", 1)


def test_structural_names_that_tell(succeed: Succeed, gluon: Path) -> None:
    """Each array has the name under which Gluon exports it; and MXNet is given the same."""
    graph, named = (load_checkpoint(gluon / name) for name in ("plain", "plain_named"))
    assert dict(graph.renamed)["1.running_var"] == "batchnorm0_running_var"
    assert list(graph.params) == list(named.params)
    for name, array in named.params.items():
        np.testing.assert_array_equal(graph.params[name], array)
    succeed("verify", gluon / "plain", "--input", "data=1x3x8x8", "--samples", 1)


def test_structural_names_that_do_not_tell(
    refuse: Refuse, succeed: Succeed, gluon: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two layers that could be exchanged: the file has them in the other order. What the message
    says was run, and gives the right ones."""
    monkeypatch.chdir(gluon)
    said = refuse("inspect", "unclear")
    assert "'second', 'first' in the file, 'unclear0_dense1', 'unclear0_dense0' in" in said
    assert REMEDY.format("unclear-0000.params") in said
    succeed("inspect", "exported")
    exported, named = (
        list(load_checkpoint(n).params.values()) for n in ("exported", "unclear_named")
    )
    assert all(map(np.array_equal, exported, named))


@pytest.mark.parametrize(
    ("places", "blocks", "expected"),
    [
        (["1"], ["anything"], ["1"]),
        (["f.2", "f.10"], ["net0_dense9", "net0_dense10"], ["f.2", "f.10"]),
        (["f.10", "f.2"], ["dense0", "dense1"], ["f.2", "f.10"]),
        (["f.2", "f.3"], ["dense1", "dense0"], None),  # read in another order than they were made
        (["f.2", "f.3"], ["dense0", "other1"], None),  # counted apart
        (["f.2", "g.3"], ["dense0", "dense1"], None),  # of two parents
        (["f.2", "f.2.3"], ["dense0", "dense1"], None),
        (["conv1", "conv2"], ["conv0", "conv1"], None),  # attributes: made in any order
        (["f.0.1", "f.1.0"], ["conv0", "conv1"], None),
        (["f.0", "f.1", "f.2"], ["conv0", "conv1"], None),
    ],
)
def test_turns(places: list, blocks: list, expected: object) -> None:
    assert _in_turn(places, blocks) == expected
