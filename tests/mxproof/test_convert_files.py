"""What `mxproof convert` writes beside the models, and that all of it runs by itself."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import List

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file

from mxproof.cli import main
from tests.converters.networks import small_resnet

from .conftest import Refuse, Run, Succeed, activation, names, saved, saved_resnet

#: What the files must do without.
ALONE = (
    'import sys\nfor m in ("mxproof", "converters", "fixtures", "mxnet"): sys.modules[m] = None\n'
)

ALL_FORMS = [".md", ".onnx", ".onnx.data", ".pt2", ".pth", ".py", ".safetensors"]


def alone(code: str, folder: Path) -> str:
    """What the code prints, run in `folder` where nothing of this project can be imported."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", ALONE + code], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks(guide: Path) -> List[str]:
    text = guide.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that `convert` writes of the small network; tests only read it."""
    pytest.importorskip("torch", reason="needs PyTorch, which writes .pth and .pt2")
    out = tmp_path_factory.mktemp("forms")
    prefix = saved_resnet(out.parent / "forms-model" / "small")
    options = ("--pth", "--pt2", "--external-data", "--log", str(out.parent / "log.txt"))
    assert main(["convert", str(prefix), "-o", str(out), "--no-verify", *options]) == 0
    assert names(out) == sorted(f"small{suffix}" for suffix in ALL_FORMS)
    return out


def test_every_block_of_the_guide_runs_and_gives_the_same(forms: Path) -> None:
    found = blocks(forms / "small.md")
    assert len(found) == 4
    show = "\nfirst = outputs[0] if isinstance(outputs, (list, tuple)) else outputs\n"
    show += "print(first.shape[0], first.shape[1], *(float(v).hex() for v in first[0]))\n"
    results = [alone(code + show, forms).split() for code in found]
    assert {tuple(r[:2]) for r in results} == {("1", "5")}
    numbers = [[float.fromhex(v) for v in r[2:]] for r in results]
    for other in numbers:
        np.testing.assert_allclose(other, numbers[0], rtol=1e-5)
    assert numbers[1] == numbers[2] == numbers[3], "three forms of one PyTorch module"


def test_the_guide_tells_the_files(forms: Path) -> None:
    text = (forms / "small.md").read_text(encoding="utf-8")
    for path in forms.iterdir():
        if path.suffix != ".md":
            assert f"| {path.name} |" in text
            assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert "| input | data | float32 | Nx3xHxW |" in text
    assert "| output | softmax | float32 | Nx5 |" in text
    assert "labels cut away: softmax\\_label" in text
    assert "Not proven: --no-verify was given." in text


SIZES = """
import torch
for name in ("small.py", "small.pt2"):
    import runpy
    model = runpy.run_path(name)["load"]() if name.endswith("py") else None
    model = model or torch.export.load(name).module()
    torch.manual_seed(0)
    with torch.inference_mode():
        for shape in ((1, 3, 20, 31), (5, 3, 64, 96), (3, 3, 33, 17)):
            print(model(torch.randn(shape)).double().sum().item().hex(), shape)
    print()
