"""Inputs that a user chooses or limits, and those that MXNet survives."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np
import pytest
from PIL import Image

from converters import load_checkpoint, save_checkpoint
from fixtures.networks import Network
from mxproof.errors import UsageError
from mxproof.inputs.chosen import by_input, chosen_inputs
from mxproof.model import Model, load_for_run, load_model
from mxproof.recording.file import load_recording
from mxproof.runtimes.mxnet.client import MxnetProcess
from tests.converters import test_batch, test_limits

from .conftest import Refuse, Run

STEPS, BATCH = test_limits.STEPS, test_limits.BATCH
SHAPES = {"data": (STEPS, BATCH, 8), "x": (BATCH,)}


def saved(prefix: Path, build: test_limits.Build) -> Path:
    net = Network()
    data, x = net.variable("data"), net.variable("x")
    save_checkpoint(prefix, net.symbol(build(net, data, x)), net.arrays)
    return prefix


@pytest.fixture
def masked(tmp_path: Path) -> Path:
    return saved(tmp_path / "masked", test_limits.masked)


def sequences(op: str) -> test_limits.Build:
    return lambda net, data, x: net.layer(op, "layer", data, x, use_sequence_length=True)


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (sequences("SequenceMask"), (BATCH,)),
        (sequences("SequenceLast"), (BATCH,)),
        (sequences("SequenceReverse"), (BATCH,)),
        (test_limits.softmax, (BATCH,)),
        (test_limits.gathered, (3,)),
        (test_limits.compared, (BATCH,)),
        (lambda net, data, x: net.layer("gather_nd", "layer", data, x), (3, 4)),
        (lambda net, data, x: net.layer("take", "layer", data, x, axis=1, mode="raise"), (4,)),
    ],
)
def test_mxnet_survives_what_is_drawn(
    build: test_limits.Build,
    shape: Tuple[int, ...],
    tmp_path: Path,
    mxnet: MxnetProcess,
) -> None:
    """It writes beyond its arrays, and dies, where a length or a position does not fit."""
    given = {**SHAPES, "x": shape}
    subject = load_for_run(str(saved(tmp_path / "net", build)), given)
    model = mxnet.load(subject.files, None, subject.graph)
    drawn = subject.evidence(given, samples=4)
    assert all(np.isfinite(output).all() for inputs in drawn for output in model.run(inputs))
    assert len({number for inputs in drawn for number in inputs["x"].ravel()}) > 1
    model.close()


@pytest.mark.parametrize("build", [test_batch.convolutional, test_batch.recurrent])
def test_a_freed_batch_changes_nothing_in_mxnet(
    build: Callable[..., Any], tmp_path: Path, mxnet: MxnetProcess
) -> None:
    """At the batch of the file MXNet's results are those of the file as it is, bit by bit; at
    another they are those of the first samples."""
    net, size = Network(), test_batch.BATCH
    stated = (size, 3, 6, 6) if build is test_batch.convolutional else (size, 2, 4)
    save_checkpoint(tmp_path / "net", net.symbol(build(net, __shape__=str(stated))), net.arrays)
    with pytest.warns(test_batch.BakedBatchWarning):
        graph = load_checkpoint(tmp_path / "net")
    assert graph.restated
    array = np.random.default_rng(0).standard_normal(stated).astype(np.float32)
    results = []
    for network, data in ((graph, array), (replace(graph, restated=()), array), (graph, array[:3])):
        model = mxnet.load(tmp_path / "net", 0, network)
        results.append(model.run({"data": data}, "float64")[0])
        model.close()
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_allclose(results[2], results[0][:3], rtol=1e-12)


def subject_of(prefix: Path, **how: Any) -> Model:
    return load_model(str(prefix), inputs={"data": ("T", "N", 8), "x": ("N",)}, **how)


def test_what_is_not_chosen_is_drawn(masked: Path) -> None:
    """In sizes that go with what is chosen."""
    array = np.ones((4, 5, 8))
    (sample,) = chosen_inputs(subject_of(masked), arrays=[{"data": array}]) or []
    assert sample["data"].dtype == np.float32
    np.testing.assert_array_equal(sample["data"], array)
    assert sample["x"].shape == (5,)
    assert sample["x"].min() >= 1
    assert sample["x"].max() <= 4
    assert chosen_inputs(subject_of(masked)) is None


def test_pictures_of_several_inputs(tmp_path: Path) -> None:
    net = Network()
    left, right = (net.convolution(n, net.variable(n), 3, 4) for n in ("left", "right"))
    save_checkpoint(tmp_path / "net", net.symbol(left, right), net.arrays)
    subject = load_model(str(tmp_path / "net"))
    files = {name: tmp_path / f"{name}=1.png" for name in ("left", "right")}
    for value, file in enumerate(files.values(), 1):
        Image.new("RGB", (6, 5), (value, value, value)).save(file)
    images = [f"{name}={file}" for name, file in files.items()]
    (sample,) = chosen_inputs(subject, images=images) or []
    np.testing.assert_array_equal(sample["left"], np.full((1, 3, 5, 6), 1, np.float32))
    np.testing.assert_array_equal(sample["right"], np.full((1, 3, 5, 6), 2, np.float32))
    assert by_input([str(files["left"])], ["data"]) == {"data": [files["left"]]}
    with pytest.raises(UsageError, match="Say which one it is for: --image left=a.png"):
        chosen_inputs(subject, images=["a.png"])
    with pytest.raises(UsageError, match="1 and 2 samples. Give as many"):
        chosen_inputs(subject, images=[*images, images[0]])


def test_a_stated_range(masked: Path) -> None:
    """Of a length whole numbers only; of what nothing limits, all between the ends."""
    subject = subject_of(masked, ranges={"x": (2, 3), "data": (0.5, 2)})
    drawn = subject.inputs({"data": (4, 50, 8), "x": (50,)})
    assert set(drawn["x"]) == {2, 3}
    assert 0.5 <= drawn["data"].min() < 0.6
    assert 1.9 < drawn["data"].max() <= 2
    assert len(np.unique(drawn["data"])) > 1000


@pytest.mark.usefixtures("runtimes")
def test_arrays_of_a_file(masked: Path, tmp_path: Path, run: Run) -> None:
    """They are what a recording is of, and what a conversion is proven on."""
    arrays: Dict[str, Any] = {"data": np.ones((2, 4, 8), "f"), "x": np.array([1, 2, 2, 1])}
    np.savez(tmp_path / "in.npz", **arrays)
    common = ("--npz", tmp_path / "in.npz")
    assert run("record", masked, *common, "-o", tmp_path / "r.npz")[0] == 0
    (truth,) = load_recording(tmp_path / "r.npz", load_for_run(str(masked), SHAPES).graph)
    for name, array in arrays.items():
        np.testing.assert_array_equal(truth.inputs[name], array)
    code, _, err = run("convert", masked, *common, "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    proof = json.loads((tmp_path / "out" / "masked.proof.json").read_text())
    assert (proof["verdict"], proof["input"]) == ("pass", {"data": [2, 4, 8], "x": [4]})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--npz none.npz", "--npz none.npz: no such file."),
        ("--npz text.npz", "--npz text.npz: not an .npz file of arrays ("),
        ("--npz words.npz", "--npz words.npz: 'data' is of <U1; supported: numbers"),
        ("--npz short.npz", "'data' and 'x' share the size N, which is 5 in one array and 6"),
        ("--npz in.npz --seed 3", "--seed and --npz: its arrays are not drawn."),
        ("--input-range x=1:2 --reference r.npz", "--reference: the recording has its own"),
        ("--input-range x=3:1", "--input-range x=3:1: write NAME=LOW:HIGH"),
        ("--input-range x=3", "--input-range x=3: write NAME=LOW:HIGH"),
        ("--input-range y=1:3", "--input-range y: the network has no such input; it has: data, x."),
    ],
)
def test_refusals(
    words: str,
    said: str,
    refuse: Refuse,
    masked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.npz").write_text("no zip")
    np.savez("words.npz", data=np.array(["a"]))
    np.savez("short.npz", data=np.ones((4, 5, 8)), x=np.ones(6))
    np.savez("in.npz", data=np.ones((4, 5, 8)), x=np.ones(5))
    stated = ("--input", "data=TxNx8", "--input", "x=N")
    assert said in refuse("verify", "masked", *stated, *words.split())
