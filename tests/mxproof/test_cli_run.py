"""`mxproof run`, `compare` and `tables`: outputs of one network in all runtimes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from converters import load_checkpoint
from converters.preprocessing import Preprocessing
from fixtures.networks import onnx_model
from mxproof.running import RUNTIMES
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.tables import judged
from mxproof.zoo.models import ZOO

from .conftest import Refuse, Run, Succeed, saved


@pytest.fixture
def inputs(tmp_path: Path) -> np.ndarray:
    array = np.random.default_rng(1).normal(0, 0.01, (2, 3, 8, 6)).astype(np.float32)
    np.save(tmp_path / "in.npy", array)
    return array


@pytest.fixture
def truth(
    mxnet: MxnetProcess, prefix: Path, inputs: np.ndarray, runtimes: None
) -> Iterator[np.ndarray]:
    """MXNet's own output, in float64."""
    model = mxnet.load(prefix, 0, load_checkpoint(prefix))
    yield model.run({"data": inputs}, "float64")[0]
    model.close()


def close(array: np.ndarray, truth: np.ndarray) -> bool:
    """Within float32's rounding of a network of ten layers."""
    return array.dtype == np.float32 and bool(np.allclose(array, truth, rtol=1e-5, atol=1e-6))


@pytest.mark.parametrize(
    ("file", "runtime", "options"),
    [
        *(("model/small", runtime, ("--runtime", runtime)) for runtime in RUNTIMES),
        ("small.onnx", "onnxruntime", ()),
        ("small.py", "pytorch", ()),
        ("small.onnx", "mxnet-onnx", ("--runtime", "mxnet-onnx", "--quiet")),
    ],
)
def test_a_model_runs_everywhere(
    succeed: Succeed,
    converted: Path,
    tmp_path: Path,
    truth: np.ndarray,
    mxnet: MxnetProcess,
    file: str,
    runtime: str,
    options: Any,
) -> None:
    """A checkpoint in every runtime, files in their own."""
    out = tmp_path / "out.npy"
    files = ("--npy", tmp_path / "in.npy", "-o", out, "--mxnet-python", mxnet.python)
    said = succeed("run", converted / file, *files, *options)
    if "--quiet" in options:
        assert said == ""
    else:
        assert f"{Path(file).name} in {runtime}" in said
        assert said.endswith(f"wrote {out}\n")
    assert close(np.load(out), truth)


def test_an_onnx_model_becomes_a_checkpoint(
    succeed: Succeed,
    refuse: Refuse,
    converted: Path,
    tmp_path: Path,
    truth: np.ndarray,
    mxnet: MxnetProcess,
) -> None:
    back = tmp_path / "new" / "back"
    said = succeed("to-mxnet", converted / "small.onnx", "-o", back)
    assert set(said.splitlines()) == {f"wrote {back}-{f}" for f in ("symbol.json", "0000.params")}
    model = mxnet.load(back, 0, load_checkpoint(back, inputs={"data": ("N", 3, "H", "W")}))
    found = model.run({"data": np.load(tmp_path / "in.npy")}, "float64")[0]
    np.testing.assert_allclose(found, truth, rtol=1e-12)
    (tmp_path / "text.onnx").write_text("not a model")
    for name, words in (("none.onnx", "none.onnx: no such file."), ("text.onnx", "text.onnx")):
        assert words in refuse("to-mxnet", tmp_path / name, "-o", tmp_path / "no" / "x")
    assert not (tmp_path / "no").exists()