"""


def test_the_program_takes_every_size(forms: Path) -> None:
    """Sizes other than those it was traced with, and one image as well as several."""
    source, program = alone(SIZES, forms).strip().split("\n\n")
    assert source == program


def test_the_state_dict_is_plain(forms: Path) -> None:
    code = "import torch\ns = torch.load('small.pth', weights_only=True)\nprint(type(s), *s)"
    words = alone(code, forms)
    assert words.startswith("<class 'dict'>")
    assert "unit1.bn1.running_var" in words


def test_programs_of_networks_that_cannot_be_traced(refuse: Refuse, tmp_path: Path) -> None:
    """torch.export does not follow what depends on numbers; the message says what to do."""
    pytest.importorskip("torch", reason="needs PyTorch, which writes .pt2")
    prefix = saved(tmp_path / "net", lambda net, x: net.layer("_contrib_box_nms", "nms", x, topk=3))
    common = ("convert", prefix, "--input", "data=Nx8x6", "-o", tmp_path / "out")
    err = refuse(*common, "--pt2", "--no-verify")
    assert "--pt2: torch.export does not take net" in err
    assert "Leave --pt2 out" in err
    assert names(tmp_path / "out") == []


def test_hostile_names_in_the_guide(succeed: Succeed, tmp_path: Path) -> None:
    hostile = "a|b`c`<script>*d*_e_[f](g)\x1b[2J"
    prefix = saved(tmp_path / "net", partial(activation, name=hostile))
    out = tmp_path / "out"
    succeed("convert", prefix, "--input", "data=Nx3", "-o", out, "--no-verify")
    text = (out / "net.md").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "<script>" not in text.replace("\\<", "")
    assert "a\\|b\\`c\\`\\<script\\>\\*d\\*\\_e\\_" in text
    for code in blocks(out / "net.md"):
        alone(code, out)


NO_TORCH = "{} is written by PyTorch, which is not installed here: pip install"


@pytest.mark.parametrize(
    ("options", "torch", "message"),
    [
        ("--pt2 --to onnx", True, "--pt2 goes with the PyTorch source: add --to pytorch."),
        ("--logits --output fc", True, "--logits: small ends in 'fc' (FullyConnected)"),
        ("--pth --no-verify", False, NO_TORCH.format("--pth")),
        ("--pt2 --no-verify", False, NO_TORCH.format("--pt2")),
    ],
)
def test_refusals(
    refuse: Refuse,
    prefix: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    torch: bool,
    message: str,
) -> None:
    if not torch:
        monkeypatch.setitem(sys.modules, "torch", None)
    assert message in refuse("convert", prefix, "-o", tmp_path / "out", *options.split())
    assert names(tmp_path / "out") == []


def test_logits(succeed: Succeed, prefix: Path, tmp_path: Path) -> None:
    out = succeed("convert", prefix, "-o", tmp_path, "--logits", "--to", "onnx", "--no-verify")
    assert "logits: fc in place of softmax\n" in out
    assert "--output fc" in out, "how to prove the same network"
    text = (tmp_path / "small.md").read_text(encoding="utf-8")
    assert "| output | fc | float32 | Nx5 |" in text


def test_the_log(forms: Path) -> None:
    lines = (forms.parent / "log.txt").read_text(encoding="utf-8").splitlines()
    bn = "BatchNorm unit1_bn1 -> onnx: BatchNormalization | pytorch: unit1: y = self.bn1(x)"
    for line in ("Convolution conv0 -> onnx: Conv | pytorch: x = self.conv0(data)", bn):
        assert f"  {line}" in lines
    assert "  label softmax_label" in lines
    assert len([line for line in lines if " -> onnx: " in line]) == 13
    for path in forms.iterdir():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert f"  {path.name}  {path.stat().st_size} bytes  {digest}" in lines


def test_the_log_has_the_warnings(run: Run, prefix: Path, tmp_path: Path) -> None:
    saved_resnet(prefix, **{"orphan\x1b[2J": np.zeros(3, np.float32)})
    result = run("convert", prefix, "-o", tmp_path, "--log", tmp_path / "log", "--no-verify")
    assert (result.code, "orphan" in result.err) == (0, True)
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert "1 parameters that the symbol never reads were left out: orphan\\x1b[2J" in text
    assert "\x1b" not in text


def test_float16(succeed: Succeed, prefix: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs PyTorch, which runs the module")
    out = succeed("convert", prefix, "-o", tmp_path, "--float16", "--logits", "--pth", "--pt2")
    pattern = r"float16, (\w+): outputs differ .* by (\S+) at most .* the largest output is (\S+)\)"
    found = re.findall(pattern, out)
    assert [target for target, _, _ in found] == ["onnx", "pytorch"]
    for _, gap, largest in found:  # roundings of float16, some of them, and no more
        assert 1e-5 < float(gap) / float(largest) < 40 * 2**-11
    assert "not proven: the proof is of float32 numbers, these are float16" in out
    for code in blocks(tmp_path / "small.md"):
        kinds = "\nfirst = outputs[0] if isinstance(outputs, list) else outputs\nprint(first.dtype)"
        assert alone(code + kinds, tmp_path).strip() in ("float16", "torch.float16")


def test_float16_numbers_stay(succeed: Succeed, prefix: Path, tmp_path: Path) -> None:
    """A checkpoint that is float16 already is not changed, and costs nothing."""
    arrays = small_resnet()[0].arrays
    saved_resnet(prefix, **{name: a.astype(np.float16) for name, a in arrays.items()})
    assert "outputs differ" not in succeed(
        "convert", prefix, "-o", tmp_path, "--float16", "--to", "onnx"
    )


def test_the_cost_of_folding_without_mxnet(succeed: Succeed, tmp_path: Path) -> None:
    prefix = saved(
        tmp_path / "net", lambda net, x: net.batch_norm("bn", net.convolution("conv", x, 3, 4), 4)
    )
    out = succeed("convert", prefix, "-o", tmp_path / "out", "--fuse", "--no-verify")
    assert "1 of 1 batch norms folded\n" in out
    assert len(re.findall(r"folding, (onnx|pytorch): outputs differ", out)) == 2
    assert f"mxproof convert {prefix} --fuse --verify" in out
    record = (tmp_path / "out" / "net.py").read_text()
    assert "fused: 1 of 1 batch norms folded" in record
    assert json.dumps("bn") not in record


def test_exact_batch_norms(succeed: Succeed, prefix: Path, tmp_path: Path) -> None:
    """They subtract the mean first, in both targets; the numbers stored are the same."""
    common = ("convert", prefix, "--no-verify", "-o")
    plain, exact = tmp_path / "plain", tmp_path / "exact"
    succeed(*common, plain)
    said = succeed(*common, exact, "--exact-batch-norm")
    assert f"mxproof convert {prefix} --exact-batch-norm --verify" in said
    for folder, expected in ((plain, True), (exact, False)):
        ops = {node.op_type for node in onnx.load(folder / "small.onnx").graph.node}
        assert ("BatchNormalization" in ops) == expected
        assert ("def subtract_first(" in (folder / "small.py").read_text()) != expected
    files = [folder / "small.safetensors" for folder in (plain, exact)]
    assert load_file(files[0]).keys() == load_file(files[1]).keys()


def test_preprocessing_is_told(succeed: Succeed, prefix: Path, tmp_path: Path) -> None:
    how = ("--size", "8x6", "--mean", "1,2,3", "--std", "4", "--channels", "BGR", "--no-verify")
    succeed("convert", prefix, "-o", tmp_path, *how)
    said = "the middle 8x6, BGR 0..255, less (1, 2, 3), over 4"
    assert said in (tmp_path / "small.py").read_text()
    assert said in (tmp_path / "small.md").read_text()
    assert said in onnx.load(tmp_path / "small.onnx").doc_string
