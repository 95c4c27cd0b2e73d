"""Recordings: written and read back, and refused where they do not fit."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np
import pytest

from converters import Graph, load_checkpoint
from mxproof.proof.trace import ReferenceTrace
from mxproof.recording.file import RecordingError, given_inputs, load_recording, save_recording
from mxproof.runtimes.base import RoundedLayer, Rounding

VERSIONS = {"mxnet": "1.9.1", "numpy": "1.23.5", "python": "3.11.7"}
SHAPES = {"data": (2, 3, 24, 20)}
WHAT_TO_DO = "Make one where MXNet runs: mxproof record CHECKPOINT -o small.npz."


def made_up(graph: Graph, seed: int = 0, bad: float = 0.0) -> ReferenceTrace:
    """Results of the right shapes; no network is run."""
    random = np.random.default_rng(seed)
    shapes, layers = graph.infer_shapes(SHAPES), []
    for name in (name for node in graph.nodes for name in node.outputs):
        t = random.standard_normal(shapes[name])
        m = (t + 1e-6 * random.standard_normal(t.shape)).astype("f")
        channels = t.shape[1] if t.ndim > 1 else 1
        rounding = Rounding(carried=random.uniform(0, 1e-9, channels), largest=3e-5)
        layers.append(RoundedLayer(name, t, m, rounding))
    layers[3].float32.flat[0] += bad
    inputs = {"data": random.standard_normal(SHAPES["data"]).astype("f")}
    return ReferenceTrace(inputs, layers, [layers[-1].float32])


def recording_of(prefix: Path) -> Path:
    """A recording of two inputs, beside the checkpoint."""
    path, graph = prefix.with_suffix(".npz"), load_checkpoint(prefix)
    save_recording(path, graph, [made_up(graph, 0), made_up(graph, 1)], VERSIONS, SHAPES)
    return path


@pytest.fixture
def graph(prefix: Path) -> Graph:
    return load_checkpoint(prefix)


path = pytest.fixture(recording_of, name="path")


def test_other_outputs_than_were_recorded_are_refused(prefix: Path) -> None:
    """In another order, they have the same layers."""
    path = prefix.with_suffix(".npz")
    one, other = (
        load_checkpoint(prefix, outputs=names) for names in (["fc", "flat"], ["flat", "fc"])
    )
    save_recording(path, one, [made_up(one)], VERSIONS, SHAPES)
    assert len(list(load_recording(path, one))) == 1
    with pytest.raises(RecordingError, match=r"with the outputs \['fc', 'flat'\], in that order"):
        load_recording(path, other)


def test_what_is_written_is_read(path: Path, graph: Graph) -> None:
    recording = load_recording(path, graph)
    assert recording.versions == VERSIONS
    assert given_inputs(path) == SHAPES
    assert [list(t.names) for t in recording] == [list(made_up(graph).names)] * 2
    for seed, truth in enumerate(recording):
        expected = made_up(graph, seed)
        assert not truth.whole
        assert len(truth) == len(expected) == 13
        assert "conv0" in truth
        assert "fc2" not in truth
        assert truth.portions(1 << 14) == expected.portions(1 << 14)
        np.testing.assert_array_equal(truth.inputs["data"], expected.inputs["data"])
        np.testing.assert_array_equal(truth.outputs[0], expected.outputs[0])
        whole = [name for name in truth.names if truth.holds(name)]
        assert whole == ["pool", "flat", "fc", "softmax"]
        for layer in expected:
            sums = truth.check(layer.name, "op", layer.float32, "float32").sums
            assert isinstance(layer, RoundedLayer)
            assert sums is not None
            np.testing.assert_allclose(sums.spread, layer.rounding.carried, rtol=1e-6)
            for precision in ("float64", "float32"):
                value = getattr(layer, precision)
                assert truth.check(layer.name, "op", value, precision).problem is None
                if layer.name in whole:
                    np.testing.assert_array_equal(getattr(truth[layer.name], precision), value)
            assert truth.check(layer.name, "op", layer.float64 * (1 + 1e-9), "float64").problem


def test_a_layer_that_is_not_whole_cannot_be_read(path: Path, graph: Graph) -> None:
    truth = next(iter(load_recording(path, graph)))
    with pytest.raises(KeyError, match="does not hold all numbers of layer 'conv0'"):
        truth["conv0"]


def test_the_same_results_give_the_same_bytes(path: Path, graph: Graph, tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    save_recording(again, graph, (made_up(graph, seed) for seed in (0, 1)), VERSIONS, SHAPES)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_truth_that_is_not_finite_is_not_recorded(bad: float, path: Path, graph: Graph) -> None:
    before = path.read_bytes()
    with pytest.raises(
        RecordingError, match="'unit1_conv1' holds values in MXNet that are not fin"
    ):
        save_recording(path, graph, [made_up(graph), made_up(graph, 1, bad)], VERSIONS)
    assert path.read_bytes() == before
    assert len(list(path.parent.glob("*small.npz*"))) == 1


def edited(path: Path, **members: Any) -> None:
    """Replace members: bytes as they are, None to leave out, else a function of the header."""
    with zipfile.ZipFile(path) as old:
        kept = {name: old.read(name) for name in old.namelist()}
    for name, change in members.items():
        name = {"header": "header.json"}.get(name, f"0/{name}.npy")
        if callable(change):
            document = json.loads(kept[name])
            change(document)
            change = json.dumps(document).encode()
        kept[name] = change
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in kept.items():
            if data is not None:
                new.writestr(name, data)


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=array.dtype == object)
    return buffer.getvalue()


def first(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A change of what the header says of the first input."""
    return lambda header: change(header["truths"][0])


