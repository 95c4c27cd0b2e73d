"""`mxproof run`, `compare` and `tables`: outputs of one network in all runtimes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import onnx
import pytest
from PIL import Image

from converters import load_checkpoint
from converters.preprocessing import Preprocessing
from fixtures.zoo import ZOO
from mxproof.running import RUNTIMES
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.tables import judged

from .conftest import Refuse, Run, saved


@pytest.fixture
def inputs(tmp_path: Path) -> np.ndarray:
    array = np.random.default_rng(1).normal(0, 0.01, (2, 3, 8, 6)).astype(np.float32)
    np.save(tmp_path / "in.npy", array)
    return array


@pytest.fixture
def truth(mxnet: MxnetProcess, prefix: Path, inputs: np.ndarray) -> Iterator[np.ndarray]:
    """MXNet's own output, in float64."""
    pytest.importorskip("torch", reason="needs PyTorch, one of the runtimes")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, one of the runtimes")
    model = mxnet.load(prefix, 0, load_checkpoint(prefix))
    yield model.run({"data": inputs}, "float64")[0]
    model.close()


def close(array: np.ndarray, truth: np.ndarray) -> bool:
    """Within float32's rounding of a network of ten layers."""
    return array.dtype == np.float32 and bool(np.allclose(array, truth, rtol=1e-5, atol=1e-6))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_checkpoint_runs_everywhere(
    run: Run, prefix: Path, tmp_path: Path, truth: np.ndarray, mxnet: MxnetProcess, runtime: str
) -> None:
    out = tmp_path / "out.npy"
    options = ("--runtime", runtime, "--npy", tmp_path / "in.npy", "-o", out)
    code, said, err = run("run", prefix, *options, "--mxnet-python", mxnet.python)
    assert (code, err) == (0, "")
    assert f"small in {runtime}" in said
    assert said.endswith(f"wrote {out}\n")
    assert close(np.load(out), truth)


@pytest.mark.parametrize(
    ("file", "runtime", "options"),
    [
        ("small.onnx", "onnxruntime", ()),
        ("small.py", "pytorch", ()),
        ("small.onnx", "mxnet-onnx", ("--runtime", "mxnet-onnx", "--quiet")),
    ],
)
def test_files_run_in_their_runtime(
    run: Run,
    converted: Path,
    tmp_path: Path,
    truth: np.ndarray,
    file: str,
    runtime: str,
    options: Any,
) -> None:
    files = ("--npy", tmp_path / "in.npy", "-o", tmp_path / "out.npy")
    code, said, err = run("run", converted / file, *files, *options)
    assert (code, err) == (0, "")
    assert (f"{file} in {runtime}" in said) == ("--quiet" not in options)
    assert close(np.load(tmp_path / "out.npy"), truth)


def test_an_onnx_model_becomes_a_checkpoint(
    run: Run,
    refuse: Refuse,
    converted: Path,
    tmp_path: Path,
    truth: np.ndarray,
    mxnet: MxnetProcess,
) -> None:
    back = tmp_path / "new" / "back"
    code, said, err = run("to-mxnet", converted / "small.onnx", "-o", back)
    assert (code, err) == (0, "")
    files = {f"wrote {back}-symbol.json", f"wrote {back}-0000.params"}
    assert set(said.splitlines()) == files
    model = mxnet.load(back, 0, load_checkpoint(back, inputs={"data": ("N", 3, "H", "W")}))
    found = model.run({"data": np.load(tmp_path / "in.npy")}, "float64")[0]
    np.testing.assert_allclose(found, truth, rtol=1e-12)
    (tmp_path / "text.onnx").write_text("not a model")
    for name, words in (("none.onnx", "none.onnx: no such file."), ("text.onnx", "text.onnx")):
        assert words in refuse("to-mxnet", tmp_path / name, "-o", tmp_path / "no" / "x")
    assert not (tmp_path / "no").exists()


