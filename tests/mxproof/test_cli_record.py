"""`mxproof record`, and `mxproof verify --reference`: proofs without MXNet."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Tuple

import numpy as np
import pytest

from mxproof import prover as module
from mxproof.runtimes.mxnet import MxnetProcess
from tests.converters.networks import small_resnet

from .conftest import Refuse, Run, saved_resnet
from .test_cli_verify import BLAMED, with_wrong_epsilon
from .test_recording import recording_of


def test_other_parameters_are_refused(prefix: Path, refuse: Refuse) -> None:
    """Another symbol: docs/errors.md."""
    path = recording_of(prefix)
    bias = small_resnet()[0].arrays["fc_bias"]
    saved_resnet(prefix, fc_bias=np.nextafter(bias, np.float32(9)))
    err = refuse("verify", prefix, "--reference", path)
    assert err.startswith(f"mxproof verify: {path}: was recorded from a params file of SHA-256 ")
    assert err.endswith("record this one where MXNet runs.\n")


@pytest.mark.parametrize(
    "option",
    [("--samples", "2"), ("--input", "data=1x3x8x8"), ("--mxnet-python", "python3")],
    ids=lambda option: option[0],
)
def test_a_recording_has_its_own_inputs(
    option: Tuple[str, str], refuse: Refuse, prefix: Path
) -> None:
    err = refuse("verify", prefix, "--reference", recording_of(prefix), *option)
    assert err.startswith(f"mxproof verify: {option[0]} and --reference: the recording has its own")


def test_files_that_cannot_be(refuse: Refuse, prefix: Path, tmp_path: Path) -> None:
    assert "is a folder. Name a file." in refuse("record", prefix, "-o", tmp_path)
    err = refuse("verify", prefix, "--reference", tmp_path / "none.npz")
    assert err == f"mxproof verify: {tmp_path / 'none.npz'}: No such file or directory.\n"


WITHOUT = """
import sys
sys.modules["mxnet"] = None
import mxproof.runtimes.mxnet
mxproof.runtimes.mxnet.subprocess = None
from mxproof.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def recorded(run: Run, prefix: Path, tmp_path: Path, mxnet: MxnetProcess, runtimes: None) -> Path:
    """What MXNet gave, twice: the same command writes the same bytes."""
    path, other = tmp_path / "real.npz", tmp_path / "other.npz"
    options = ("--input", "data=2x3x24x20", "--samples", "2", "--mxnet-python", mxnet.python)
    for written in (path, other):
        assert run("record", prefix, "-o", written, *options) == (
            0,
            f"wrote {written}: {written.stat().st_size:,} bytes\n"
            "13 layers of small (the user's weights)\n"
            "inputs: data=2x3x24x20, data=2x3x24x20\n",
            "",
        )
    assert path.read_bytes() == other.read_bytes()
    return path


def test_a_proof_without_mxnet(recorded: Path, prefix: Path, tmp_path: Path) -> None:
    """In a process that cannot import MXNet, nor start another that could."""
    proof = tmp_path / "proof.json"
    command = (sys.executable, "-W", "error", "-c", WITHOUT, "verify", prefix)
    options = ("--reference", recorded, "--json", proof)
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(proof.read_text())
    assert document["reference"] == "real.npz"
    assert document["input"] == {"data": [2, 3, 24, 20]}
    assert document["versions"]["mxnet"] == "1.9.1"
    assert {t["verdict"] for t in document["targets"].values()} == {"pass"}
    assert {t["output"]["top1"] for t in document["targets"].values()} == {"equal"}
    assert [len(t["layers"]) for t in document["targets"].values()] == [13, 13]


def test_a_fault_is_named(
    recorded: Path, prefix: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "convert", with_wrong_epsilon)
    code, _, err = run("verify", prefix, "--reference", recorded, "--to", "pytorch")
    assert code == 1
    assert err.startswith(
        f"small/pytorch float64: BatchNorm '{BLAMED}' is the first to differ (layer 6 of 13): "
    )
    assert " of 4 channels, worst channel " in err
