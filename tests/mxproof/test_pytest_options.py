"""The suites of tests/models on a user's checkpoint: pytest's options, in a pytest of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
from PIL import Image

from converters import save_checkpoint
from fixtures.networks import face
from mxproof.runtimes.mxnet.client import MxnetProcess

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.usefixtures("runtimes")


def suites(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rs"]
    own = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}  # no one's worker
    how: Dict[str, Any] = {"capture_output": True, "text": True, "timeout": 300}
    return subprocess.run([*command, *map(str, arguments)], cwd=ROOT, env=own, **how)


def test_a_checkpoint_on_pictures(prefix: Path, tmp_path: Path, mxnet: MxnetProcess) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 14, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    options = ("--checkpoint", prefix, "--input", "data=1x3x9x7", "--mxnet-python", mxnet.python)
    pictures = ("--image", f"data={tmp_path / 'a.png'}", "--scale", "1/255", "--channels", "BGR")
    found = suites(*options, *pictures, "--layers", "unit?_conv1", "tests/models/test_layers.py")
    assert found.returncode == 0, found.stdout
    for target in ("onnx", "pytorch"):
        for precision in ("float32", "float64"):
            assert f"small/{target} {precision}, layers unit?_conv1" in found.stdout
    rows = re.findall(r"│ (unit\d_conv1) +│ Convolution +│ 1x4x9x7 ", found.stdout)
    assert sorted(set(rows)) == ["unit1_conv1", "unit2_conv1"]
    assert len(rows) == 8


def test_seed_and_samples_of_a_network_that_fixes_its_inputs_size(
    tmp_path: Path, mxnet: MxnetProcess
) -> None:
    """No shape is stated; what was proven is said in one sentence, with limits beside errors."""
    net, head = face(28, 28)
    save_checkpoint(tmp_path / "small", net.symbol(head), net.arrays)
    options = ("--checkpoint", tmp_path / "small", "--mxnet-python", mxnet.python)
    chosen = ("tests/models", "-k", "layers or outputs or tables or shapes")
    drawn = ("--seed", 5, "--samples", 2, "--input-range", "data=-1:1")
    found = suites(*options, *drawn, *chosen)
    assert found.returncode == 0, found.stdout
    assert re.search(r"SKIPPED .*is about i3d_resnet50_v1_kinetics400; run are small", found.stdout)
    where = "onnx-reference float64, onnxruntime float32, pytorch float32, pytorch float64"
    said = (
        f"Proven equal to MXNet, every layer: small (8 layers) with the user's weights in {where}."
    )
    assert said in found.stdout.splitlines()
    noise = r"[\d.]+ \([\d.]+\) +"
    assert re.search(rf"float32 .*│ {noise}│ 8 .*│ {noise}│\n", found.stdout)
    assert "(1.0e-12)" in found.stdout


def test_a_layer_that_there_is_not_is_a_failure(prefix: Path, mxnet: MxnetProcess) -> None:
    options = ("--checkpoint", prefix, "--mxnet-python", mxnet.python, "--samples", 1)
    found = suites(*options, "--layers", "nosuch*", "tests/models/test_layers.py::test_layers")
    assert found.returncode == 1
    assert "--layers nosuch*: small has no such layer" in found.stdout
