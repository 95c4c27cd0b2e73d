"""What the converters read, against what libmxnet reads from the same files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from converters.params import load_params, save_params
from converters.symbol import load_symbol, symbol_to_json
from fixtures.i3d import i3d_symbol
from fixtures.resnet import resnet_symbol
from mxproof.runtimes.mxnet import MxnetProcess
from tests.converters.networks import Network
from tests.converters.test_params import ARRAYS

UPGRADE = """
import sys, mxnet as mx
open(sys.argv[2], "w").write(mx.sym.load(sys.argv[1]).tojson())
"""
ARRAYS_OF = """
import sys, mxnet as mx, numpy as np
np.savez(sys.argv[2], **{k: v.asnumpy() for k, v in mx.nd.load(sys.argv[1]).items()})
"""
SAVE = """
import sys, mxnet as mx, numpy as np
arrays = np.load(sys.argv[1])
mx.nd.save(sys.argv[2], {k: mx.nd.array(arrays[k], dtype=arrays[k].dtype) for k in arrays.files})
"""
SPARSE = """
import sys, mxnet as mx, numpy as np
dense = mx.nd.array(np.load(sys.argv[1])["x"])
arrays = {k: dense.tostype(k) for k in ("row_sparse", "csr", "default")}
mx.nd.waitall()
mx.nd.save(sys.argv[2], arrays)
"""


def in_mxnet(mxnet: MxnetProcess, script: str, *paths: Path) -> None:
    subprocess.run(
        [mxnet.python, "-W", "ignore", "-c", script, *map(str, paths)],
        check=True,
        capture_output=True,
    )


def same_symbol(mxnet: MxnetProcess, path: Path, tmp_path: Path) -> None:
    """Ours, upgraded, and libmxnet's: the same nodes in the same order with the same attributes."""
    upgraded = tmp_path / "upgraded.json"
    in_mxnet(mxnet, UPGRADE, path, upgraded)
    theirs = json.loads(upgraded.read_text(encoding="utf-8"))
    ours = load_symbol(path)
    assert [n.name for n in ours.nodes] == [n["name"] for n in theirs["nodes"]]
    assert [n.op for n in ours.nodes] == [n["op"] for n in theirs["nodes"]]
    for node, other in zip(ours.nodes, theirs["nodes"]):
        assert [list(e) for e in node.inputs] == [e[:2] for e in other["inputs"]], node.name
        if node.op != "null":  # libmxnet gives the variables it adds their layer's attributes
            known = {k: v for k, v in other.get("attrs", {}).items() if k != "weight_lr_mult"}
            assert {k: v for k, v in node.attrs.items() if k != "weight_lr_mult"} == known
    assert [list(h) for h in ours.heads] == [h[:2] for h in theirs["heads"]]


@pytest.mark.parametrize("depth", [18, 50])
def test_resnets_before_0_9(mxnet: MxnetProcess, tmp_path: Path, depth: int) -> None:
    path = tmp_path / "x-symbol.json"
    path.write_text(symbol_to_json(resnet_symbol(depth)))
    same_symbol(mxnet, path, tmp_path)


def test_i3d(mxnet: MxnetProcess, tmp_path: Path) -> None:
    path = tmp_path / "x-symbol.json"
    path.write_text(symbol_to_json(i3d_symbol()))
    same_symbol(mxnet, path, tmp_path)


def test_names_in_any_script(mxnet: MxnetProcess, tmp_path: Path) -> None:
    net = Network()
    x = net.layer("Flatten", 'été/層 "1" \\', net.variable("données"))
    path = tmp_path / "x-symbol.json"
    path.write_text(symbol_to_json(net.symbol(net.layer("Flatten", "Ω", x))), encoding="utf-8")
    same_symbol(mxnet, path, tmp_path)


@pytest.mark.parametrize(
    "stem",
    ["mnet.25-symbol", "cifar_resnet20_v1-symbol", "cifar_resnet20_v2-symbol", "save_000800"],
)
def test_real_symbols(mxnet: MxnetProcess, samples_dir: Path, tmp_path: Path, stem: str) -> None:
    same_symbol(mxnet, samples_dir / f"{stem}.json", tmp_path)


def same_arrays(found: Dict[str, Any], expected: Dict[str, Any]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_mxnet_reads_what_we_write(mxnet: MxnetProcess, tmp_path: Path, version: int) -> None:
    save_params(tmp_path / "x.params", ARRAYS, version=version)
    in_mxnet(mxnet, ARRAYS_OF, tmp_path / "x.params", tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as stored:
        same_arrays(dict(stored), ARRAYS)


def test_we_read_what_mxnet_writes(mxnet: MxnetProcess, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **ARRAYS)
    in_mxnet(mxnet, SAVE, tmp_path / "x.npz", tmp_path / "x.params")
    same_arrays(load_params(tmp_path / "x.params"), ARRAYS)


def test_sparse_arrays(mxnet: MxnetProcess, tmp_path: Path) -> None:
    x = np.zeros((5, 3), np.float32)
    x[1, 2], x[4, 0] = 3, -1
    np.savez(tmp_path / "x.npz", x=x)
    in_mxnet(mxnet, SPARSE, tmp_path / "x.npz", tmp_path / "x.params")
    same_arrays(
        load_params(tmp_path / "x.params"), dict.fromkeys(("row_sparse", "csr", "default"), x)
    )


def test_real_params(mxnet: MxnetProcess, samples_dir: Path, tmp_path: Path) -> None:
    for name in ("mnet.25-0000.params", "cifar_resnet20_v1-0000.params"):
        in_mxnet(mxnet, ARRAYS_OF, samples_dir / name, tmp_path / "x.npz")
        with np.load(tmp_path / "x.npz") as stored:
            same_arrays(load_params(samples_dir / name), dict(stored))


def test_legacy_list_without_names(samples_dir: Path) -> None:
    """MXNet's own sample of the oldest container: six arrays 0..127, and no names."""
    from converters import CheckpointError

    with pytest.raises(CheckpointError, match="holds 6 arrays without names"):
        load_params(samples_dir / "legacy_ndarray.v0")