def sized(*shape: float) -> Callable[[Any], Any]:
    return first(lambda truth: truth["inputs"].update(data=shape))


HUGE = b"\x93NUMPY\x01\x00v\x00" + (
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + "\n"
).encode("latin1")
HUGE_LAYER = "layer 'conv0' is 2x4x24x20, not 2x4x1000000000x1000000000"

#: What is done to a file, or to members of it -> what is said of it.
DAMAGED: Dict[str, Tuple[Any, str]] = {
    "empty": (lambda p: p.write_bytes(b""), "BadZipFile"),
    "text": (lambda p: p.write_text("hello"), "BadZipFile"),
    "truncated": (lambda p: p.write_bytes(p.read_bytes()[:-100]), "BadZipFile"),
    "another npz": (lambda p: np.savez(p, a=np.zeros(3)), "There is no item named"),
    "no header": ({"header": None}, "There is no item named"),
    "a list": ({"header": b"[]"}, "TypeError"),
    "no json": ({"header": b"\xff{"}, "Error"),
    "nested": ({"header": b"[" * 100_000}, "RecursionError"),
    "another format": ({"header": lambda h: h.update(format="x")}, "says 'x', not"),
    "no inputs": ({"header": lambda h: h.update(truths=[])}, "holds no input"),
    "other inputs": ({"header": first(lambda t: t.update(inputs={"x": [1]}))}, r"are \['x'\]"),
    "a size of -1": ({"header": sized(2, 3, -1, 20)}, "-1 is no size"),
    "a size of 1.5": ({"header": sized(2, 3, 1.5, 20)}, "1.5 is no size"),
    "four channels": ({"header": sized(2, 4, 24, 20)}, "its inputs cannot be"),
    "huge inputs": ({"header": sized(2, 3, 10**9, 10**9)}, HUGE_LAYER),
    "layers lost": ({"header": first(lambda t: t["shapes"].pop())}, "shapes of 12 layers, not 13"),
    "array lost": ({"cells": None}, "There is no item named"),
    "array cut": ({"cells": npy(np.zeros(7))}, r"cells is float64 of shape \(7,\)"),
    "float32 for 64": ({"scale": npy(np.zeros(39, "f"))}, "scale is float32"),
    "objects": ({"scale": npy(np.array([{}] * 39))}, "scale is object"),
    "nan": ({"scale": npy(np.full(39, np.nan))}, "not finite"),
    "huge array": ({"scale": HUGE}, r"of shape \(1000000000000,\), not"),
    "no npy": ({"scale": b"x" * 500}, "magic string"),
    "bomb": ({"more": bytes(80 << 20)}, "bytes unpack to 8"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_refused(damage: str, path: Path, graph: Graph) -> None:
    change, message = DAMAGED[damage]
    if callable(change):
        change(path)
    else:
        edited(path, **change)
    with pytest.raises(RecordingError, match=message) as caught:
        load_recording(path, graph)
    text = str(caught.value)
    assert text.startswith(f"{path}: is no recording, or a damaged one (")
    assert text.endswith(WHAT_TO_DO)


def test_any_flipped_bit_is_refused_or_harmless(path: Path, graph: Graph) -> None:
    """Harmless are dates and the like, which nobody reads."""

    def read() -> Any:
        return [k for truth in load_recording(path, graph) for k in truth.kept.values()]

    whole, expected, refused = path.read_bytes(), read(), 0
    for place in range(0, len(whole), 997):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            found = read()
        except RecordingError:
            refused += 1
        else:
            for a, b in zip(found, expected):
                np.testing.assert_equal(vars(a), vars(b))
    assert refused > len(whole) / 997 * 0.9


def test_files_of_another_time_are_refused(path: Path, graph: Graph) -> None:
    edited(path, header=lambda h: h["layers"][2].__setitem__(1, "Crop"))
    with pytest.raises(RecordingError, match=r"\['unit1_relu1', 'Crop'\], \['unit1_relu1', 'Act"):
        load_recording(path, graph)
    edited(path, header=lambda h: h.update(schema=2, mxproof="9.9"))
    for read in (given_inputs, lambda p: load_recording(p, graph)):
        with pytest.raises(RecordingError, match="of schema 2, written by mxproof 9.9; .* reads"):
            read(path)
