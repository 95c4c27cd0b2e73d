"""`from mxproof import verify`: a proof from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
from PIL import Image

from converters import ConversionError, UnusedParametersWarning, load_checkpoint
from converters.errors import NotANumberWarning
from converters.preprocessing import Preprocessing
from mxproof import UsageError, verify
from mxproof.runtimes.mxnet import MxnetProcess

from .conftest import Succeed, names

pytestmark = pytest.mark.usefixtures("shared_mxnet", "runtimes")


def test_it_is_what_the_command_line_does(
    succeed: Succeed, prefix: Path, tmp_path: Path, mxnet: MxnetProcess
) -> None:
    """In an interpreter that is named, too."""
    shape, python = (1, 3, 8, 6), mxnet.python
    how = {"inputs": {"data": shape}, "ranges": {"data": (-1, 2)}, "mxnet_python": python}
    proof = verify(prefix, seed=3, samples=2, **how)  # type: ignore[arg-type]
    options = ("--input", "data=1x3x8x6", "--seed", 3, "--samples", 2, "--mxnet-python", python)
    options = (*options, "--input-range", "data=-1:2", "--json", tmp_path / "p.json")
    succeed("verify", prefix, *options)
    said = json.loads((tmp_path / "p.json").read_text())
    assert proof.passed
    assert {**proof.to_json(), "command": said["command"]} == said


def test_pictures_a_target_and_a_folder(prefix: Path, tmp_path: Path) -> None:
    Image.fromarray(np.arange(9 * 7 * 3, dtype=np.uint8).reshape(9, 7, 3)).save(tmp_path / "a.png")
    proof = verify(
        prefix,
        to=["onnx"],
        images=[tmp_path / "a.png"],
        preprocessing=Preprocessing(size=(4, 5), scale=1 / 255),
        outputs=["fc"],
        folder=tmp_path / "kept",
    )
    assert proof.passed
    assert list(proof.targets) == ["onnx"]
    assert dict(proof.shapes) == {"data": (1, 3, 4, 5)}
    assert names(tmp_path / "kept") == ["small.onnx"]


def test_a_recording_in_place_of_mxnet(succeed: Succeed, prefix: Path, tmp_path: Path) -> None:
    """It proves every layer; that a budget is there which none of them needs is a failure."""
    file, rows = tmp_path / "small.npz", tmp_path / "rows.json"
    succeed("record", prefix, "-o", file, "--quiet")
    row = {"layer": "fc", "runtime": "onnxruntime", "float32_ratio": 8, "reason": "none"}
    rows.write_text(json.dumps([row]))
    proof = verify(prefix, reference=file, mxnet_python="/there/is/none", budgets=rows)
    assert [target.passed for target in proof.targets.values()] == [True, True]
    assert proof.reference == "small.npz"
    assert "no layer needed the row for" in proof.problems[0]
    assert not proof.passed


def test_arrays_and_files_of_them(prefix: Path, tmp_path: Path) -> None:
    sample = {"data": np.full((1, 3, 8, 8), 0.5, np.float32)}
    np.savez(tmp_path / "in.npz", **sample)
    proofs = [verify(prefix, to=["onnx"], arrays=a) for a in (sample, tmp_path / "in.npz")]
    assert [proof.shapes for proof in proofs] == [{"data": (1, 3, 8, 8)}] * 2
    assert repr(proofs[0]) == "<Proof of small: onnx proven>"
    with pytest.raises(
        ConversionError, match="input 'x': the network has no such input; it has: data"
    ):
        verify(prefix, arrays={"x": sample["data"]})
    sample["data"][0, 0, 0, 0] = np.nan
    with pytest.warns(NotANumberWarning, match="input 'data': its array holds NaN"):
        verify(prefix, to=["onnx"], arrays=sample)


REAL = {"cifar_resnet20_v1": 32, "cifar_resnet20_v2": 32, "mnet.25": 64}


@pytest.mark.filterwarnings("ignore::converters.errors.UnusedParametersWarning")  # tested below
@pytest.mark.parametrize("stem", REAL)
def test_trained_checkpoints_of_other_people(stem: str, samples_dir: Path) -> None:
    """With the budgets of our own models."""
    proof = verify(samples_dir / stem, inputs={"data": (1, 3, REAL[stem], REAL[stem])})
    for target in proof.targets.values():
        assert not target.explain(stem), target.explain(stem)
        checks = target.comparisons["float64"].checks
        assert len(checks) == len(load_checkpoint(samples_dir / stem).nodes)
    assert proof.passed


def test_unused_parameters_are_named(samples_dir: Path) -> None:
    with pytest.warns(UnusedParametersWarning, match="12 parameters .*face_rpn_landmark_pred"):
        load_checkpoint(samples_dir / "mnet.25")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"to": ["tensorflow"]}, "allowed: one or more of onnx, pytorch"),
        ({"to": []}, "allowed: one or more of onnx, pytorch"),
        ({"reference": "a.npz", "images": ["a.png"]}, "reference has its own inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(prefix: Path, arguments: Dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        verify(prefix, **arguments)
