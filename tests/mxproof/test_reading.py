"""What the converters read, against what libmxnet reads from the same files."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest

from converters import CheckpointError
from converters.mxnet_format.params import load_params, save_params
from converters.mxnet_format.symbol import Symbol, load_symbol, symbol_to_json
from fixtures.networks import Network
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.zoo.i3d import i3d_symbol
from mxproof.zoo.resnet import resnet_symbol
from tests.converters.test_params import ARRAYS

#: Run in a folder: libmxnet reads *.json and *.params, and writes the arrays of two .npz files.
READ_AND_WRITE = """
import glob, mxnet as mx, numpy as np
for name in glob.glob("*.json"):
    open(name + ".upgraded", "w").write(mx.sym.load(name).tojson())
for name in glob.glob("*.params"):
    np.savez(name + ".npz", **{k: v.asnumpy() for k, v in mx.nd.load(name).items()})
arrays = np.load("arrays.npz")
theirs = {k: mx.nd.array(arrays[k], dtype=arrays[k].dtype) for k in arrays.files}
dense = mx.nd.array(np.load("sparse.npy"))
sparse = {k: dense.tostype(k) for k in ("row_sparse", "csr", "default")}
mx.nd.waitall()
mx.nd.save("theirs", theirs)
mx.nd.save("sparse", sparse)
"""


def named() -> Symbol:
    """Names in any script."""
    net = Network()
    x = net.layer("Flatten", 'été/層 "1" \\', net.variable("données"))
    return net.symbol(net.layer("Flatten", "Ω", x))


MADE: Dict[str, Callable[[], Symbol]] = {
    "resnet18": lambda: resnet_symbol(18),  # as before 0.9
    "resnet50": lambda: resnet_symbol(50),
    "i3d": i3d_symbol,
    "names": named,
}
REAL = ["mnet.25-symbol", "cifar_resnet20_v1-symbol", "cifar_resnet20_v2-symbol", "save_000800"]
PARAMS = ["mnet.25-0000.params", "cifar_resnet20_v1-0000.params"]
SPARSE = np.zeros((5, 3), np.float32)
SPARSE[1, 2], SPARSE[4, 0] = 3, -1


@pytest.fixture(scope="module")
def folder(mxnet: MxnetProcess, request: Any, tmp_path_factory: Any) -> Path:
    """Our files and libmxnet's of the same content, made in one process."""
    samples = request.config.getoption("--samples-dir")
    folder: Path = tmp_path_factory.mktemp("files")
    for name, symbol in MADE.items():
        (folder / f"{name}.json").write_text(symbol_to_json(symbol()), encoding="utf-8")
    for version in (0, 1, 2):
        save_params(folder / f"ours{version}.params", ARRAYS, version=version)
    np.savez(folder / "arrays.npz", **ARRAYS)
    np.save(folder / "sparse.npy", SPARSE)
    for name in (*(f"{stem}.json" for stem in REAL), *PARAMS) if samples else ():
        shutil.copy(Path(samples, name), folder)
    command = [mxnet.python, "-W", "ignore", "-c", READ_AND_WRITE]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder


@pytest.mark.parametrize("stem", [*MADE, *REAL])
def test_symbols(folder: Path, stem: str, request: pytest.FixtureRequest) -> None:
    """Ours, upgraded, and libmxnet's: the same nodes in the same order with the same attributes."""
    if stem in REAL:
        request.getfixturevalue("samples_dir")
    theirs = json.loads((folder / f"{stem}.json.upgraded").read_text(encoding="utf-8"))
    ours = load_symbol(folder / f"{stem}.json")
    assert [n.name for n in ours.nodes] == [n["name"] for n in theirs["nodes"]]
    assert [n.op for n in ours.nodes] == [n["op"] for n in theirs["nodes"]]
    for node, other in zip(ours.nodes, theirs["nodes"]):
        assert [list(e) for e in node.inputs] == [e[:2] for e in other["inputs"]], node.name
        if node.op != "null":  # libmxnet gives the variables it adds their layer's attributes
            known = {k: v for k, v in other.get("attrs", {}).items() if k != "weight_lr_mult"}
            assert {k: v for k, v in node.attrs.items() if k != "weight_lr_mult"} == known
    assert [list(h) for h in ours.heads] == [h[:2] for h in theirs["heads"]]


def same_arrays(found: Dict[str, Any], expected: Dict[str, Any]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("name", ["ours0.params", "ours1.params", "ours2.params", *PARAMS])
def test_params(folder: Path, name: str, request: pytest.FixtureRequest) -> None:
    """libmxnet reads what we read, and what we write."""
    if name in PARAMS:
        request.getfixturevalue("samples_dir")
    with np.load(folder / f"{name}.npz") as theirs:
        same_arrays(load_params(folder / name), dict(theirs))
        if name not in PARAMS:
            same_arrays(dict(theirs), ARRAYS)


def test_what_mxnet_writes(folder: Path) -> None:
    same_arrays(load_params(folder / "theirs"), ARRAYS)
    dense = dict.fromkeys(("row_sparse", "csr", "default"), SPARSE)
    same_arrays(load_params(folder / "sparse"), dense)


def test_legacy_list_without_names(samples_dir: Path) -> None:
    """MXNet's own sample of the oldest container: six arrays 0..127, and no names."""
    with pytest.raises(CheckpointError, match="holds 6 arrays without names"):
        load_params(samples_dir / "legacy_ndarray.v0")
