"""`mxproof verify`: proofs that succeed, proofs that fail, and the record of both."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any, Dict, Iterator, List

import numpy as np
import pytest

from converters import Graph, load_checkpoint
from mxproof.proof import verify as module
from mxproof.runtimes.mxnet.client import MxnetProcess
from mxproof.runtimes.registry import TARGETS, convert

from .conftest import Refuse, Run

pytestmark = pytest.mark.usefixtures("runtimes")

INPUT = ("--input", "data=2x3x8x6")
BLAMED = "unit2_bn1"


@pytest.fixture
def verify(run: Run, prefix: Path, mxnet: MxnetProcess, tmp_path: Path) -> Iterator[Any]:
    """(exit code, standard output, standard error, the JSON)."""

    def call(*options: str) -> Any:
        path = tmp_path / "proof.json"
        common = ("--mxnet-python", mxnet.python, *INPUT, "--json", path)
        code, out, err = run("verify", prefix, *common, *options)
        return code, out, err, json.loads(path.read_text())

    return call


def check_layer(layer: Dict[str, Any]) -> None:
    assert set(layer) == {
        *("name", "op", "shape", "float64_rel", "float32_ratio", "max_abs", "max_rel", "verdict"),
        *("float64_allowed", "float64_part", "float32_allowed", "float32_part"),
        *("problem", "alone", "note", "float64_deviation", "float32_deviation"),
    }
    assert (layer["verdict"] == "fail") == (layer["problem"] is not None)
    parts = [layer["float64_part"], layer["float32_part"]]
    assert (layer["verdict"] == "fail") == any(part is None or part > 1 for part in parts)
    assert isinstance(layer["op"], str)
    for key in ("float64_rel", "max_abs", "max_rel"):
        assert isinstance(layer[key], float)
        assert math.isfinite(layer[key])
    assert layer["float32_ratio"] is None or layer["float32_ratio"] >= 0


def check_schema(record: Dict[str, Any], graph: Graph, targets: List[str]) -> None:
    """Other tools read this: keys may be added, never renamed."""
    keys = {"schema", "model", "input", "weights", "reference", "versions", "targets"}
    added = {"verdict", "problems", "system", "source", "command", "latency", "notes"}
    assert set(record) == keys | added | {"coverage", "coverage_note"}
    assert record["coverage_note"] is None
    shares = {key: dict(share) for key, share in record["coverage"].items()}
    assert set(shares) == {"stored", "channels", "relu_signs"}
    assert shares["stored"]["missing"] == shares["stored"]["exempt"] == {}
    for name, share in shares.items():
        more = {"missing", "exempt"} if name == "stored" else set()
        assert set(share) == {"total", "chain", "isolated"} | more
    assert shares["stored"]["isolated"] == shares["stored"]["total"] == 453
    verdicts = [target["verdict"] for target in record["targets"].values()]
    assert record["verdict"] == ("pass" if set(verdicts) == {"pass"} else "fail")
    assert record["source"]["symbol"] == "small-symbol.json"
    assert record["command"].startswith("mxproof verify ")
    assert record["reference"] == "mxnet"
    assert (record["schema"], record["model"], record["weights"]) == (1, "small", "user")
    assert record["input"] == {"data": [2, 3, 8, 6]}
    assert list(record["targets"]) == targets
    shapes = graph.infer_shapes({"data": (2, 3, 8, 6)})
    for target in record["targets"].values():
        assert set(target) == {
            *("verdict", "first_introduced", "introduced", "problems", "output", "layers"),
            *("explanation", "precisions", "function", "precision", "less_precise", "digits_lost"),
            *("stored", "stored_note"),
            *("stored", "stored_note"),
        }
        questions = {target["function"], target["precision"]}
        assert (target["verdict"] == "pass") == (questions == {"pass"})
        assert (target["verdict"] == "fail") == bool(target["explanation"])
        assert set(target["output"]) == {
            *("max_abs", "max_rel", "top1_equal", "top1", "top1_note", "not_compared"),
            *("function", "precision"),
        }
        expected = [(n.name, n.op, list(shapes[n.name] or ())) for n in graph.nodes]
        assert [(s["name"], s["op"], s["shape"]) for s in target["layers"]] == expected
        for layer in target["layers"]:
            check_layer(layer)


RUNTIMES = ["mxnet", "onnxruntime", "pytorch"]


def test_a_proof(verify: Any, prefix: Path, tmp_path: Path) -> None:
    """--html measures latencies, and says how to see it all again."""
    page, summary = tmp_path / "proof.html", tmp_path / "proof.md"
    code, out, err, record = verify("--html", str(page), "--markdown", str(summary))
    assert (code, err) == (0, "")
    assert out.count("pass") == 2
    check_schema(record, load_checkpoint(prefix), ["onnx", "pytorch"])
    for target in record["targets"].values():
        assert (target["verdict"], target["first_introduced"]) == ("pass", None)
        assert (target["function"], target["precision"]) == ("pass", "pass")
        assert target["problems"] == []
        stored = target["stored"]
        assert (stored["arrays"], stored["numbers"], stored["equal"]) == (13, 453, 453)
        assert target["output"]["top1_equal"] is True
        assert 0 <= target["output"]["max_abs"] < 1e-5
        assert {layer["verdict"] for layer in target["layers"]} == {"pass"}
        assert 0 < max(layer["float64_rel"] for layer in target["layers"]) < 1e-12
    assert list(record["latency"]) == RUNTIMES
    for timing in record["latency"].values():
        assert 0 < timing["min_ms"] <= timing["median_ms"]
        assert timing["rounds"] >= 3
    text = unescape(page.read_text(encoding="utf-8"))
    assert "<title>Proven equal: small</title>" in text
    assert record["command"] in text
    assert all(f">{name}</th>" in text for name in ("MXNet", "onnxruntime", "PyTorch"))
    assert "| small | ONNX | ✓ pass |" in summary.read_text(encoding="utf-8")


def test_layers_that_there_are_not(refuse: Refuse, prefix: Path, tmp_path: Path) -> None:
    """Said before the proof, or its verdict would be lost."""
    err = refuse("verify", prefix, "--layers", "typo*", "--json", tmp_path / "out.json")
    assert err.count("--layers typo*: small has no such layer; see `inspect`.") == 1
    assert not (tmp_path / "out.json").exists()


def test_another_seed_is_another_input(verify: Any, prefix: Path) -> None:
    """Quietly, on one target."""
    records = []
    for seed in ("0", "0", "1"):
        options = ("--quiet", "--to", "pytorch", "--samples", "1", "--seed", seed)
        code, out, err, record = verify(*options)
        assert (code, out, err) == (0, "", "")
        records.append(record)
    check_schema(records[0], load_checkpoint(prefix), ["pytorch"])
    assert records[0] == records[1]
    assert records[0]["targets"] != records[2]["targets"]
    assert records[0]["latency"] == {}


def with_wrong_epsilon(graph: Graph, target: str, folder: Path) -> List[Path]:
    """A conversion that reads one layer's epsilon as MXNet's default."""

    def edit(node: Any) -> Any:
        return replace(node, attrs={**node.attrs, "eps": "1e-3"}) if node.name == BLAMED else node

    return convert(replace(graph, nodes=tuple(map(edit, graph.nodes))), target, folder)


def plant(monkeypatch: pytest.MonkeyPatch, change: Any, faulty: str) -> None:
    """Convert to one target by `change`, and to the others as always."""

    def wrong(graph: Graph, target: str, folder: Path) -> List[Path]:
        return list((change if target == faulty else convert)(graph, target, folder))

    monkeypatch.setattr(module, "convert", wrong)


@pytest.mark.parametrize("faulty", TARGETS)
def test_a_fault_is_named(
    faulty: str, verify: Any, prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one target; the other is still proven. What is wrong is not timed, and no page calls it
    proven."""
    plant(monkeypatch, with_wrong_epsilon, faulty)
    path = tmp_path / "proof.html"
    code, out, err, record = verify("--html", str(path))
    assert code == 1
    assert (out.count("pass"), out.count("FAIL")) == (1, 1)
    assert err.startswith(
        f"small/{faulty} float64: BatchNorm '{BLAMED}' introduced the first difference "
        "(layer 6 of 13): "
    )
    *paragraphs, replay = err.splitlines()
    assert len(paragraphs) == 2, "one for each precision"
    assert replay.startswith(f"for a reproducer: mxproof verify {prefix} --to {faulty} --input ")
    assert replay.endswith(" --repro repro")
    check_schema(record, load_checkpoint(prefix), ["onnx", "pytorch"])
    verdicts = {name: target["verdict"] for name, target in record["targets"].items()}
    assert verdicts == {name: "fail" if name == faulty else "pass" for name in TARGETS}
    failed = record["targets"][faulty]
    assert failed["first_introduced"] == BLAMED
    layers = [(layer["name"], layer["verdict"]) for layer in failed["layers"]]
    at = [name for name, _ in layers].index(BLAMED)
    assert {verdict for _, verdict in layers[:at]} == {"pass"}
    assert {verdict for _, verdict in layers[at : at + 4]} == {"fail"}, "and it spreads"
    timed = {"onnx": "pytorch", "pytorch": "onnxruntime"}[faulty]
    assert list(record["latency"]) == ["mxnet", timed]
    page = path.read_text(encoding="utf-8")
    assert "<title>Not equal: small</title>" in page
    assert f"<li><strong>{BLAMED}</strong> (BatchNorm, layer 6 of 13): " in page
    assert paragraphs[0].partition("(layer 6 of 13): ")[2].partition(";")[0] in unescape(page)
    title = {"onnx": "ONNX", "pytorch": "PyTorch"}[faulty]
    assert f"{title} differs from MXNet, first in BatchNorm {BLAMED} (layer 6 of 13)." in page