def test_a_picture_is_prepared_as_stated_or_as_recorded(
    run: Run, prefix: Path, tmp_path: Path, truth: np.ndarray
) -> None:
    picture = tmp_path / "a.png"
    pixels = np.random.default_rng(2).integers(0, 256, (8, 6, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(picture)
    how = ("--channels", "BGR", "--scale", "1/255", "--mean=0.4,0.5,0.6", "--std", "0.2")
    bgr = pixels[..., ::-1].transpose(2, 0, 1)[None] / 255
    np.save(tmp_path / "a.npy", ((bgr - np.reshape([0.4, 0.5, 0.6], (3, 1, 1))) / 0.2))
    convert = ("convert", prefix, "-o", tmp_path, "--output", "fc", "--quiet", "--no-verify")
    assert run(*convert, *how).code == 0

    def output(model: Path, *options: object) -> np.ndarray:
        as_checkpoint = () if model.suffix else ("--runtime", "pytorch", "--output", "fc")
        out = tmp_path / "out.npy"
        assert run("run", model, *as_checkpoint, *options, "-o", out).code == 0
        return np.load(out)

    expected = output(prefix, "--npy", f"data={tmp_path / 'a.npy'}")
    for model, *stated in ((prefix, *how), (tmp_path / "small.onnx",), (tmp_path / "small.py",)):
        np.testing.assert_allclose(output(model, "--image", picture, *stated), expected, rtol=1e-4)
    assert not np.allclose(output(prefix, "--image", picture), expected, rtol=1e-2)


def test_the_largest_are_named(run: Run, prefix: Path, tmp_path: Path, inputs: np.ndarray) -> None:
    pytest.importorskip("torch", reason="needs PyTorch, which runs it")
    labels = ["cat", "dog", "[b]owl[/b]", "eel", "fox"]
    (tmp_path / "labels.txt").write_text("\n".join(labels))
    options = ("--npy", tmp_path / "in.npy", "--top", 2, "--labels", tmp_path / "labels.txt")
    kept = ("--output", "fc", "-o", tmp_path / "fc.npy")
    said = run("run", prefix, "--runtime", "pytorch", *options, *kept).out
    for sample in np.load(tmp_path / "fc.npy"):
        first, second = sorted(range(5), key=lambda i: -sample[i])[:2]
        expected = f"{labels[first]} {sample[first]:.4g}, {labels[second]} {sample[second]:.4g}"
        assert expected in said


def test_several_outputs_are_numbered(run: Run, tmp_path: Path, inputs: np.ndarray) -> None:
    pytest.importorskip("torch", reason="needs PyTorch, which runs it")
    kinds = ("relu", "sigmoid")
    prefix = saved(
        tmp_path / "two",
        lambda net, x: [net.layer("Activation", f"a{t}", x, act_type=t) for t in kinds],
    )
    options = ("--input", "data=Nx3xHxW", "--npy", tmp_path / "in.npy", "-o", tmp_path / "o.npy")
    code, said, _ = run("run", prefix, "--runtime", "pytorch", *options)
    assert code == 0
    assert "arelu" in said
    np.testing.assert_array_equal(np.load(tmp_path / "o.0.npy"), np.maximum(inputs, 0))
    np.testing.assert_allclose(np.load(tmp_path / "o.1.npy"), 1 / (1 + np.exp(-inputs)), rtol=1e-5)
    assert not (tmp_path / "o.npy").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--npy in.npy --runtime pytorch", "--runtime pytorch takes a .py file"),
        ("--npy in.npy --runtime mxnet", "run by --runtime onnxruntime or mxnet-onnx"),
        ("--npy other=in.npy", "input 'other': the model takes 'data', got 'other'"),
        ("--npy text.npy", "text.npy: not an .npy file of numbers"),
        ("--npy objects.npy", "not an .npy file of numbers"),
        ("--npy none.npy", "none.npy: no such file."),
        ("--npy flat.npy", "input 'data' takes Nx3xHxW, got 3."),
        ("--npy in.npy --image a.png", "--image and --npy give the same input"),
        ("--npy in.npy -o x.txt", "name an .npy file"),
        ("--npy in.npy --input data=1x4x8x8", "--input data 1x4x8x8: the model takes"),
        ("--image a.png --std 0", "--std: scale, mean and std must be finite"),
    ],
)
def test_run_refuses_in_words(
    refuse: Refuse,
    converted: Path,
    tmp_path: Path,
    inputs: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.npy").write_text("not numbers")
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save("flat.npy", np.ones(3))
    assert said in refuse("run", converted / "small.onnx", *options.split())


@pytest.mark.parametrize(
    ("name", "said"), [("small.py", "It belongs beside small.py"), ("x.onnx", "not an ONNX model")]
)
def test_damaged_files_are_refused(refuse: Refuse, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"\xff" * 50)
    assert said in refuse("run", tmp_path / name, "--npy", tmp_path / "in.npy")


def test_inputs_of_another_type_are_refused(run: Run, refuse: Refuse, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, which opens it")
    model = tmp_path / "m.onnx"
    head = '<ir_version: 8, opset_import: ["": 17]>'
    text = f"{head} g (int64[N] x) => (int64[N] y) {{ y = Neg(x) }}"
    onnx.save(onnx.parser.parse_model(text), model)
    np.save(tmp_path / "f.npy", np.ones(3))
    np.save(tmp_path / "i.npy", np.arange(3, dtype=np.int32))
    assert "takes int64, got float64" in refuse("run", model, "--npy", tmp_path / "f.npy")
    options = ("--npy", tmp_path / "i.npy", "-o", tmp_path / "o.npy")
    assert run("run", model, *options).code == 0
    assert np.load(tmp_path / "o.npy").tolist() == [0, -1, -2]


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    reference = np.array([[1.0, -2.0, 0.0], [4.0, 8.0, -5.0]])
    near = reference + np.array([[0.0, 0.02, 0.001], [0.0, 0.0, 0.1]])
    broken = np.where(reference == 1.0, np.nan, reference)
    kept = {"ref": reference, "near": near, "far": reference[:, ::-1], "nan": broken}
    for name, array in kept.items():
        np.save(tmp_path / f"{name}.npy", array)
    return tmp_path


def test_compare(run: Run, arrays: Path) -> None:
    files = [arrays / f"{name}.npy" for name in ("ref", "near", "far", "nan")]
    outputs = ("--json", arrays / "c.json", "--markdown", arrays / "c.md")
    code, said, err = run("compare", *files, *outputs)
    assert (code, err) == (0, "")
    near, far, broken = json.loads((arrays / "c.json").read_text())["files"]
    assert near["max_abs"] == pytest.approx(0.1)
    assert near["max_rel"] == pytest.approx(0.02)  # 0.1 of 5; where the reference is 0 none
    assert (near["top1_equal"], far["top1_equal"]) == (True, False)
    assert far["max_abs"] == 9.0
    assert (broken["max_abs"], broken["max_rel"]) == (None, None)
    assert "not finite" in said
    table = (arrays / "c.md").read_text()
    assert f"| {arrays / 'near.npy'} | 0.1 | 0.02 | yes |" in table


@pytest.mark.parametrize(
    ("name", "limit", "code"),
    [
        ("near", ("--max-abs", "0.11"), 0),
        ("near", ("--max-abs", "0.09"), 1),
        ("near", ("--max-rel", "0.01"), 1),
        ("nan", ("--max-abs", "1e9"), 1),
        ("ref", ("--max-abs", "0", "--max-rel", "0"), 0),
    ],
)
def test_compare_fails_beyond_a_limit(
    run: Run, arrays: Path, name: str, limit: Any, code: int
) -> None:
    found = run("compare", arrays / "ref.npy", arrays / f"{name}.npy", *limit, "--quiet")
    assert (found.code, found.out) == (code, "")
    assert (str(arrays / f"{name}.npy") in found.err) == (code == 1)


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


def test_tables(
    run: Run, prefix: Path, tmp_path: Path, truth: np.ndarray, mxnet: MxnetProcess
) -> None:
    files = ("--json", tmp_path / "t.json", "--markdown", tmp_path / "t.md")
    options = ("--size", "9x11", "--scale", "1/255", "--mxnet-python", mxnet.python)
    code, said, err = run("tables", prefix, *options, *files, "--limit", 16)
    assert (code, err) == (0, "")
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


def test_how_a_zoo_models_pictures_are_made_goes_with_it(run: Run, tmp_path: Path) -> None:
    options = ("--weights", "seeded", "--to", "onnx", "--no-verify", "-o", tmp_path)
    code, said, _ = run("convert", "resnet18", *options)
    assert (code, "weights: seeded; seed 0" in said) == (0, True)
    model = onnx.load(tmp_path / "resnet18.onnx", load_external_data=False)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    recorded = Preprocessing.from_text(metadata["mxproof.preprocessing"])
    assert recorded == ZOO["resnet18"].preprocessing