def test_a_picture_is_prepared_as_stated_or_as_recorded(
    succeed: Succeed, prefix: Path, tmp_path: Path, truth: np.ndarray
) -> None:
    picture = tmp_path / "a.png"
    pixels = np.random.default_rng(2).integers(0, 256, (8, 6, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(picture)
    how = ("--channels", "BGR", "--scale", "1/255", "--mean=0.4,0.5,0.6", "--std", "0.2")
    bgr = pixels[..., ::-1].transpose(2, 0, 1)[None] / 255
    np.save(tmp_path / "a.npy", ((bgr - np.reshape([0.4, 0.5, 0.6], (3, 1, 1))) / 0.2))
    succeed("convert", prefix, "-o", tmp_path, "--output", "fc", "--no-verify", *how)

    def output(model: Path, *options: object) -> np.ndarray:
        as_checkpoint = () if model.suffix else ("--runtime", "pytorch", "--output", "fc")
        out = tmp_path / "out.npy"
        succeed("run", model, *as_checkpoint, *options, "-o", out)
        return np.load(out)

    expected = output(prefix, "--npy", f"data={tmp_path / 'a.npy'}")
    for model, *stated in ((prefix, *how), (tmp_path / "small.onnx",), (tmp_path / "small.py",)):
        np.testing.assert_allclose(output(model, "--image", picture, *stated), expected, rtol=1e-4)
    assert not np.allclose(output(prefix, "--image", picture), expected, rtol=1e-2)


@pytest.mark.usefixtures("inputs")
def test_the_largest_are_named(succeed: Succeed, prefix: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs PyTorch, which runs it")
    labels = ["cat", "dog", "[b]owl[/b]", "eel", "fox"]
    (tmp_path / "labels.txt").write_text("\n".join(labels))
    options = ("--npy", tmp_path / "in.npy", "--top", 2, "--labels", tmp_path / "labels.txt")
    kept = ("--output", "fc", "-o", tmp_path / "fc.npy")
    said = succeed("run", prefix, "--runtime", "pytorch", *options, *kept)
    for sample in np.load(tmp_path / "fc.npy"):
        first, second = sorted(range(5), key=lambda i: -sample[i])[:2]
        expected = f"{labels[first]} {sample[first]:.4g}, {labels[second]} {sample[second]:.4g}"
        assert expected in said


def test_several_outputs_are_numbered(succeed: Succeed, tmp_path: Path, inputs: np.ndarray) -> None:
    pytest.importorskip("torch", reason="needs PyTorch, which runs it")
    kinds = ("relu", "sigmoid")
    prefix = saved(
        tmp_path / "two",
        lambda net, x: [net.layer("Activation", f"a{t}", x, act_type=t) for t in kinds],
    )
    options = ("--npy", f"data={tmp_path / 'in.npy'}", "-o", tmp_path / "o.npy")
    assert "arelu" in succeed("run", prefix, "--runtime", "pytorch", *options)
    np.testing.assert_array_equal(np.load(tmp_path / "o.0.npy"), np.maximum(inputs, 0))
    np.testing.assert_allclose(np.load(tmp_path / "o.1.npy"), 1 / (1 + np.exp(-inputs)), rtol=1e-5)
    assert not (tmp_path / "o.npy").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("small.onnx --npy in.npy --runtime pytorch", "--runtime pytorch takes a .py file"),
        ("small.onnx --npy in.npy --runtime mxnet", "run by --runtime onnxruntime or mxnet-onnx"),
        ("small.onnx --npy other=in.npy", "input 'other': the model takes 'data', got 'other'"),
        ("small.onnx --npy text.npy", "text.npy: not an .npy file of numbers"),
        ("small.onnx --npy objects.npy", "not an .npy file of numbers"),
        ("small.onnx --npy none.npy", "none.npy: no such file."),
        ("small.onnx --npy flat.npy", "input 'data' takes Nx3xHxW, got 3."),
        ("small.onnx --npy empty.npy", "input 'data': its array of 0x3x8x8 holds no number."),
        ("none.onnx --npy flat.npy", "mxproof run: none.onnx: no such file."),
        ("two.onnx --npz apart.npz", "inputs 'a' and 'b' share the size N, which is 2 in one"),
        ("small.onnx --npy in.npy --image a.png", "--image and --npy give the same input"),
        ("small.onnx --npy in.npy -o x.txt", "name an .npy file"),
        ("small.onnx --npy in.npy --input data=1x4x8x8", "data 1x4x8x8: the model takes"),
        ("small.onnx --image a.png --std 0", "--std: scale, mean and std must be finite"),
        ("text.py --npy in.npy", "It belongs beside text.py"),
        ("text.onnx --npy in.npy", "not an ONNX model"),
        ("new.onnx --npy flat.npy", "cannot load it: Unsupported model IR version: 99"),
    ],
)
@pytest.mark.usefixtures("inputs")
def test_run_refuses_in_words(
    refuse: Refuse,
    converted: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.onnx").symlink_to(converted / "small.onnx")
    for name in ("text.npy", "text.py", "text.onnx"):
        Path(name).write_bytes(b"\xff" * 50)
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save("flat.npy", np.ones(3))
    np.save("empty.npy", np.ones((0, 3, 8, 8)))
    np.savez("apart.npz", a=np.ones((2, 3)), b=np.ones((1, 3)))
    text = '<ir_version: 8, opset_import: ["": 17]>g (float[N,3] a, float[N,3] b) => (float[N,3] y)'
    onnx.save(onnx.parser.parse_model(f"{text} {{ y = Add(a, b) }}"), "two.onnx")
    model = onnx_model([helper.make_node("Relu", ["x"], ["y"])], (3,))
    model.ir_version = 99
    onnx.save(model, "new.onnx")
    assert said in refuse("run", *words.split())


def test_inputs_of_another_type_are_refused(
    succeed: Succeed, refuse: Refuse, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, which opens it")
    model = tmp_path / "m.onnx"
    head = '<ir_version: 8, opset_import: ["": 17]>'
    text = f"{head} g (int64[N] x) => (int64[N] y) {{ y = Neg(x) }}"
    onnx.save(onnx.parser.parse_model(text), model)
    np.save(tmp_path / "f.npy", np.ones(3))
    np.save(tmp_path / "i.npy", np.arange(3, dtype=np.int32))
    assert "takes int64, got float64" in refuse("run", model, "--npy", tmp_path / "f.npy")
    succeed("run", model, "--npy", tmp_path / "i.npy", "-o", tmp_path / "o.npy")
    assert np.load(tmp_path / "o.npy").tolist() == [0, -1, -2]


@pytest.fixture
def arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in the working directory."""
    monkeypatch.chdir(tmp_path)
    reference = np.array([[1.0, -2.0, 0.0], [4.0, 8.0, -5.0]])
    np.save("ref.npy", reference)
    np.save("near.npy", reference + np.array([[0.0, 0.02, 0.001], [0.0, 0.0, 0.1]]))
    np.save("far.npy", reference[:, ::-1])
    np.save("nan.npy", np.where(reference == 1.0, np.nan, reference))


@pytest.mark.usefixtures("arrays")
def test_compare(succeed: Succeed) -> None:
    outputs = ("--json", "c.json", "--markdown", "c.md")
    said = succeed("compare", "ref.npy", "near.npy", "far.npy", "nan.npy", *outputs)
    near, far, broken = json.loads(Path("c.json").read_text())["files"]
    assert near["max_abs"] == pytest.approx(0.1)
    assert near["max_rel"] == pytest.approx(0.02)  # 0.1 of 5; where the reference is 0 none
    assert (near["top1_equal"], far["top1_equal"]) == (True, False)
    assert far["max_abs"] == 9.0
    assert (broken["max_abs"], broken["max_rel"]) == (None, None)
    assert "not finite" in said
    assert "| near.npy | 0.1 | 0.02 | yes |" in Path("c.md").read_text()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("near.npy --max-abs 0.11", 0),
        ("near.npy --max-abs 0.09", 1),
        ("near.npy --max-rel 0.01", 1),
        ("nan.npy --max-abs 1e9", 1),
        ("ref.npy --max-abs 0 --max-rel 0", 0),
    ],
)
@pytest.mark.usefixtures("arrays")
def test_compare_fails_beyond_a_limit(run: Run, words: str, code: int) -> None:
    found = run("compare", "ref.npy", *words.split(), "--quiet")
    assert (found.code, found.out) == (code, "")
    assert (words.split()[0] in found.err) == (code == 1)


def test_rows_follow_their_definition() -> None:
    truth = [np.array([[3.0, 4.0]])]
    reference = [np.array([[3.0, 4.5]], np.float32)]
    found = [np.array([[2.0, 4.5]], np.float32)]
    row = judged([found], [reference], [truth])
    assert (row.max_abs, row.max_rel, row.top1_equal) == (1.0, pytest.approx(1 / 3), True)
    assert row.rms_ratio == pytest.approx(np.sqrt(1 + 0.25) / 0.5)
    assert row.rel_ratio == pytest.approx((1 / 3) / (0.5 / 4))
    exact = judged([[t.astype(np.float32) for t in truth]], [truth], [truth])
    assert (exact.max_abs, exact.rms_ratio, exact.worst_ratio) == (0.0, 1.0, 1.0)
    assert not judged([[-truth[0]]], [truth], [truth]).top1_equal
    single = [np.array([[3.0], [4.0]])]
    assert judged([single], [single], [single]).top1_equal is None, "there is no second number"


@pytest.mark.usefixtures("arrays")
@pytest.mark.parametrize("array", [np.full((2, 3), np.nan), np.zeros((0, 3))])
def test_nothing_is_said_where_there_is_nothing_to_compare(array: np.ndarray, run: Run) -> None:
    np.save("ref.npy", array)
    found = run("compare", "ref.npy", "ref.npy", "--json", "c.json", "--max-abs", "1")
    assert found.code == 1, "no number is within the limit"
    (row,) = json.loads(Path("c.json").read_text())["files"]
    assert (row["max_abs"], row["max_rel"]) == (None, None)


def test_tables(
    run: Run, succeed: Succeed, prefix: Path, tmp_path: Path, truth: np.ndarray, mxnet: MxnetProcess
) -> None:
    files = ("--json", tmp_path / "t.json", "--markdown", tmp_path / "t.md")
    options = ("--size", "9x11", "--scale", "1/255")
    python = ("--mxnet-python", mxnet.python)
    said = succeed("tables", prefix, *options, *python, *files, "--limit", 16)
    (model,) = json.loads((tmp_path / "t.json").read_text())["models"]
    assert (model["model"], model["shapes"]) == ("small", {"data": [1, 3, 9, 11]})
    assert set(model["rows"]) == set(RUNTIMES) - {"mxnet"}
    assert all(row["max_abs"] < 1e-6 and row["top1_equal"] for row in model["rows"].values())
    assert model["rows"]["mxnet-onnx"]["max_abs"] == 0, "the same operators on the same numbers"
    table = (tmp_path / "t.md").read_text()
    for title in ("ONNX (MXNet back)", "ONNX Runtime", "PyTorch"):
        assert f"{title}: errors against MXNet's output" in said
        assert f"## {title}: errors against MXNet's output\n\n| model |" in table
    code, _, err = run("tables", prefix, *options, "--limit", 0, "--quiet")
    assert (code, "small in pytorch: " in err, "allowed 0." in err) == (1, True, True)


def test_how_a_zoo_models_pictures_are_made_goes_with_it(succeed: Succeed, tmp_path: Path) -> None:
    options = ("--weights", "seeded", "--no-verify", "-o", tmp_path)
    said = "RANDOM weights, drawn from a seed"
    assert f"weights: {said}; seed 0" in succeed("convert", "resnet18", *options)
    for suffix in (".md", ".py", ".safetensors"):
        assert said.encode() in (tmp_path / f"resnet18{suffix}").read_bytes()
    model = onnx.load(tmp_path / "resnet18.onnx", load_external_data=False)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    recorded = Preprocessing.from_text(metadata["mxproof.preprocessing"])
    assert recorded == ZOO["resnet18"].preprocessing
    assert metadata["mxproof.weights"] == said