def lies(values: List[Any]) -> List[Any]:
    return [value * np.float32(1.0001) for value in values]


def stops(values: List[Any]) -> List[Any]:
    raise RuntimeError("no kernel image is available")


def less(values: List[Any]) -> List[Any]:
    return [value[:1] for value in values]


@pytest.mark.parametrize("change", [lies, stops, less])
def test_what_the_user_runs_is_what_is_proven(
    change: Any, verify: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime that is right while it is watched, and wrong when it is not."""
    from mxproof.runtimes.onnxruntime import OnnxRuntime

    honest = OnnxRuntime.run
    monkeypatch.setattr(OnnxRuntime, "run", lambda self, inputs: change(honest(self, inputs)))
    code, _, err, record = verify("--to", "onnx", "--samples", "1")
    assert code == 1
    assert err.startswith("small/onnx float32: ")
    assert "softmax" in err
    assert len(err.splitlines()) == 2, "what it is, and how to see it again"
    assert record["targets"]["onnx"]["verdict"] == "fail"
    assert (record["targets"]["onnx"]["output"]["max_abs"] is None) == (change is not lies)


def damaged(graph: Graph, target: str, folder: Path) -> List[Path]:
    """Files that no runtime loads."""
    files = convert(graph, target, folder)
    path = files[-1]  # the model in ONNX, the weights for PyTorch
    path.write_bytes(path.read_bytes()[:-100])
    return files


@pytest.mark.parametrize("target", TARGETS)
def test_a_file_that_does_not_load_is_a_failed_proof(
    target: str, verify: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, damaged, target)
    code, _, err, record = verify("--to", target)
    assert code == 1
    assert err.startswith(f"small/{target} float64: ")
    assert "stopped after 0 layers" in err
    assert record["targets"][target]["verdict"] == "fail"


def test_a_budget_that_nothing_needs_is_in_every_report(verify: Any, tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text('[{"layer": "fc*", "float32_ratio": 8, "reason": "none"}]')
    files = tmp_path / "proof.html", tmp_path / "proof.md"
    options = ("--html", str(files[0]), "--markdown", str(files[1]), "--budgets", str(rows))
    code, _, err, record = verify(*options, "--samples", "1")
    assert (code, record["verdict"]) == (1, "fail")
    assert err == f"--budgets {rows}: no layer needed the row for layer=fc*. Delete it.\n"
    assert record["problems"] == [err.strip()]
    for file in files:
        assert "no layer needed the row" in file.read_text(encoding="utf-8")
        assert "Proven equal" not in file.read_text(encoding="utf-8")


def test_a_stricter_row_fails_what_is_less_precise_than_it_asks(
    verify: Any, prefix: Path, tmp_path: Path
) -> None:
    """The function is the same; every report says so, and which row it was."""
    rows = tmp_path / "rows.json"
    rows.write_text('[{"layer": "fc", "float32_ratio": 1e-3, "reason": "to be exact"}]')
    files = tmp_path / "proof.html", tmp_path / "proof.md"
    options = ("--html", str(files[0]), "--markdown", str(files[1]), "--budgets", str(rows))
    code, out, err, record = verify(*options, "--to", "pytorch")
    assert code == 1
    check_schema(record, load_checkpoint(prefix), ["pytorch"])
    found = record["targets"]["pytorch"]
    assert (found["function"], found["precision"]) == ("pass", "fail")
    assert found["less_precise"].keys() == {"fc"} and found["less_precise"]["fc"] > 10
    assert "small/pytorch float32: FullyConnected 'fc' introduced the first difference" in err
    assert ", limited by the row for layer=fc; 1 of 13 layers differ" in err
    assert "no layer" not in err, "the row is used"
    words = " ".join(out.replace("\u2502", " ").split())
    assert "same function" in words and "less precise in 1 layer" in words
    said = "PyTorch is the same function, but less precise in 1 layer; the first is FullyConnected"
    assert f"{said} fc (layer 12 of 13)." in files[0].read_text(encoding="utf-8")
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert "Less precise" in text and "same function" in text and "Not equal" not in text


def test_latency_alone(verify: Any) -> None:
    record = verify("--samples", "1", "--to", "onnx", "--latency")[3]
    assert list(record["latency"]) == RUNTIMES[:2]
